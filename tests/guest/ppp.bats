# Runs in a guest (tests/lib/guest); host.bats starts it. A line that is dialled, see tests/lib/dialled.bash. The
# guest ends with the file, and with it all that runs.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/dialled

setup_file() {
    dialled_up
}
teardown() {
    end_started
    connect -q down "$ID"
    accounts "$PASSWORD"
    line delay 10ms loss 1%
}

start_connect() {
    local name=$1
    shift
    start "$name" nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" "$@"
}
is_up() { ip -n "$LAB-terminal" -4 address show ppp-dsl 2>/dev/null | grep -q 'inet 10.4.0.1[0-9] peer 10.4.0.1/32'; }
sent() { ip -n "$LAB-terminal" -s -j link show ppp-dsl | jq '.[0].stats64.tx.bytes'; }
has_sent() { [ "$(sent)" -gt "$1" ]; }
main_routes() { ip -n "$LAB-terminal" route show table main | grep -v ppp-dsl; }
nothing_left() {
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(find "$STACK/run" -name "line-*")" ""
    assert_equal "$(on terminal ip rule | grep -c '^[5-7][0-9][0-9]:' || true)" 0
    run ip -n "$LAB-terminal" link show ppp-dsl
    assert_failure
}

@test "ppp: book, connect, push and view over PPPoE, and nothing of it on the Internet" {
    local routes
    routes=$(main_routes)
    start_connect push exec "$ID" -- push-stream "$ID" "$GUEST_MEDIA"
    wait_for 180 streaming
    is_up
    # What the line delays, the relay's own figures show.
    delayed() { on relay curl -sf http://127.0.0.1:9090/metrics | awk '/^slotcast_relay_path_round_trip_microseconds[{].*dsl/ && $2 > 10000 && $2 < 1000000 {ok = 1} END {exit !ok}'; }
    wait_for 10 delayed
    # Whoever lists processes learns no password; nor does who reads files.
    run grep -aFlf "$STACK/dsl.password" /proc/[0-9]*/cmdline /proc/[0-9]*/environ # not in grep's own
    assert_output ''
    run grep -rl "$PASSWORD" "$STACK/run"
    assert_output ''
    assert_equal "$(main_routes)" "$routes"
    assert_equal "$(ip -n "$LAB-terminal" -j link show ppp-dsl | jq '.[0].mtu')" 1492

    # pppd is killed: it comes back, and so does media.
    local pid
    pid=$(dialled)
    kill -9 "$pid"
    again() { [ "$(dialled)" != "$pid" ] && is_up && has_sent 100000; }
    wait_for 90 again
    # So is one whose address was taken away, which pppd does not see.
    pid=$(dialled)
    ip -n "$LAB-terminal" address flush dev ppp-dsl
    wait_for 90 again
    assert_equal "$(leaked)" 0
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
    assert_equal "$(lab_bytes media inet0)" 0
    nothing_left
}

@test "ppp: a silent line is noticed by its probes long before pppd, and left" {
    connect -q up "$ID"
    start_connect watch watch "$ID"
    event() { grep -q "\"event\":\"$1\".*\"carrier\":\"$2\"" "$BATS_TEST_TMPDIR/watch.out"; }
    wait_for 60 event up dsl
    has_spare() { connect status | jq -e 'select(.carrier == "lineA")' >/dev/null; }
    wait_for 60 has_spare
    line loss 100%
    wait_for 20 event moved lineA
    kill -0 "$(dialled)" # it has not noticed
    is_up
    assert_equal "$(leaked)" 0
}

@test "ppp: what the access side refuses is told, and leaves nothing" {
    accounts another
    run --separate-stderr connect up "$ID" --carrier dsl
    assert_equal "$status" 69
    assert_equal "${stderr_lines[0]}" 'carrier-connect: error: carrier dsl: the line does not come up: the other end does not take user and password'
    nothing_left
}

@test "ppp: killed at any moment, down ends the line, and a second up finds the first one's" {
    local after
    for after in 0.05 0.3 1; do
        killed_after "$after" start_connect up up "$ID" --carrier dsl
        connect down "$ID"
        nothing_left
    done
    connect up "$ID" --carrier dsl >/dev/null
    after=$(dialled)
    connect up "$ID" --carrier dsl >/dev/null
    assert_equal "$(dialled)" "$after"
    run -0 connect down "$ID" --dry-run
    assert_output --partial "kill $after"
    connect down "$ID"
    run kill -0 "$after"
    assert_failure
    nothing_left
}
