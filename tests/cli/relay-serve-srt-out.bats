# SRT out: viewers who fetch an event by SRT, what they are refused with, and a child that dies.

load ../lib/common
export PORT=19280
load ../lib/relay

export OUT=19286
LOCKED_VID=abcdefgh12345678

setup_file() {
    export ID LOCKED FULL FAR SHORT
    ID=$(make-relay id) LOCKED=$(make-relay id) FULL=$(make-relay id) FAR=$(make-relay id) SHORT=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" 200 # first: the short event begins with the relay
    relay_up "srt_out = \"127.0.0.1:$OUT\"" -- "$ID,0,300" \
        "$LOCKED,0,300,channel=studio2,disclosure=password,vid=$LOCKED_VID,password=sesame" \
        "$FULL,0,300,channel=studio3,viewers=1" "$FAR,3600,7200,channel=studio4" "$SHORT,0,20,channel=studio5,drain=1"
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
    wait_for 5 child
}
teardown_file() {
    kill "$(cat "$RELAY/publisher")" || true
    relay_down
}
teardown() { end_started; }

child() { pgrep -P "$(cat "$RELAY/pid")" relay-srt-out; }
metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1{reservation=\"$2\"} //p"; }
is() { [ "$(metric viewers "$1")" = "$2" ]; }
refused() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_srt_out_refused_total{reason=\"$1\"} //p"; }
# fetch NAME STREAMID [OPTION…]: what there is of it, in $BATS_TEST_TMPDIR/NAME.ts, by srt-live-transmit.
fetch() {
    start "$1" srt-live-transmit -q "srt://127.0.0.1:$OUT?mode=caller&streamid=$2" "file://con"
}
has() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/$1.out")" -ge "$2" ]; }
# is_refused STREAMID REASON: at the handshake, and counted; the codes are the unit tests'.
is_refused() {
    local before
    before=$(refused "$2")
    start refused srt-live-transmit -q -autoreconnect:no "srt://127.0.0.1:$OUT?mode=caller&streamid=$1" file://con
    counted() { [ "$(refused "$2")" -gt "${1:-0}" ]; }
    wait_for 5 counted "$before" "$2" || return 1
    wait_for 5 grep -q 'Application-defined rejection reason' "$BATS_TEST_TMPDIR/refused.err" || return 1
    assert_file_empty "$BATS_TEST_TMPDIR/refused.out"
    kill "$started_refused" 2>/dev/null || true # now and then it does not end by itself
}

@test "the same bytes as live.ts, by a bare id and by SRT's access control, to the end" {
    local out=$BATS_TEST_TMPDIR name
    start http curl -sN "$HTTP/w/$SHORT/live.ts"
    fetch bare "$SHORT"
    fetch access "#!::m=request,r=$SHORT"
    wait_for 5 is "$SHORT" 3
    publish short "$SHORT" "$RELAY/media.ts"
    wait "$started_http"
    assert [ "$(stat -c %s "$out/http.out")" -gt 300000 ]
    wait_for 10 is "$SHORT" 0
    kill "$started_bare" "$started_access" # it writes the last of it when it ends
    all() { cmp "$out/http.out" "$out/$1.out"; }
    for name in bare access; do
        wait_for 10 all "$name"
    done
    # What they got is counted: three times.
    sum() { [ "$(metric egress_bytes_total "$SHORT")" = $((3 * $(stat -c %s "$out/http.out"))) ]; }
    wait_for 5 sum
}

@test "who comes later begins at a key frame; ffmpeg and GStreamer play" {
    run -0 timeout 60 ffmpeg -nostdin -hide_banner -loglevel error -stats -i "srt://127.0.0.1:$OUT?streamid=$ID" -frames:v 50 -f null -
    assert_output --regexp 'frame= *50'
    run timeout 60 gst-launch-1.0 -q srtsrc uri="srt://127.0.0.1:$OUT" streamid="$ID" num-buffers=300 ! tsdemux ! h264parse ! avdec_h264 ! \
        videoconvert ! video/x-raw,format=I420 ! filesink location="$BATS_TEST_TMPDIR/raw"
    assert [ "$(stat -c %s "$BATS_TEST_TMPDIR/raw")" -ge $((320 * 180 * 3 * 20 / 2)) ]
    wait_for 10 is "$ID" 0
}

