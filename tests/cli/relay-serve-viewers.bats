# relay-serve with a real publisher over SRT and real viewers over HTTP, on loopback.

load ../lib/common

HTTP=http://127.0.0.1:18280

setup_file() {
    export RELAY=$BATS_FILE_TMPDIR MEDIA=$BATS_FILE_TMPDIR/media.ts
    export ID LOCKED OTHER FULL LATER
    LATER=$(make-relay id) ID=$(make-relay id) LOCKED=$(make-relay id) OTHER=$(make-relay id) FULL=$(make-relay id)
    cat >"$RELAY/relay.toml" <<EOF
id = "r1"
control = "https://127.0.0.1:9"
http = "127.0.0.1:18280"
data = "$RELAY/data"
[ingest.lineA]
listen = "127.0.0.1:18281"
[ingest.lineB]
listen = "127.0.0.1:18283"
EOF
    make-relay data "$RELAY/data" r1 "$ID,0,120,title=<b>Town & hall" \
        "$LOCKED,0,120,disclosure=password,vid=abcdefgh12345678,password=sesame" \
        "$OTHER,0,120,channel=studio2,disclosure=unlisted,vid=unlisted90123456" \
        "$FULL,0,120,viewers=1,channel=studio3" \
        "$LATER,90,120,channel=studio4"
    relay-serve --config "$RELAY/relay.toml" --events - >"$RELAY/events" 2>"$RELAY/err" 3>&- &
    echo $! >"$RELAY/pid"
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi \
        -i sine=frequency=440 -t 30 -c:v libx264 -preset ultrafast -g 25 -b:v 500k -c:a aac \
        -f mpegts "$MEDIA"
    wait_for 5 curl -sf $HTTP/healthz
}
teardown_file() { kill "$(cat "$BATS_FILE_TMPDIR/pid")" || true; }
teardown() { end_started; }

# publish NAME ID [PORT [SECONDS [MODE]]]: sends MEDIA in real time in the background.
publish() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$2" r1 1 "${5:-1}")
    start "$1" ffmpeg -nostdin -loglevel error -re -i "$MEDIA" -t "${4:-20}" -c copy -f mpegts \
        "srt://127.0.0.1:${3:-18281}?streamid=$ticket&passphrase=$passphrase"
}
status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
has_segments() { curl -s "$HTTP/w/$1/index.m3u8" | grep -c '^#EXTINF' | grep -qx "[$2-9]"; }
happened() { jq -es --arg type "$1" --arg id "$2" 'any(.type == $type and .reservation == $id)' "$RELAY/events"; }
frames() {
    ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$1" |
        head -n 1 | tr -dc 0-9
}

@test "viewers who came early get the media, byte-identical, live and as segments" {
    start early curl -sN "$HTTP/w/$ID/live.ts"
    start early2 curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 5 pgrep -P "$(cat "$RELAY/pid")" relay-ingest
    publish push "$ID" 18281 7
    run -0 timeout 20 curl -s "$HTTP/w/$ID/index.m3u8" # waits for the first segment
    assert_line '#EXT-X-VERSION:3'
    assert_line '#EXT-X-TARGETDURATION:4'
    assert_line --regexp '^#EXTINF:2\.'
    wait_for 10 has_segments "$ID" 3
    happened first_media "$ID"
    local name out=$BATS_TEST_TMPDIR
    for name in $(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$'); do
        curl -sf "$HTTP/w/$ID/$name" >>"$out/segments.ts"
    done
    wait "$started_push"
    sleep 0.5
    # Live data begins at the same cut and goes on: the segments are its beginning.
    cmp -n "$(stat -c %s "$out/segments.ts")" "$out/segments.ts" "$out/early.out"
    cmp "$out/early.out" "$out/early2.out"
    # What was sent is in it, but for what came before the first cut and after the last segment.
    [ "$(frames "$out/early.out")" -ge 150 ]
    [ "$(frames "$out/segments.ts")" -ge 125 ]
}

@test "segments: immutable, HEAD, ranges, one spelling" {
    publish push "$FULL"
    wait_for 12 has_segments "$FULL" 1
    local name url
    name=$(curl -s "$HTTP/w/$FULL/index.m3u8" | grep -m 1 '\.ts$')
    url=$HTTP/w/$FULL/$name
    curl -s "$url" >"$BATS_TEST_TMPDIR/whole"
    run -0 curl -sI "$url"
    assert_line --partial 'Cache-Control: public, max-age=31536000, immutable'
    assert_line --partial "Content-Length: $(stat -c %s "$BATS_TEST_TMPDIR/whole")"
    assert_line --partial "ETag: \"$name\""
    curl -s -r 188-375 "$url" | cmp - <(tail -c +189 "$BATS_TEST_TMPDIR/whole" | head -c 188)
    assert_equal "$(status_of -r 188-375 "$url")" 206
    assert_equal "$(status_of -r 999999999- "$url")" 416
    assert_equal "$(status_of "$HTTP/w/$FULL/0$name")" 404
    assert_equal "$(status_of "$HTTP/w/$ID/$name")" 404 # another event's
    # One place was reserved: the second viewer is told when to come back.
    start one curl -sN "$HTTP/w/$FULL/live.ts"
    wait_for 5 test -s "$BATS_TEST_TMPDIR/one.out"
    run -0 curl -si "$HTTP/w/$FULL/live.ts"
    assert_line --partial 'HTTP/1.1 503'
    assert_line --partial 'Retry-After:'
    end_started
    place_again() { [ "$(status_of -m 1 "$HTTP/w/$FULL/live.ts")" = 200 ]; }
    wait_for 5 place_again
}

@test "the publisher is cut and comes back by another carrier: viewers stay" {
    start viewer curl -sN "$HTTP/w/$OTHER/live.ts"
    start viewer2 curl -sN "$HTTP/w/unlisted90123456/live.ts"
    publish first "$OTHER"
    wait_for 12 has_segments unlisted90123456 1
    kill -9 "$started_first"
    # The ingest process of the first carrier dies too.
    kill -9 "$(pgrep -P "$(cat "$RELAY/pid")" relay-ingest | head -n 1)"
    publish second "$OTHER" 18283
    discontinuous() { curl -s "$HTTP/w/unlisted90123456/index.m3u8" | grep -x '#EXT-X-DISCONTINUITY'; }
    wait_for 15 discontinuous
    kill -0 "$started_viewer2"
    local before
    before=$(stat -c %s "$BATS_TEST_TMPDIR/viewer2.out")
    more() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/viewer2.out")" -gt "$before" ]; }
    wait_for 5 more
    jq -es 'any(.type == "ingest_ended")' "$RELAY/events"
    assert_matches_schema relay-serve <"$RELAY/events"
    # By its id an unlisted event is not there.
    assert_equal "$(status_of "$HTTP/w/$OTHER/live.ts")" 404
}

