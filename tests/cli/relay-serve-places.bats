#!/usr/bin/env bats
# relay-serve and those who take many connections: one address has so many, and no more.

export PORT=19010
load ../lib/common
load ../lib/relay
load ../lib/upgrade

setup_file() {
    export ID
    ID=$(make-relay id)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=relay \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$BATS_FILE_TMPDIR/tls.key" -out "$BATS_FILE_TMPDIR/tls.crt"
    # 127.0.0.9 is a cache of the site's own. Each worker has a share of the connections.
    relay_up 'workers = 2' 'connections_per_address = 6' 'proxies = ["127.0.0.9"]' "admin = \"127.0.0.1:$((PORT + 7))\"" \
        "https = \"127.0.0.1:$((PORT + 6))\"" "tls_certificate = \"$BATS_FILE_TMPDIR/tls.crt\"" \
        "tls_key = \"$BATS_FILE_TMPDIR/tls.key\"" -- "$ID,0,120"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

metric() { curl -s "http://127.0.0.1:$((PORT + 7))/metrics" | sed -n "s/^slotcast_relay_$1 //p"; }
turned_away() { metric 'connections_turned_away_total{limit="address"}'; }
# from ADDRESS [OPTION…]: what is answered there.
from() { status_of --interface "$1" "${@:2}" "$HTTP/healthz"; }
is_served() { [ "$(from "$1")" = 200 ]; }
# takes ADDRESS N: N connections from there that say nothing, until $started_ADDRESS' end.
takes() {
    start "${1//./_}" python3 -c 'import socket, sys, time
held = [socket.create_connection(("127.0.0.1", int(sys.argv[2])), 5, (sys.argv[1], 0)) for _ in range(int(sys.argv[3]))]
print("open", flush=True)
time.sleep(60)' "$1" "$PORT" "$2"
    wait_for 5 grep -q open "${1//./_}.out"
    counted() { [ "$(metric connections)" -ge "$2" ]; }
    wait_for 5 counted "$@"
}

@test "an address that has its connections is told so, others are served, one that ends makes room" {
    local before
    before=$(turned_away)
    takes 127.0.0.3 6
    run -0 curl -si --interface 127.0.0.3 "$HTTP/healthz"
    assert_line --partial 'HTTP/1.1 503 Service Unavailable'
    assert_line 'too many connections from one address'
    assert_equal "$(header retry-after)" 10
    # By HTTPS there is no answer without a handshake.
    run ! curl -sk --interface 127.0.0.3 "https://127.0.0.1:$((PORT + 6))/healthz"
    assert_equal "$(turned_away)" "$((before + 2))"
    assert_equal "$(metric 'connections_turned_away_total{limit="total"}')" 0
    # Another one is served, on both.
    assert_equal "$(from 127.0.0.2)" 200
    assert_equal "$(status_of -k --interface 127.0.0.2 "https://127.0.0.1:$((PORT + 6))/healthz")" 200
    kill "$started_127_0_0_3"
    wait_for 5 is_served 127.0.0.3
}

@test "caches have as many as they want, and metrics are there for who has too many" {
    takes 127.0.0.9 20
    assert_equal "$(from 127.0.0.9)" 200
    takes 127.0.0.1 6
    assert_equal "$(from 127.0.0.1)" 503
    [ -n "$(turned_away)" ]
    # No connection of the first test or of this one is counted for ever.
    end_started
    gone() { [ "$(metric connections)" = 1 ] && [ "$(from 127.0.0.1)" = 200 ]; }
    wait_for 5 gone
}

@test "a program that takes this one's place counts the connections that it takes over" {
    takes 127.0.0.4 6
    upgrade
    assert_equal "$(from 127.0.0.4)" 503
    assert_equal "$(from 127.0.0.5)" 200
    end_started
    wait_for 5 is_served 127.0.0.4
}
