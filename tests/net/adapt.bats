# alone: its encoder is to follow the line, not what other tests leave it
# A line that carries less than was reserved for a while, as a radio link does in the rain: the encoder makes what
# it takes, and viewers see a poorer picture in place of a broken one. When it is good again, so is the picture.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/paths

RESERVED=4000000 LIMIT=2800000

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() {
    terminal resv-request end "$ID" >/dev/null 2>&1 || true
    end_started
}

limit() { on terminal tc qdisc replace dev carA root tbf rate "${LIMIT}bit" burst 5kb latency 300ms; }
lift() { on terminal tc qdisc delete dev carA root; }
# So much of what the statistics said since line $1 holds for all of them: since LINE JQ.
since() { tail -n "+$1" "$STATS" | jq -e -s "map(select(.type == \"stats\")) | $2"; }
lines() { echo $(($(wc -l <"$STATS") + 1)); }
limit_is() { stats_say ".encoder_limit_bps $1"; }
# The line takes it: nothing waits longer than on a good one, for so many statistics in a row.
steady() { tail -n "$1" "$STATS" | jq -e -s "length == $1 and all(.[]; .queue_ms < 400 and .encoder_limit_bps < $LIMIT)"; }

@test "adapt: the encoder makes what a line of two thirds of the reserved rate takes, and climbs back" {
    local low high
    book 4 100
    STATS=$BATS_TEST_TMPDIR/stats
    start send nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
        carrier-connect exec "$ID" -- push-stream --paths single --stats "$STATS" "$ID" test:
    wait_for 20 streaming
    wait_for 10 limit_is "== $RESERVED"
    sleep 4
    watch_stream
    sleep 2
    low=$(lines)
    limit
    wait_for 10 limit_is "< $LIMIT"
    wait_for 20 steady 12
    sleep 6
    high=$(lines)
    lift
    wait_for 60 limit_is "== $RESERVED"
    sleep 2
    end_watch
    # Poorer, not broken: nothing was too late to be sent, and the viewer misses nothing.
    run -0 jq -c '[.cc_errors, .unsynced]' "$WATCHED"
    assert_output '[0,0]'
    since 1 "all(.dropped_packets == 0)"
    # What waits is bounded while the line is short, and it is used.
    head -n "$((high - 1))" "$STATS" >"$BATS_TEST_TMPDIR/short"
    run -0 jq -s "map(select(.type == \"stats\"))[$low - 1:] | map(.queue_ms) | max < 1000" "$BATS_TEST_TMPDIR/short"
    assert_output true
    run -0 jq -s ".[-6:] | map(.rate_bps) | add / length > $LIMIT / 3" "$BATS_TEST_TMPDIR/short"
    assert_output true
    # Never more than what was reserved: encoded for, and sent in any second.
    since 1 "map(select(.encoder_limit_bps)) | length > 20 and all(.encoder_limit_bps <= $RESERVED and .rate_bps <= $RESERVED * 1.1)"
    grep -q 'warning: the line does not take 4.00 Mbit/s: less is encoded' "$BATS_TEST_TMPDIR/send.err"
    grep -q 'info: the line takes 4.00 Mbit/s again' "$BATS_TEST_TMPDIR/send.err"
    assert_equal "$(lab_bytes media inet0)" 0
}
