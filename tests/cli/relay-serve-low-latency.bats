# Low-latency HLS (RFC 8216bis): parts, blocked requests, what is refused; two other readers of playlists.

load ../lib/common
export PORT=18780
load ../lib/relay

setup_file() {
    export ID AWAY OLD
    ID=$(make-relay id) AWAY=$(make-relay id) OLD=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" 100 # first: events begin with the relay
    relay_up 'segments = 20' -- "$ID,0,300" "$AWAY,0,120,channel=studio2,viewers=1" "$OLD,0,300,channel=studio3"
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
    wait_for 12 has_segments "$ID" 2
}
teardown_file() {
    kill "$(cat "$RELAY/publisher")" || true
    relay_down
}
teardown() { end_started; }

url() { echo "$HTTP/w/$ID/ll.m3u8"; }
# hint: the part that is filled now, as SEQUENCE.INDEX
hint() { curl -s "$(url)" | sed -n 's/^#EXT-X-PRELOAD-HINT:.*URI="\([0-9.]*\)-.*/\1/p'; }
waiting() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_requests_waiting{reservation=\"$1\"} //p"; }

@test "two other readers accept every playlist for 12 s, full and delta, each answered when there is news" {
    run timeout 30 node "$SLOTCAST_ROOT/tests/web/playlists.mjs" "$(url)" 12
    assert_success
    jq -e '.playlists > 25 and .segments >= 6 and .parts > 30 and .blocked > 20' <<<"$output"
    run -0 timeout 30 node "$SLOTCAST_ROOT/tests/web/playlists.mjs" "$HTTP/w/$ID/index.m3u8" 3
    jq -e '.playlists > 2 and .parts == 0' <<<"$output"
}

@test "what a delta playlist leaves out is what was listed before, and the rest is as in the full one" {
    send fast "$OLD" "$RELAY/media.ts" 32900 # four times as fast as it plays
    wait_for 30 has_segments "$OLD" 15 # a delta playlist skips what is older than six target durations
    run -0 timeout 30 node "$SLOTCAST_ROOT/tests/web/playlists.mjs" "$HTTP/w/$OLD/ll.m3u8" 5
    jq -e '.skipped > 20 and .merged > 5' <<<"$output"
}

