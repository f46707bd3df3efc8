# Claim 6: the same as a system, with the settings stored and the preset carrier used. Here network 2
# is cut in the middle of the event: reservations go on over network 1, the content does not move to it.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

@test "claim 6: with the carriers cut, reservations go on and no content takes the Internet" {
    book 5 15
    first=$ID
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    wait_for 20 has_bytes media carA 200000
    ip -n "$LAB-terminal" link set carA down
    ip -n "$LAB-terminal" link set carB down
    sent() { echo "$(lab_bytes media carA) $(lab_bytes media carB)"; }
    stopped=$(sent)
    before=$(lab_bytes reservation inet0)
    book 300 60
    [ "$ID" != "$first" ]
    [ "$(lab_bytes reservation inet0)" -gt "$before" ]
    sleep 3
    assert_equal "$(sent)" "$stopped"
    assert_equal "$(lab_bytes media inet0)" 0
}
