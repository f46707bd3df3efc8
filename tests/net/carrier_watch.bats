# carrier-connect watch where interfaces alone tell how a line is: moves, mends, ends. The echo is asked in
# carrier_stack.bats, the decision is tested in tests/unit/carrier_health.cpp.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() { carriers_up; }
teardown_file() { lab_down; }
setup() {
    carriers_reset
    event
    OUT=$BATS_TEST_TMPDIR/watch.out
}
teardown() {
    end_started
    on terminal ip rule del pref 503 2>/dev/null || true
}

start_watch() {
    start watch nsenter --net="/run/netns/$LAB-terminal" carrier-connect watch "$ID" "$@"
    wait_for 5 event_is '.event == "up"'
    wait_for 5 spares_are_up
}
event_is() { jq -e -s "any(.[]; $1)" "$OUT"; }
spares_are_up() { [ "$(connect status | wc -l)" = 2 ]; }
active() { connect status | jq -r 'select(.active) | .carrier'; }
active_is() { [ "$(active)" = "$1" ]; }
ended_with() {
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" "$1"
}
moves() { jq -r 'select(.event == "moved") | "\(.from) \(.carrier) \(.why)"' "$OUT"; }

@test "watch: a line that goes down, is cut or is gone is left for the next one, and nothing leaks" {
    for harm in "link set carA down" "link delete carA"; do
        carriers_reset
        start_watch
        active_is lineA
        # shellcheck disable=SC2086 # words
        ip -n "$LAB-terminal" $harm
        wait_for 5 event_is '.event == "moved"'
        run -0 moves
        assert_output 'lineA lineB suspect'
        active_is lineB
        as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send 198.51.100.10); $(send 2001:db8::99)" 2>/dev/null || true
        assert_equal "$(leaked)" 0
        kill "$started"
        ended_with 143
        active_is lineB # what carries media stays
        connect down "$ID"
    done
    assert_matches_schema carrier-connect <"$OUT"
    run ! on terminal nft list table inet slotcast
}

@test "watch: with no other line it stays where it is, and goes on when the line is back" {
    ip -n "$LAB-terminal" link delete carB
    start watch nsenter --net="/run/netns/$LAB-terminal" carrier-connect watch "$ID"
    wait_for 5 event_is '.event == "link" and .carrier == "lineB" and .link == "missing"'
    ip -n "$LAB-relay" link set linA down
    wait_for 5 event_is '.event == "suspect" and .carrier == "lineA"'
    active_is lineA
    on terminal ip route show table 4000 | grep -q '^default via 10.2.0.1 dev carA'
    ip -n "$LAB-relay" link set linA up
    wait_for 5 event_is '.event == "good" and .carrier == "lineA"'
    active_is lineA
    run -0 moves
    assert_output ''
    # One that was not there at all is a spare when it comes.
    lab_wire terminal carB 10.3.0.2/24 relay linB 10.3.0.1/24
    wait_for 5 spares_are_up
}

@test "watch: what others take after a plain up comes back, what they put before ours is told" {
    connect up "$ID" >/dev/null
    start_watch
    routing >"$BATS_TEST_TMPDIR/up"
    same() { diff "$BATS_TEST_TMPDIR/up" <(routing); }
    on terminal ip -6 rule del pref 701
    wait_for 5 event_is '.event == "mended" and .steps == 1'
    wait_for 5 same
    on terminal nft delete table inet slotcast
    wait_for 5 same
    on terminal ip route flush table 4000
    wait_for 5 same
    on terminal ip rule add fwmark 9 lookup 77
    wait_for 5 event_is '.event == "foreign_rule" and .rule == "IPv4: pref 503 fwmark 0x9 lookup 77"'
    kill "$started"
    ended_with 143
    assert_equal "$(jq -c 'select(.event == "foreign_rule")' "$OUT" | wc -l)" 1
    assert_matches_schema carrier-connect <"$OUT"
}

@test "watch: what somebody brings up is the first choice, down ends it, and one is enough" {
    start_watch --carrier lineB
    active_is lineB
    run -75 connect watch "$ID"
    assert_output --partial 'another carrier-connect watch looks after it'
    connect up "$ID" --carrier lineA >/dev/null
    wait_for 5 event_is '.event == "moved" and .carrier == "lineA" and .why == "asked"'
    connect down "$ID"
    ended_with 0
    assert_equal "$(tail -n 1 "$OUT" | jq -r .event)" down
    run -0 moves
    assert_output 'lineB lineA asked'
    run connect status
    assert_output ''
    run ! on terminal nft list table inet slotcast
}

@test "watch: killed, it leaves all closed and connected, and the next one and down end right" {
    routing >"$BATS_TEST_TMPDIR/before"
    for delay in 0.01 0.03 0.06; do
        on terminal timeout -s KILL "$delay" carrier-connect watch "$ID" >/dev/null 2>&1 || true
        as_media timeout 5 bash -c "$(send "$INGEST_A")" 2>/dev/null || true
    done
    start_watch
    kill -KILL "$started"
    ended_with 137
    spares_are_up
    start_watch
    kill "$started"
    ended_with 143
    connect down "$ID"
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    assert_equal "$(find "$CARRIERS/run" -name '*.json' -o -name 'watch-*')" ''
    assert_equal "$(leaked)" 0
}
