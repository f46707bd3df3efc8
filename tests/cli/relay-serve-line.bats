#!/usr/bin/env bats
# What relay-serve says of a publisher's line: its round trip and its losses, beside a publisher who is near.

export PORT=18660
load ../lib/common
load ../lib/relay

setup_file() {
    export MEDIA=$BATS_FILE_TMPDIR/media.ts NEAR FAR
    NEAR=$(make-relay id) FAR=$(make-relay id)
    make_media "$MEDIA" 30
    relay_up -- "$NEAR,0,200" "$FAR,0,200,channel=studio2"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

# metric NAME ID: of the one connection of that event.
metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1{reservation=\"$2\"[^}]*} //p"; }
# status JQ ID: of the event's status.
status() { relay-serve --config "$RELAY/relay.toml" status | jq "select(.reservation == \"$2\") | $1"; }
more() { [ "$("${@:2}")" -gt "$1" ]; }
round_trip() { metric path_round_trip_microseconds "$1"; }

@test "a line of 40 ms each way that loses a packet in 20 is told of by its round trip and losses, and costs no media" {
    local id
    start line long-line $((PORT + 1)) 40 20
    wait_for 5 grep -q . line.out
    for id in "$NEAR" "$FAR"; do start "viewer-$id" curl -sN "$HTTP/w/$id/live.ts"; done
    send near "$NEAR" "$MEDIA" 13160
    LATENCY=500 PORT=$(($(cat line.out) - 1)) send far "$FAR" "$MEDIA" 13160
    wait_for 15 more 80000 round_trip "$FAR"
    wait_for 15 more 10 metric path_lost_packets "$FAR"
    # Both are measured in the same way, and only one is far.
    near() { [ "$(($(round_trip "$NEAR") * 4))" -lt "$(round_trip "$FAR")" ]; }
    wait_for 10 near
    assert_equal "$(metric path_lost_packets "$NEAR") $(metric ingest_lost_packets "$NEAR")" '0 0'
    more 10 metric ingest_lost_packets "$FAR"
    more 80000 status '.paths[0].rtt_us' "$FAR"
    more 10 status '.paths[0].lost_packets' "$FAR"
    assert_equal "$(status '.paths | map([.carrier, .path])' "$FAR" | jq -c)" '[["lineA",0]]'
    # All of it was sent again in time.
    grew() { [ "$(stat -c %s "viewer-$FAR.out")" -gt 1000000 ]; }
    wait_for 20 grew
    assert_equal "$(metric path_dropped_packets "$FAR")" 0
    assert_equal "$(status .gaps "$FAR")" 0
    kill "$started_line"
    wait "$started_line"
    more 10 tail -n 1 line.out
    # What was measured before its end is told at its end.
    wait_for 15 happened closed "$FAR"
    jq -es --arg id "$FAR" 'any(.type == "closed" and .reservation == $id and .rtt_us > 80000 and .lost_packets > 10)' \
        "$RELAY/events"
    python3 -c 'import sys; part, whole = (open(f, "rb").read() for f in sys.argv[1:]); n = len(part) // 188 * 188
assert n > 1000000 and part[:n] in whole' "viewer-$FAR.out" "$MEDIA"
}
