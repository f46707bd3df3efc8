# resv-control takes up another configuration, and ends, without dropping what it accepted.

load ../lib/common

export PORTS=30000
load ../lib/control

# ready_to_go: a control with room for monitors, and a relay that waits for news.
ready_to_go() {
    # shellcheck disable=SC2153 # of control.bash
    ADMIN=127.0.0.5:$PORT
    sed -i "1i admin = \"$ADMIN\"\nlimits.unsigned_per_address = 0\nlimits.requests_per_key = 0" control.toml
    resv-control init
    serve
}

with_relay() {
    printf 'id = "r1"\ncontrol = "%s"\ncacert = "%s"\nhttp = "127.0.0.6:%d"\ndata = "%s"\n[ingest.lineA]\nlisten = "127.0.0.7:%d"\n' \
        "$URL" "$KEYS/tls.crt" "$PORT" "$PWD/relay" "$PORT" >relay.toml
    resv-control enrol r1 --role relay 2>/dev/null | relay-serve --config "$PWD/relay.toml" enrol --token-file -
    start relay relay-serve --config "$PWD/relay.toml"
    wait_for 10 polled
}

metric() { curl -sS "http://$ADMIN/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
polled() { [ "$(metric slotcast_control_feed_pollers)" = 1 ]; }
reloads() { [ "$(metric "slotcast_control_reloads_total{outcome=\"$1\"}")" = "$2" ]; }
reload() {
    kill -HUP "$started_serve"
    wait_for 10 reloads "$@"
}
# presented: the serial number of the certificate that is served.
presented() { timeout 10 openssl s_client -connect "127.0.0.1:$PORT" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
load_it() { timeout 60 "$SLOTCAST_ROOT/tests/lib/ask-anew" "$URL" "$1" 6; }

@test "HUP takes up configuration and certificate under load, and loses nothing" {
    ready_to_go
    with_relay
    terminal
    mkdir next
    (cd next && self_signed)
    cat "$KEYS/tls.crt" next/tls.crt >both.crt
    cp "$KEYS"/tls.* .
    edit "s,$KEYS/tls,$PWD/tls,"
    reload 'done' 1
    sed -i "s,^cacert.*,cacert = \"$PWD/both.crt\"," terminal.toml relay.toml
    mkfifo hold
    load_it "$PWD/both.crt" <hold >asked &
    exec 8>hold
    for n in 1 2; do
        (for h in $(seq "$n" 2 16); do
            request book --start "$(date -u -d "$h hours" +%FT%H:30:00Z)" --duration 20m --rate 4M --title "$h" || echo "failed $h"
        done) >"booked$n" 2>"failed$n" &
    done
    before=$(presented)
    cp next/tls.* .
    edit 's/^viewers = .*/viewers = 7/; s/^streams = 4/streams = 5/'
    for n in 2 3 4 5 6; do
        reload 'done' "$n"
        [ "$n" != 2 ] || assert_not_equal "$(presented)" "$before"
    done
    edit 's/^\[channels.studio1\]/[channels.studio2]\nrelay = "r1"\nviewers = 9\nmax_rate = "1M"\n&/'
    reload 'done' 7
    wait_for 30 eval '[ "$(grep -hc \"type\":\"reservation booked1 booked2 | paste -sd+ | bc)" = 16 ]'
    exec 8>&-
    wait_for 10 test -s asked
    assert_equal "$(jq -c .lost asked)" '[]'
    assert_equal "$(jq -r '.answered | keys[]' asked)" 200
    run jq '.answered["200"] > 50' asked
    assert_output true
    run -0 grep -h failed booked1 booked2 failed1 failed2 || true
    assert_equal "$(jq -rs 'map(select(.type == "reservation"))[-1].viewers' booked1)" 7
    # The relay goes on waiting, without a word of trouble.
    wait_for 10 polled
    request slots --from "$(date -u -d '3 days' +%FT00:00:00Z)" --to "$(date -u -d '3 days' +%FT12:00:00Z)" --duration 1h --rate 1M --channel studio2
    grep -q '"channel":"studio2"' <(request slots --from "$(date -u -d '3 days' +%FT00:00:00Z)" --to "$(date -u -d '3 days' +%FT12:00:00Z)" --duration 1h --rate 1M --channel studio2)
}

@test "HUP with something wrong says what, and the former configuration stays" {
    ready_to_go
    cp control.toml good.toml
    cp "$KEYS"/tls.* .
    n=0
    while IFS='|' read -r script expected; do
        edit "$script"
        n=$((n + 1))
        reload refused "$n"
        run -0 cat serve.err
        assert_line --partial "$expected"
        assert_line --partial 'the former configuration stays in force'
        cp good.toml control.toml
        serving
    done <<END
s/^streams = .*/streams = "many"/|relays.r1.streams
s/^listen.*/listen = "127.0.0.1:1"/|listen cannot change while control runs
s/^admin.*/admin = "127.0.0.1:1"/|admin cannot change while control runs
s,^data.*,data = "/nowhere",|data cannot change while control runs
1i ledger = "postgresql:///x"|ledger cannot change while control runs
s,^tls_key.*,tls_key = "$PWD/control.toml",|not a private key
s,^tls_certificate.*,tls_certificate = "/nowhere",|/nowhere
END
    reload 'done' 1
}

@test "told to stop, control accepts no more, finishes what it accepted, and exits 0" {
    ready_to_go
    with_relay
    terminal
    mkfifo hold
    load_it "$KEYS/tls.crt" <hold >asked &
    exec 9>hold
    for n in 1 2; do
        (for h in $(seq "$n" 2 200); do
            request book --start "$(date -u -d "$h hours" +%FT%H:30:00Z)" --duration 20m --rate 4M --title "$h" || break
        done) >"booked$n" 2>"failed$n" &
    done
    wait_for 20 grep -q '"title":"5"' booked1
    # One that is half sent, and goes on when control ends already.
    mkfifo body
    ask -o half --trace-ascii trace -w '%{http_code}' -H 'Content-Length: 10' -H 'Transfer-Encoding:' -H 'Expect:' -T - -X POST "$URL/v1/reservations" <body >code &
    exec 8>body
    printf 12345 >&8
    wait_for 10 grep -q '=> Send data' trace # the others' connections come and go
    kill "$started_serve"
    wait_for 10 eval '[ "$(curl -s -o ready -w "%{http_code}" "http://$ADMIN/readyz")" = 503 ]'
    grep -q 'about to end' ready
    run ! serving
    printf 67890 >&8
    exec 8>&-
    status=0
    wait "$started_serve" || status=$?
    assert_equal "$status" 0
    wait_for 10 test -s code
    assert_equal "$(<code)" 401
    wait_for 20 test -s asked
    assert_equal "$(jq -c .lost asked)" '[]'
    exec 9>&-
    run jq '.answered["200"] > 20' asked
    assert_output true
    cat booked1 booked2 | jq -r 'select(.type == "reservation").id' | sort >acknowledged
    resv-control reservations | jq -r .id | sort >kept
    run -0 comm -23 acknowledged kept
    assert_output ''
}

@test "what is not done when stop_timeout is over is cut off, and said" {
    ready_to_go
    edit '1i limits.stop_timeout = "1s"'
    reload 'done' 1
    mkfifo body
    ask -o half -H 'Content-Length: 10' -H 'Transfer-Encoding:' -H 'Expect:' -T - -X POST "$URL/v1/reservations" <body &
    exec 8>body
    printf 12345 >&8
    wait_for 10 eval '[ "$(metric slotcast_control_connections)" = 1 ]'
    kill "$started_serve"
    status=0
    wait "$started_serve" || status=$?
    exec 8>&-
    assert_equal "$status" 143
    grep -q 'what was not answered after 1s was cut off' serve.err
}
