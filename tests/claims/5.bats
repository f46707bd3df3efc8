# Claim 5: the same as a system of control, relay, terminal and two networks: each network does its
# own work. Here network 1 is cut in the middle of the event: the content goes on.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

@test "claim 5: with the Internet cut, the reserved content still arrives" {
    book 5 12
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    push=$started
    wait_for 20 has_bytes media carA 200000
    ip -n "$LAB-terminal" link set inet0 down
    before=$(lab_bytes media carA)
    wait_for 10 has_bytes media carA $((before + 400000))
    wait_for 5 streaming
    wait "$push"
    assert_equal "$(lab_bytes media inet0)" 0
}
