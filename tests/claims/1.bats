# Claim 1: a request with a desired time goes terminal -> control over network 1; once accepted,
# content goes terminal -> relay over network 2, another network; the relay streams it to viewers.
# Proof: nftables counters on the terminal's interfaces, and bytes that a viewer received.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

@test "claim 1: the request crosses the Internet, the content the carrier, the stream reaches viewers" {
    before=$(lab_bytes reservation inet0)
    book 5 9
    [ "$(lab_bytes reservation inet0)" -gt "$before" ]
    assert_equal "$(lab_bytes media carA)" 0

    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    push=$started
    start viewer on viewer timeout 25 curl -sN "$URL/live.ts"
    wait_for 20 has_bytes media carA 200000
    wait "$push"

    assert_equal "$(lab_bytes media inet0)" 0
    assert_equal "$(lab_bytes reservation carA)" 0
    assert_equal "$(lab_bytes reservation carB)" 0
    # What the viewer has is a transport stream with pictures in it.
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/viewer.out")" -gt 200000 ]
    run ffprobe -v error -count_frames -select_streams v -show_entries stream=codec_name,nb_read_frames \
        -of csv=p=0 "$BATS_TEST_TMPDIR/viewer.out"
    assert_success
    assert_line --regexp '^h264,[0-9]{2,}'
}

@test "claim 1: what was refused or is not yet due sends nothing" {
    book 600 10
    local accepted=$ID
    run terminal resv-request book --start "$(in_seconds 600)" --duration 10s --rate 4M --title Clash \
        --channel studio1 --carrier lineA
    assert_equal "$status" 1
    refute_output --partial sealed

    before=$(lab_bytes media carA)
    start push terminal timeout 8 carrier-connect exec "$accepted" -- push-stream "$accepted" test:
    wait_for 5 grep -q waiting "$BATS_TEST_TMPDIR/push.out"
    sleep 2
    kill -0 "$started" # it is there, and waits for its time
    # Not one packet to the relay's SRT port; the check of the line is a few bytes to the port beside it.
    [ $(($(lab_bytes media carA) - before)) -lt 2000 ]
    assert_equal "$(lab_bytes media inet0)" 0
}