@test "a second publisher is refused, by another carrier too, while the first delivers" {
    local gaps
    gaps() { curl -s $HTTP/metrics | grep "^slotcast_relay_gaps_total{reservation=\"$FULL\"}"; }
    # The event may have had a publisher before: its new media must be shown before gaps are counted.
    shows() { jq -c --arg id "$FULL" 'select(.reservation == $id and (.type == "first_media" or .type == "back"))' "$RELAY/events" | wc -l; }
    local refused shown
    shown=$(shows)
    publish first "$FULL"
    start viewer curl -sN "$HTTP/w/$FULL/live.ts"
    shown_again() { [ "$(shows)" -gt "$shown" ]; }
    wait_for 12 shown_again
    wait_for 12 test -s "$BATS_TEST_TMPDIR/viewer.out"
    refused=$(jq -c 'select(.type == "refused" and .reason == "busy")' "$RELAY/events" | wc -l)
    publish again "$FULL" 18281
    busy() { [ "$(jq -c 'select(.type == "refused" and .reason == "busy")' "$RELAY/events" | wc -l)" -gt "$refused" ]; }
    wait_for 5 busy
    gaps=$(gaps)
    publish other "$FULL" 18283
    closed() { jq -es --arg id "$FULL" 'any(.type == "closed" and .carrier == "lineB" and .reservation == $id and .reason == "busy")' "$RELAY/events"; }
    wait_for 5 closed
    assert_matches_schema relay-serve <"$RELAY/events"
    away() { ! kill -0 "$started_other"; }
    wait_for 5 away
    kill -0 "$started_first"
    assert_equal "$(gaps)" "$gaps"
    kill -0 "$started_viewer"
}

@test "a password opens its own event, and nothing below it is there without" {
    local base=$HTTP/w/abcdefgh12345678
    run -0 curl -si "$base/"
    assert_line --partial "Content-Security-Policy: default-src 'none'"
    assert_output --partial 'type="password"'
    refute_output --partial 'Town hall'
    assert_equal "$(status_of "$base/live.ts")" 403
    assert_equal "$(status_of "$base/index.m3u8")" 403
    assert_equal "$(status_of "$base/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/live.ts")" 403
    assert_equal "$(status_of -d password=wrong "$base/")" 403
    run -0 curl -si -d 'password=ses%61me' "$base/"
    assert_line --partial 'HTTP/1.1 303'
    local where
    where=$(sed -n 's/^Location: \(.*\)\r$/\1/p' <<<"$output")
    [[ $where =~ ^/w/abcdefgh12345678/[A-Za-z0-9_-]{32}/$ ]]
    assert_equal "$(status_of "$HTTP$where")" 200
    publish push "$LOCKED"
    start viewer curl -sN "$HTTP${where}live.ts"
    wait_for 12 test -s "$BATS_TEST_TMPDIR/viewer.out"
    assert_equal "$(status_of "$HTTP/w/$OTHER$(dirname "${where#/w/abcdefgh12345678}")/")" 404
    assert_equal "$(status_of "$HTTP/w/$LOCKED/live.ts")" 404 # its id is not its address
}