@test "the password's token opens its event, and nothing else does" {
    local where token
    publish locked "$LOCKED" "$RELAY/media.ts"
    where=$(curl -s -o /dev/null -w '%{redirect_url}' -d password=sesame "$HTTP/w/$LOCKED_VID/")
    token=${where%/} token=${token##*/}
    fetch good "#!::m=request,r=$LOCKED_VID,s=$token"
    wait_for 15 has good 100000
    is_refused "$LOCKED_VID" password
    is_refused "#!::r=$LOCKED_VID,s=${token%??}AA" password
    # The reservation's own id is not its name.
    is_refused "$LOCKED" not_found
}

@test "what is refused, and as what" {
    is_refused "$FAR" too_early
    is_refused "$(make-relay id)" not_found
    is_refused "#!::m=publish,r=$ID" wrong_use
    is_refused "#!::m=request" bad_request
    is_refused 'x/../y' bad_request
    wait_for 40 over
    is_refused "$SHORT" over
}
over() { curl -s "$HTTP/w/$SHORT/state.json" | jq -e '.stage == "over"'; }

@test "the reserved places are those of live.ts too" {
    fetch one "$FULL"
    wait_for 5 is "$FULL" 1
    assert_equal "$(status_of -m 5 "$HTTP/w/$FULL/live.ts")" 503
    is_refused "$FULL" full
    kill "$started_one"
    wait_for 10 is "$FULL" 0
    start http curl -sN "$HTTP/w/$FULL/live.ts"
    wait_for 5 is "$FULL" 1
    wait_for 20 is_refused "$FULL" full # the child is told of it within a tenth of a second
    kill "$started_http"
    wait_for 10 is "$FULL" 0
    # A viewer of HLS holds it for some seconds.
    holds() { curl -s -m 1 -o /dev/null "$HTTP/w/$FULL/index.m3u8" || true; is_refused "$FULL" full; }
    wait_for 20 holds
}

@test "a child that dies is started again; viewers of HTTP and publishers notice nothing" {
    local pid before size
    start http curl -sN "$HTTP/w/$ID/live.ts"
    fetch cut "$ID"
    wait_for 10 has cut 50000
    wait_for 5 is "$ID" 2
    pid=$(child)
    before=$(curl -s "$HTTP/metrics" | sed -n 's/^slotcast_relay_gaps_total.*} //p' | paste -sd+ | bc)
    kill -9 "$pid"
    wait_for 5 is "$ID" 1
    again() { [ "$(child)" != "$pid" ]; }
    wait_for 10 again
    happened() { jq -es 'any(.type == "srt_out_ended")' "$RELAY/events"; }
    wait_for 5 happened
    grep '"srt_out_ended"' "$RELAY/events" | assert_matches_schema relay-serve
    fetch next "$ID"
    wait_for 15 has next 100000
    size=$(stat -c %s "$BATS_TEST_TMPDIR/http.out")
    wait_for 10 has http $((size + 50000))
    kill -0 "$started_http"
    assert_equal "$(curl -s "$HTTP/metrics" | sed -n 's/^slotcast_relay_gaps_total.*} //p' | paste -sd+ | bc)" "$before"
}

@test "it has no privileges, and its extents can only be read" {
    fetch viewer "$ID"
    wait_for 10 has viewer 50000
    local pid
    pid=$(child)
    [ "$(id -u)" != 0 ] || assert_equal "$(awk '/^Uid:/ {print $3}' "/proc/$pid/status")" "$(id -u nobody)"
    grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
    grep -q '^Seccomp:.*2$' "/proc/$pid/status"
    grep -q '^CapEff:.*0000000000000000$' "/proc/$pid/status"
    grep 'slotcast-extent' "/proc/$pid/maps" >"$BATS_TEST_TMPDIR/maps"
    run -1 grep -vE ' r--s ' "$BATS_TEST_TMPDIR/maps"
    assert_output ''
    assert_file_not_empty "$BATS_TEST_TMPDIR/maps"
}

@test "the configuration: its address is nobody else's; check looks at it" {
    cd "$BATS_TEST_TMPDIR"
    conf() { # ADDRESS
        printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:19290"\nsrt_out = "%s"\ndata = "%s"\n[ingest.lineA]\nlisten = "%s"\n' \
            "$1" "$PWD/data" "${2:-127.0.0.1:19291}" >relay.toml
    }
    make-relay data "$PWD/data" r1
    conf 127.0.0.1:19295
    relay-serve --config relay.toml --print-config >again.toml
    grep -qx 'srt_out = "127.0.0.1:19295"' again.toml
    diff again.toml <(relay-serve --config again.toml --print-config)
    run -0 relay-serve --config relay.toml check
    assert_line --partial '"what":"srt_out","ok":true'
    for taken in 127.0.0.1:19291 127.0.0.1:19292; do
        conf "$taken"
        run -78 relay-serve --config relay.toml check
        assert_output --partial 'relay.toml:4: srt_out'
    done
    conf 192.0.2.7:9000 192.0.2.7:9100
    run -78 relay-serve --config relay.toml check
    assert_output --partial "viewers' address"
}
