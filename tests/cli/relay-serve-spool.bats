# Recordings of relay-serve --spool: through sudden death and full disks, on demand, and their end.

load ../lib/common
export PORT=18890
load ../lib/relay

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    export RELAY=$PWD SPOOL=$PWD/spool
    ID=$(make-relay id)
    {
        printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:%s"\ndata = "%s"\ndvr = "2m"\n' "$PORT" "$PWD/data"
        printf '[ingest.line%s]\nlisten = "127.0.0.1:%s"\n' A $((PORT + 1)) B $((PORT + 3))
    } >relay.toml
}
teardown() { end_started; }

# serve [COMMAND…] OPTION…: relay-serve in the background, started by COMMAND; events of all lives are in one file.
serve() {
    start relay sh -c 'exec "$@" >>events' sh "$@" --config relay.toml --events -
    wait_for 5 curl -sf "$HTTP/healthz"
}
media() { cat "$SPOOL/$ID"/*.ts; }
metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1{reservation=\"$ID\"} //p"; }
# segments N: so many are on the disk.
segments() { [ "$(grep -c '"type":"segment"' "$SPOOL/$ID/index")" -ge "$1" ]; }

@test "killed in the middle: the sequence goes on, old segments stay, and the recording is what came" {
    local names lines
    make-relay data data r1 "$ID,0,40,drain=1,retention=15"
    make_media media.ts 30
    serve relay-serve --spool "$SPOOL"
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    publish one "$ID" media.ts
    wait_for 20 segments 4
    curl -s "$HTTP/w/$ID/index.m3u8" >first.m3u8
    curl -s "$HTTP/w/$ID/ll.m3u8" >first-ll.m3u8
    mapfile -t names < <(grep '^[0-9]' first.m3u8)
    for name in "${names[@]}"; do
        curl -sf -D "$name.head" -o "$name" "$HTTP/w/$ID/$name"
    done
    assert_equal "$(stat -c %a "$SPOOL" "$SPOOL/$ID" "$SPOOL/$ID/index" | xargs)" '750 750 640'
    kill -9 "$started_relay" "$started_one"
    wait "$started_relay" || true
    wait "$started_viewer" || true
    mv viewer.out viewer-1.ts

    # What the death tore, and what is none of the relay's.
    printf '{"type":"segment","v":1,"sequ' >>"$SPOOL/$ID/index"
    printf 'torn' >>"$(find "$SPOOL/$ID" -name '*.ts' | sort | tail -n 1)"
    echo mine >"$SPOOL/$ID/notes.txt"
    serve relay-serve --spool "$SPOOL"
    grep -q 'bytes torn at its end' relay.err
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    curl -s "$HTTP/w/$ID/index.m3u8" >second.m3u8
    for name in "${names[@]}"; do
        run -0 curl -sf -D again.head -o again "$HTTP/w/$ID/$name"
        cmp "$name" again
        diff <(grep -vi ^date: "$name.head") <(grep -vi ^date: again.head)
        assert_equal "$(status_of -H "If-None-Match: \"$name\"" "$HTTP/w/$ID/$name")" 304
    done
    local before
    before=$(grep -c '"type":"segment"' "$SPOOL/$ID/index")
    publish two "$ID" media.ts
    wait_for 20 segments $((before + 3))
    curl -s "$HTTP/w/$ID/index.m3u8" >third.m3u8
    curl -s "$HTTP/w/$ID/ll.m3u8" >third-ll.m3u8
    happened back "$ID"
    assert_equal "$(jq -s '[.[] | select(.type == "first_media")] | length' events)" 1
    assert [ "$(metric recorded_bytes)" -gt 200000 ]
    assert_equal "$(metric recording_lost_segments_total)" 0
    # Two others read them one after the other: no number is used twice, one discontinuity, the lost as gaps.
    run -0 node "$SLOTCAST_ROOT/tests/web/playlists.mjs" first.m3u8 second.m3u8 third.m3u8
    jq -e '.discontinuities == 1 and .gaps == 2' <<<"$output"
    run -0 node "$SLOTCAST_ROOT/tests/web/playlists.mjs" first-ll.m3u8 third-ll.m3u8

    # The end: on demand, over both lives, also for the next life, then nothing.
    wait_for 40 happened ended "$ID"
    wait "$started_viewer" || true
    curl -s "$HTTP/w/$ID/index.m3u8" >fourth.m3u8
    grep -qx '#EXT-X-ENDLIST' fourth.m3u8
    local first
    first=$(cat "${names[@]}" | wc -c)
    media >all.ts
    cmp -n "$first" all.ts viewer-1.ts
    # All that viewers saw of the second life is in the files, behind the first life's.
    tail -c +"$(($(stat -c %s all.ts) - $(stat -c %s viewer.out) + 1))" all.ts | cmp - viewer.out
    cmp -n "$(($(stat -c %s all.ts) - $(stat -c %s viewer.out)))" all.ts viewer-1.ts
    kill -9 "$started_relay"
    wait "$started_relay" || true
    serve relay-serve --spool "$SPOOL"
    run -0 curl -s "$HTTP/w/$ID/index.m3u8"
    assert_line '#EXT-X-PLAYLIST-TYPE:VOD'
    # All of it, but for the gaps.
    local name gap='' gaps=0
    mapfile -t lines < <(grep -x '#EXT-X-GAP\|[0-9].*' <<<"$output")
    for name in "${lines[@]}"; do
        if [ "$name" = '#EXT-X-GAP' ]; then
            gap=1 gaps=$((gaps + 1))
        elif [ -n "$gap" ]; then
            gap=
            assert_equal "$(status_of "$HTTP/w/$ID/$name")" 404
        else
            curl -sf "$HTTP/w/$ID/$name" >>demand.ts
        fi
    done
    assert_equal "$gaps" 2
    cmp demand.ts all.ts
    assert_equal "$(jq -s '[.[] | select(.type == "ended")] | length' events)" 1
    assert_matches_schema relay-serve <events
    removed() { [ ! -e "$SPOOL/$ID/index" ]; }
    wait_for 30 removed
    assert_equal "$(ls "$SPOOL/$ID")" notes.txt
    assert_equal "$(status_of "$HTTP/w/$ID/index.m3u8")" 404
}

@test "a full disk is said, once, and live viewers miss nothing; when there is room again it records" {
    make-relay data data r1 "$ID,0,60,drain=1"
    make_media media.ts 40
    mkdir -m 750 spool
    head -c 900k /dev/zero >spool/filler
    serve on_full_disk 1200k "$SPOOL" relay-serve --spool "$SPOOL"
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    publish one "$ID" media.ts
    wait_for 20 happened recording_failed "$ID"
    jq -es --arg id "$ID" 'any(.type == "recording_failed" and .reservation == $id and (.reason | contains("no space left on device")))' events
    grep -q "^relay-serve: error: spool: .*no space left on device; the recording of $ID has a gap, the live stream goes on" relay.err
    assert [ "$(metric recording_lost_segments_total)" -ge 1 ]
    relay-serve --config relay.toml status | tee status | assert_matches_schema relay-serve
    jq -es 'any(.type == "relay" and .recordings_failing == 1) and any(.type == "event" and .recording_lost_segments >= 1 and .recorded_bytes > 0)' status
    # What is in memory is listed and served as ever.
    local name
    lost() { [ "$(metric recording_lost_segments_total)" -ge 3 ]; }
    wait_for 20 lost
    for name in $(curl -s "$HTTP/w/$ID/index.m3u8" | grep '^[0-9]'); do
        assert_equal "$(status_of -I "$HTTP/w/$ID/$name")" 200
    done
    assert_equal "$(jq -s '[.[] | select(.type == "recording_failed")] | length' events)" 1
    cp "/proc/$started_relay/root/$SPOOL/$ID/index" .
    rm "/proc/$started_relay/root/$SPOOL/filler"
    wait_for 10 happened recording_back "$ID"
    more() { [ "$(wc -l <"/proc/$started_relay/root/$SPOOL/$ID/index")" -gt "$(($(wc -l <index) + 1))" ]; }
    wait_for 10 more
    # The files are whole segments still, and the viewer has a stream without a hole.
    cat "/proc/$started_relay/root/$SPOOL/$ID"/*.ts >all.ts
    assert_equal $(($(stat -c %s all.ts) % 188)) 0
    run -0 timeout 20 ffmpeg -nostdin -v error -i all.ts -map 0:v -c copy -f null -
    kill "$started_one" "$started_relay"
    wait "$started_viewer" || true
    run -0 timeout 20 ffmpeg -nostdin -v warning -i viewer.out -c copy -f null -
    refute_output --partial 'Continuity'
    assert_matches_schema relay-serve <events
}

@test "ended by SIGTERM it leaves no gap: the last segment is written before it goes" {
    make-relay data data r1 "$ID,0,60,drain=1"
    make_media media.ts 30
    echo "spool = \"$SPOOL\"" | cat - relay.toml >with.toml && mv with.toml relay.toml
    serve relay-serve
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    publish one "$ID" media.ts
    wait_for 20 segments 2
    kill "$started_relay"
    wait "$started_viewer" || true
    wait "$started_relay" || true
    kill -9 "$started_one"
    # All that a viewer was given is on the disk.
    media | head -c "$(stat -c %s viewer.out)" | cmp - viewer.out
    assert_matches_schema recording-index <"$SPOOL/$ID/index"
    jq -es '.[-1].type == "closed" and (.[-1].ended | not)' "$SPOOL/$ID/index"
    serve relay-serve
    run -0 curl -s "$HTTP/w/$ID/index.m3u8"
    refute_output --partial GAP
    publish two "$ID" media.ts
    continued() { curl -s "$HTTP/w/$ID/index.m3u8" | grep -qx '#EXT-X-DISCONTINUITY'; }
    wait_for 20 continued
}

@test "the folder is checked at the start; the flag overrides the environment, and that the file" {
    make-relay data data r1 "$ID,0,60"
    mkdir flag env file
    echo 'spool = "file"' | cat - relay.toml >with.toml && mv with.toml relay.toml
    relay-serve --config relay.toml --print-config | grep -qx 'spool = "file"'
    env SLOTCAST_SPOOL=env relay-serve --config relay.toml --print-config | grep -qx 'spool = "env"'
    env SLOTCAST_SPOOL=env relay-serve --config relay.toml --spool flag --print-config | grep -qx 'spool = "flag"'

    run -66 timeout 20 relay-serve --config relay.toml --spool "$PWD/absent/spool"
    assert_output --partial "make the spool $PWD/absent/spool: no such file or directory"
    run -78 timeout 20 relay-serve --config relay.toml --spool "$PWD/relay.toml"
    assert_output --partial 'is not a folder'
    chmod 777 flag
    run -77 timeout 20 relay-serve --config relay.toml --spool "$PWD/flag"
    assert_output --partial 'can be written to by others (mode 0777)'
    assert_output --partial 'chmod 750'
    run -77 relay-serve --config relay.toml --spool "$PWD/flag" check
    jq -es 'any(.what == "spool" and (.ok | not))' <<<"$(grep '^{' <<<"$output")"
    chmod 750 flag
    serve relay-serve --spool "$PWD/flag"
    sed "s/$PORT/18899/; s/$((PORT + 1))/18897/; s/$((PORT + 3))/18895/; s,/data\",/other\"," relay.toml >other.toml
    make-relay data other r1 "$ID,0,60"
    run -75 timeout 20 relay-serve --config other.toml --spool "$PWD/flag"
}

@test "down at the event's end, it says so when it starts again, and the recording is on demand" {
    local over
    make_media media.ts 20
    make-relay data data r1 "$ID,0,10,drain=1,retention=120"
    over=$((SECONDS + 12))
    serve relay-serve --spool "$SPOOL"
    publish one "$ID" media.ts
    wait_for 10 segments 2
    kill -9 "$started_relay"
    wait "$started_relay" || true
    sleep $((over > SECONDS ? over - SECONDS : 0))
    serve relay-serve --spool "$SPOOL"
    wait_for 5 happened ended "$ID"
    run curl -s "$HTTP/w/$ID/index.m3u8"
    assert_line '#EXT-X-ENDLIST'
}
