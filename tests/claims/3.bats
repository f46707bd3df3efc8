# Claim 3: the settings, which echo the request, carry connection information for several carriers;
# the one preset by the user is read and used.
# Proof: the preset is the carrier that the request named second; its interface carries the content,
# the other one's counter stays at zero.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

@test "claim 3: of several stored carriers the preset one is used" {
    book 5 8
    run terminal resv-store get "$ID"
    assert_success
    assert_equal "$(jq -c '[.carriers[].name]' <<<"$output")" '["lineA","lineB"]'
    assert_equal "$(jq -r '.request.title' <<<"$output")" Test

    terminal carrier-connect preset lineB
    start push terminal carrier-connect exec "$ID" -- push-stream --paths single "$ID" test:
    push=$started
    wait_for 20 has_bytes media carB 200000
    wait "$push"
    assert_equal "$(lab_bytes media carA)" 0
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "claim 3: another preset, another line" {
    book 9 6 # the first event has to drain, this one to lead in
    terminal carrier-connect preset lineA
    before=$(lab_bytes media carB)
    start push terminal carrier-connect exec "$ID" -- push-stream --paths single "$ID" test:
    push=$started
    wait_for 20 has_bytes media carA 200000
    wait "$push"
    assert_equal "$(lab_bytes media carB)" "$before"
}