@test "pages, channels, and what does not exist" {
    run -0 curl -s "$HTTP/w/$ID/"
    assert_output --partial '&lt;b&gt;Town &amp; hall'
    refute_output --partial '<b>'
    run -0 curl -si "$HTTP/c/studio1/"
    assert_line --partial "Location: /w/$ID/"
    assert_equal "$(status_of "$HTTP/c/studio2/")" 404 # unlisted
    assert_equal "$(status_of "$HTTP/w/$ID")" 301
    local path
    for path in / /w/ /w/none/ "/w/$ID/x.ts" "/w/$ID/live.ts/" "/w/$ID/../$ID/live.ts" \
        "/w/$ID/%2e%2e/keys.json" '/w/%00' //w "/w/$ID//live.ts" /etc/passwd; do
        assert_equal "$path $(status_of --path-as-is "$HTTP$path")" "$path 404"
    done
    assert_equal "$(status_of -X DELETE "$HTTP/w/$ID/")" 405
    assert_equal "$(status_of -d x=y "$HTTP/w/$ID/")" 405
}

@test "a body whose length is not said is refused, in however small pieces it comes" {
    assert_equal "$(status_of -H 'Transfer-Encoding: chunked' -d password=sesame "$HTTP/w/$LOCKED/")" 411
    run bash -c 'trap "" PIPE # it may be refused and closed before the last
        exec 5<>/dev/tcp/127.0.0.1/18280
        for piece in "POST /w/x/ HTTP/1.1\r\nHost: relay\r\nTransfer-Encoding: chunked\r\n\r\n" "0\r\n" h; do
            printf "%b" "$piece" >&5
            sleep 0.3
        done 2>/dev/null &
        timeout 5 cat <&5 | head -n 1'
    assert_output --partial 'HTTP/1.1 411'
    curl -sf "$HTTP/healthz"
}

@test "requests that are too large, malformed or never end do not get far" {
    assert_equal "$(status_of -H "X: $(head -c 9000 /dev/zero | tr '\0' a)" "$HTTP/healthz")" 431
    assert_equal "$(head -c 9000 /dev/zero | tr '\0' a | status_of --data-binary @- "$HTTP/w/$LOCKED/")" 431
    run bash -c 'exec 5<>/dev/tcp/127.0.0.1/18280; printf "GARBAGE\r\n\r\n" >&5; timeout 5 cat <&5 | head -n 1'
    assert_output --partial 'HTTP/1.1 400'
    run bash -c 'exec 5<>/dev/tcp/127.0.0.1/18280
        printf "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" >&5
        timeout 5 cat <&5 | grep -c "^HTTP/1.1 200"'
    assert_output 2
}

@test "ffmpeg plays both outputs" {
    publish push "$ID"
    wait_for 12 has_segments "$ID" 2
    local path
    for path in live.ts index.m3u8; do
        start "play.$path" timeout 15 ffmpeg -nostdin -hide_banner -loglevel error -stats \
            -i "$HTTP/w/$ID/$path" -frames:v 50 -f null -
    done
    wait "$started_play_live_ts"
    wait "$started_play_index_m3u8"
    grep -aq 'frame= *50' "$BATS_TEST_TMPDIR/play.live.ts.err"
    grep -aq 'frame= *50' "$BATS_TEST_TMPDIR/play.index.m3u8.err"
}

@test "a preflight is counted, on no channel, and ends when it comes over another carrier" {
    metric() { curl -s $HTTP/metrics | awk -v m="slotcast_relay_$1" '$1 == m {print $2}'; }
    start viewer curl -sN "$HTTP/w/$LATER/live.ts"
    publish trial "$LATER" 18281 20 3
    wait_for 5 happened preflight_opened "$LATER"
    assert_equal "$(metric 'preflights{carrier="lineA"}')" 1
    publish again "$LATER" 18283 2 3
    over() { jq -es --arg id "$LATER" 'any(.type == "preflight_closed" and .reservation == $id and .carrier == $ARGS.positional[0] and .reason == $ARGS.positional[1])' "$RELAY/events" --args "$@"; }
    wait_for 5 over lineA replaced
    wait_for 8 over lineB gone
    jq -es 'any(.type == "preflight_closed" and .carrier == "lineB" and .bytes > 20000 and .duration_ms > 500)' "$RELAY/events"
    jq -c 'select(.type | startswith("preflight"))' "$RELAY/events" | assert_matches_schema relay-serve
    assert_equal "$(metric 'preflights{carrier="lineA"}')$(metric 'preflights_total{carrier="lineB"}')" 01
    assert [ "$(metric 'preflight_bytes_total{carrier="lineB"}')" -gt 20000 ]
    relay-serve --config "$RELAY/relay.toml" status | assert_matches_schema relay-serve
    relay-serve --config "$RELAY/relay.toml" status | jq -es '.[0] | .preflights == 0 and .preflights_so_far == 2 and .preflight_bytes > 20000'
    # Nobody saw any of it.
    run ! happened opened "$LATER"
    run ! happened first_media "$LATER"
    assert [ ! -s viewer.out ]
    run ! has_segments "$LATER" 1
}