@test "parts are slices of their segment, immutable, and together all of it" {
    local dir=$BATS_TEST_TMPDIR names name tag segment
    curl -s "$(url)" >"$dir/list"
    segment=$(grep '^[0-9]' "$dir/list" | tail -n 1)
    tag=${segment#*-}
    names=$(sed -n "s/.*URI=\"\(${segment%%-*}\.[0-9]*-$tag\)\".*/\1/p" "$dir/list" | sort -u -t . -k 2n)
    for name in $names; do curl -sf "$HTTP/w/$ID/$name" >>"$dir/parts"; done
    curl -sf "$HTTP/w/$ID/$segment" | cmp - "$dir/parts"
    name=$(head -n 1 <<<"$names")
    run -0 curl -sI "$HTTP/w/$ID/$name"
    assert_equal "$(header cache-control)" 'public, max-age=31536000, immutable'
    assert_equal "$(header etag)" "\"$name\""
    assert_equal "$(status_of -r 188-375 "$HTTP/w/$ID/$name")" 206
    assert_equal "$(status_of -r 99999999- "$HTTP/w/$ID/$name")" 416
    # It begins with a PAT (PID 0) and can be decoded by itself.
    assert_equal "$(curl -s "$HTTP/w/$ID/$name" | head -c 3 | od -An -tx1 | tr -d ' ')" 474000
    assert [ "$(curl -s "$HTTP/w/$ID/$name" | ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 - | tr -dc 0-9)" -ge 5 ]
    for name in "0${segment%%-*}.0-$tag" "${segment%%-*}.00-$tag" "${segment%%-*}.99-$tag" "${segment%%-*}.-$tag" \
        "${segment%%-*}.0-x.ts" "999999999.0-$tag"; do
        assert_equal "$name $(status_of -m 5 "$HTTP/w/$ID/$name")" "$name 404"
    done
}

@test "a request for what comes next is answered when it is there, the part that was hinted at too" {
    local now sequence name part
    now=$(hint) sequence=${now%.*}
    # Of a segment without a part: all of it.
    run -0 curl -s -m 15 -w '%{time_total}' "$(url)?_HLS_msn=$sequence"
    assert_line --regexp "^$sequence-[0-9a-f]+\.ts$"
    name=$(curl -s "$(url)" | sed -n 's/^#EXT-X-PRELOAD-HINT:.*URI="\(.*\)"/\1/p')
    part=${name%%-*} part=${part#*.}
    start part curl -sf -m 15 "$HTTP/w/$ID/$name"
    run -0 curl -s -m 15 "$(url)?_HLS_msn=${name%%.*}&_HLS_part=$part"
    assert_output --partial "#EXT-X-PART:DURATION="
    assert_output --partial "URI=\"$name\""
    wait "$started_part"
    cmp "$BATS_TEST_TMPDIR/part.out" <(curl -sf "$HTTP/w/$ID/$name")
    # Two for the same get the same bytes.
    now=$(hint) sequence=${now%.*}
    start a curl -s -m 15 "$(url)?_HLS_msn=$((sequence + 1))&_HLS_part=0"
    start b curl -s -m 15 --compressed "$(url)?_HLS_msn=$((sequence + 1))&_HLS_part=0"
    wait "$started_a"
    wait "$started_b"
    cmp "$BATS_TEST_TMPDIR/a.out" "$BATS_TEST_TMPDIR/b.out"
    # A HEAD waits as well, and what is there is not waited for.
    assert_equal "$(status_of -I -m 15 "$(url)?_HLS_msn=$((sequence + 1))")" 200
    assert_equal "$(status_of -m 1 "$(url)?_HLS_msn=0&_HLS_part=0")" 200
    assert_equal "$(status_of -m 1 "$(url)?_HLS_msn=$((sequence - 1))&_HLS_part=3&unknown=1")" 200
}

@test "what cannot be meant is refused at once" {
    local sequence query
    sequence=$(hint)
    sequence=${sequence%.*}
    for query in "_HLS_msn=$((sequence + 4))" "_HLS_msn=$sequence&_HLS_part=40" '_HLS_part=1' '_HLS_msn=-1' '_HLS_msn=x' \
        '_HLS_msn=' "_HLS_msn=$sequence&_HLS_msn=$sequence" '_HLS_msn=99999999999999999999'; do
        assert_equal "$query $(status_of -m 2 "$(url)?$query")" "$query 400"
    done
    run -0 curl -si "$(url)?_HLS_part=1"
    assert_equal "$(header cache-control)" no-store
    assert_equal "$(header access-control-allow-origin)" '*'
    # The plain playlist has no directives.
    assert_equal "$(status_of -m 1 "$HTTP/w/$ID/index.m3u8?_HLS_msn=99999")" 200
}

@test "only so many requests wait; who leaves makes room" {
    for _ in $(seq 64); do
        curl -s -m 20 -o /dev/null "$HTTP/w/$AWAY/ll.m3u8" &
        STARTED_PIDS="${STARTED_PIDS:-} $!"
    done
    full() { [ "$(waiting "$AWAY")" = 64 ]; }
    wait_for 5 full
    run -0 curl -si -m 2 "$HTTP/w/$AWAY/ll.m3u8"
    assert_line --partial 'HTTP/1.1 503'
    assert_equal "$(header retry-after)" 1
    assert_equal "$(status_of -m 2 "$(url)")" 200 # another event's are not touched
    end_started
    empty() { [ "$(waiting "$AWAY")" = 0 ]; }
    wait_for 5 empty
}

@test "a publisher who is gone leaves nobody waiting for ever, and viewers go on with the next one" {
    # (the last case: it ends the publisher)
    local now sequence
    kill "$(cat "$RELAY/publisher")"
    sleep 1
    now=$(hint) sequence=${now%.*}
    run -0 curl -s -m 20 -o /dev/null -w '%{http_code} %{time_total}' "$(url)?_HLS_msn=$sequence"
    assert_regex "$output" '^503 1[12]'
    start waits curl -s -m 20 "$(url)?_HLS_msn=$sequence&_HLS_part=0"
    publish again "$ID" "$RELAY/media.ts"
    wait "$started_waits"
    grep -A 2 -x '#EXT-X-DISCONTINUITY' "$BATS_TEST_TMPDIR/waits.out" | grep -q "URI=\"$sequence.0-.*INDEPENDENT=YES"
    end_started
}
