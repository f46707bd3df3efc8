# Runs in a guest (tests/lib/guest); host.bats starts it. A line that is dialled with a modem: pppd and chat on
# ours, a fake of the modem (tests/lib/fake-modem), and a real pppd behind it that asks for the password.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/dialled

DIALLED_DEVICE=/dev/ttyLINE
# shellcheck disable=SC2034 # for lib/dialled
DIALLED_SETTINGS='mode = "serial"
number = "*99#"
init = ["AT+CGDCONT=1,\"IP\",\"event.example\"", "ATX3"]
speed = 115200'
make_line() {
    ON_EXEC=1 fake-modem "$DIALLED_DEVICE" "*99#" ip netns exec "$LAB-relay" pppd 115200 local nodetach noccp \
        file "$STACK/server.options" 10.4.0.1:10.4.0.10 >"$STACK/modem.out" 2>"$STACK/modem.err" 3>&- 4>&- &
    echo $! >"$STACK/modem.pid"
    wait_for 60 test -e "$DIALLED_DEVICE"
}

setup_file() {
    dialled_up
}
teardown() {
    end_started
    connect -q down "$ID"
}
start_connect() {
    local name=$1
    shift
    start "$name" nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" "$@"
}
told() { grep "^AT" "$STACK/modem.out" | tail -n 4 | tr '\n' '|'; }
nothing_left() {
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(find "$STACK/run" -name "line-*")" ""
    assert_equal "$(on terminal ip rule | grep -c '^[5-7][0-9][0-9]:' || true)" 0
    run ip -n "$LAB-terminal" link show ppp-dsl
    assert_failure
}

@test "ppp, serial: the modem is told what the settings say, media crosses the line, and it is dialled again" {
    start_connect push exec "$ID" -- push-stream "$ID" "$GUEST_MEDIA"
    wait_for 180 streaming
    assert_equal "$(told)" 'ATZ|AT+CGDCONT=1,"IP","event.example"|ATX3|ATD*99#|'
    run grep -aFlf "$STACK/dsl.password" /proc/[0-9]*/cmdline /proc/[0-9]*/environ # not in grep's own
    assert_output ''
    run grep -rl "$PASSWORD" "$STACK/run"
    assert_output ''

    # The other end hangs up.
    local pid calls
    pid=$(dialled)
    calls=$(grep -c '^ATD' "$STACK/modem.out")
    pkill -TERM -P "$(cat "$STACK/modem.pid")"
    again() { [ "$(dialled)" != "$pid" ] && [ "$(grep -c '^ATD' "$STACK/modem.out")" -gt "$calls" ]; }
    wait_for 90 again
    sent() { ip -n "$LAB-terminal" -s -j link show ppp-dsl 2>/dev/null | jq -e '.[0].stats64.tx.bytes > 100000'; }
    wait_for 90 sent
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
    nothing_left
}

@test "ppp, serial: a number that is busy is told, and so is a modem that is not there" {
    sed -i 's/^number = .*/number = "0190"/' "$STACK/control.toml"
    kill -HUP "$(cat "$STACK/control.pid")"
    new_number() {
        terminal resv-request settings "$ID" | terminal resv-store add >/dev/null
        terminal resv-store get "$ID" --carrier dsl | grep -q 0190
    }
    wait_for 10 new_number
    run --separate-stderr connect up "$ID" --carrier dsl
    assert_equal "$status" 69
    assert_equal "${stderr_lines[0]}" 'carrier-connect: error: carrier dsl: the line does not come up: the modem does not connect'
    assert_equal "$(grep "^AT" "$STACK/modem.out" | tail -n 1)" ATD0190
    nothing_left

    rm "$DIALLED_DEVICE"
    run --separate-stderr connect up "$ID" --carrier dsl
    assert_equal "$status" 69
    assert_regex "${stderr_lines[0]}" 'carrier dsl: the line does not come up: '
    nothing_left
}
