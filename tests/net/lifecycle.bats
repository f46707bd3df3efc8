# What happens to an event that runs: it is extended, cancelled, and every program of the chain is
# killed in the middle of it and started again. Proof: the kernel's counters, and what viewers get.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() {
    terminal resv-request end "$ID" >/dev/null 2>&1 || true # frees the channel for the next test
    end_started
}

push() { start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:; }

# flows: content crosses a carrier now, and none of it the Internet.
flows() {
    local before
    before=$(($(lab_bytes media carA) + $(lab_bytes media carB)))
    wait_for 15 arrived $((before + 150000))
    assert_equal "$(lab_bytes media inet0)" 0
}
arrived() { [ $(($(lab_bytes media carA) + $(lab_bytes media carB))) -gt "$1" ]; }
viewer_gets() { # new media, now
    [ "$(on viewer timeout 4 curl -sN "$URL/live.ts" | head -c 100000 | wc -c)" = 100000 ]
}

@test "a preflight tries the dedicated line before the event, and nobody sees it" {
    book 90 20
    run -77 terminal carrier-connect exec "$ID" -- push-stream --preflight "$ID"
    assert_output --partial "hint: resv-request settings $ID --preflight | resv-store add"
    terminal resv-request settings "$ID" --preflight | terminal resv-store add >/dev/null
    start viewer on viewer timeout 20 curl -sN "$URL/live.ts"
    local before
    before=$(lab_bytes media carA)
    run -0 --separate-stderr terminal carrier-connect exec "$ID" -- push-stream --preflight --duration 3s "$ID"
    assert_matches_schema push-stream <<<"$output"
    jq -e '.ok and .carrier == "lineA" and .interface == "carA" and .reserved_rate_bps == 4000000' <<<"$output"
    jq -e '.usable_rate_bps > 3800000 and .usable_rate_bps < 4400000 and .rtt_us > 0 and .dropped_packets == 0' <<<"$output"
    jq -e '.key_frame_interval_ms > 0 and (.clock_offset_ms | fabs) < 1000' <<<"$output"
    [ $(($(lab_bytes media carA) - before)) -gt 1400000 ]
    assert_equal "$(lab_bytes media inet0)" 0
    tried() { jq -es --arg id "$ID" 'any(.type == "preflight_closed" and .reservation == $id and .carrier == "lineA" and .bytes > 1400000)' "$STACK/relay.out"; }
    wait_for 5 tried
    run ! jq -es --arg id "$ID" 'any(.reservation == $id and (.type == "opened" or .type == "first_media"))' "$STACK/relay.out"
    assert [ ! -s viewer.out ]
    # What made a new ticket of the reservation voids the settings that are in the vault, a preflight's too.
    terminal resv-request settings "$ID" --new-generation >/dev/null
    run -1 --separate-stderr terminal carrier-connect exec "$ID" -- push-stream --preflight --duration 1s "$ID"
    [[ $stderr == *'refused the preflight: withdrawn'* ]]
    terminal resv-request cancel "$ID" >/dev/null
}

@test "an extension is picked up while the stream runs, by the sender and by the relay" {
    book 5 9
    local over=$(($(date +%s) + 5 + 9 + 3))
    push
    wait_for 15 streaming
    terminal resv-request extend "$ID" --end "$(in_seconds 22)" >/dev/null
    wait_for 30 sh -c "[ \$(date +%s) -gt $over ]"
    flows
    viewer_gets
}

@test "ended by its owner while it runs, the stream stops, and push-stream has done its work" {
    book 7 30
    push
    wait_for 20 streaming
    terminal resv-request end "$ID"
    local code=0 before
    wait "$started" || code=$?
    assert_equal "$code" 0 # its owner's word is as good an end as the one that was booked
    closed() { jq -es --arg id "$ID" 'any(.type == "closed" and .reservation == $id and .reason == "ended")' "$STACK/relay.out"; }
    wait_for 10 closed
    before=$(lab_bytes media carA)
    sleep 1
    [ $(($(lab_bytes media carA) - before)) -lt 5000 ]
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "killed in the middle and started again, each program goes on with the same event" {
    book 7 60
    push
    wait_for 20 streaming

    # push-stream: carrier-connect reports it and takes the carrier down; the same command goes on.
    kill -9 "$(pid_of push-stream)"
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" 137
    push
    flows

    # carrier-connect: the sender ends with it, the routes stay closed; the same command goes on.
    kill -9 "$(pid_of carrier-connect)"
    wait "$started" || true
    run terminal setpriv --reuid 64010 --regid 64010 --clear-groups ip route get "$INGEST_A"
    refute_output --partial inet0
    push
    flows

    # push-sender: the command is told.
    kill -9 "$(pid_of push-sender)"
    code=0
    wait "$started" || code=$?
    assert_equal "$code" 69
    run cat "$BATS_TEST_TMPDIR/push.err"
    assert_line --partial 'carrier-connect: error: the sender was killed by signal 9;'
    assert_line 'push-stream: error: the sender is gone'
    assert_line --partial 'push-stream: hint: '
    push
    flows

    # resv-control: the stream does not notice, and the booking is there afterwards.
    kill -9 "$(cat "$STACK/control.pid")"
    run ! on control curl -s --cacert "$STACK/tls.crt" "https://$CONTROL_ADDRESS:8443/healthz"
    flows
    daemon control resv-control serve
    wait_for 10 terminal resv-request show "$ID"
    terminal resv-request show "$ID" | jq -e '.state == "active"'

    # relay-serve: the publisher comes back to it, and the viewers' URL is the same.
    kill -9 "$(cat "$STACK/relay.pid")"
    run ! on viewer curl -sf "$URL/index.m3u8"
    wait_for 2 eval '[ -z "$(ip netns pids "$LAB-relay")" ]' # its ingest processes ended with it
    daemon relay relay-serve --events -
    wait_for 20 viewer_gets
    assert_equal "$(lab_bytes media inet0)" 0
}

# pid_of PROGRAM: of the one that runs in this test's terminal.
pid_of() {
    local pid
    for pid in $(ip netns pids "$LAB-terminal"); do
        [ "$(cat "/proc/$pid/comm")" = "$1" ] && echo "$pid" && return
    done
}
