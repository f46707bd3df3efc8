# What is revoked while it runs: real control, on one PostgreSQL database with a second process beside
# it, relay, carrier and push-stream. The publisher is cut off within two seconds.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() {
    # tests/run has one PostgreSQL for all files.
    [ -n "${SLOTCAST_TEST_POSTGRES:-}" ] ||
        export SLOTCAST_TEST_POSTGRES=/tmp/postgres-tests-$BATS_ROOT_PID OWN_POSTGRES=yes
    export STACK_LEDGER
    STACK_LEDGER=$(postgres "$SLOTCAST_TEST_POSTGRES" database)
    stack_up
    # The other process, and an operator who knows only that one.
    sed 's/:8443"/:8444"/' "$STACK/control.toml" >"$STACK/second.toml"
    ON_EXEC=1 on control env SLOTCAST_CONFIG="$STACK/second.toml" resv-control serve \
        >"$STACK/second.out" 2>"$STACK/second.err" 3>&- 4>&- &
    echo $! >"$STACK/second.pid"
    wait_for 10 on control curl -sf --cacert "$STACK/tls.crt" "https://$CONTROL_ADDRESS:8444/healthz"
    sed "s,:8443\",:8444\",; s,^vault.*,vault = \"$STACK/operator\"," "$STACK/terminal.toml" >"$STACK/operator.toml"
    operator resv-store init
    control resv-control enrol boss --role operator | operator resv-request enrol --token-file -
}
teardown_file() {
    stack_down
    [ -n "${OWN_POSTGRES:-}" ] && [ -d "$SLOTCAST_TEST_POSTGRES" ] || return 0
    postgres "$SLOTCAST_TEST_POSTGRES" stop
    rm -rf "$SLOTCAST_TEST_POSTGRES" "$SLOTCAST_TEST_POSTGRES".*
}
teardown() { end_started; }

operator() { on terminal env SLOTCAST_CONFIG="$STACK/operator.toml" "$@"; }

# cut_off: the relay has closed the publisher of $ID.
cut_off() { jq -es --arg id "$ID" 'any(.type == "closed" and .reservation == $id)' "$STACK/relay.out"; }

# cut_within_2_s COMMAND…: it revokes $ID, and the publisher is gone two seconds later at most.
cut_within_2_s() {
    local done_at code=0
    run -1 cut_off
    "$@" >"$BATS_TEST_TMPDIR/answer"
    done_at=$(date +%s%3N)
    until cut_off >/dev/null; do
        [ $(($(date +%s%3N) - done_at)) -lt 2000 ] || fail "$ID still streams, two seconds later"
        sleep 0.02
    done
    echo "cut $(($(date +%s%3N) - done_at)) ms after the answer"
    wait "$started" || code=$?
    assert_equal "$code" 1
    local before=$(($(lab_bytes media carA) + $(lab_bytes media carB)))
    sleep 1
    [ $(($(lab_bytes media carA) + $(lab_bytes media carB) - before)) -lt 5000 ]
    assert_equal "$(lab_bytes media inet0)" 0
    assert_equal "$(on viewer curl -s -o /dev/null -w '%{http_code}' "$URL/index.m3u8")" 404
}

@test "an operator revokes a reservation that streams, at another process than the relay asks" {
    book 5 120
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    wait_for 20 streaming
    cut_within_2_s operator resv-request revoke "$ID"
    assert_equal "$(jq -r .state "$BATS_TEST_TMPDIR/answer")" revoked
    book 5 120 # its place is free
    terminal resv-request cancel "$ID" >/dev/null
}

@test "a distributor's keys and reservations are revoked by a command while one of them streams" {
    book 5 120
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    wait_for 20 streaming
    cut_within_2_s control resv-control revoke studio --reservations revoke
    run -77 terminal resv-request list
    assert_output --partial 'was revoked'
}
