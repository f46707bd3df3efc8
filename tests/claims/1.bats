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

@test "claim 1: what was not accepted sends nothing" {
    book 600 10
    start push terminal timeout 4 carrier-connect exec "$ID" -- push-stream "$ID" test:
    before=$(lab_bytes media carA)
    sleep 3
    # Not one packet of content before the reserved time: nothing but the carrier's own probes.
    assert_equal "$(lab_bytes media inet0)" 0
    [ $(($(lab_bytes media carA) - before)) -lt 20000 ]
}
