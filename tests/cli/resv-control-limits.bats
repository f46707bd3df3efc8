# What resv-control takes of its clients: each limit is broken by a client that really breaks it, while
# another one is served.

load ../lib/common

export PORTS=29000
load ../lib/control

limits() {
    sed -i 's/^\[relays.r1\]/[limits]\n&/' control.toml
    for limit in "$@"; do sed -i "s/^\[limits\]/&\n$limit/" control.toml; done
    # shellcheck disable=SC2153 # of control.bash
    ADMIN=127.0.0.5:$PORT
    sed -i "1i admin = \"$ADMIN\"" control.toml
    resv-control init
    serve
}

misbehave() { SSLKEYLOGFILE='' timeout 40 "$SLOTCAST_ROOT/tests/lib/misbehave" "$URL" "$KEYS/tls.crt" "$@"; }
metric() { curl -sS "http://$ADMIN/metrics" | awk -v name="$1" '$1 == name {print $2}'; }
# from N: an address of its own.
from() { curl -sS --max-time 10 --cacert "$KEYS/tls.crt" --interface "127.0.0.$1" "${@:2}"; }
code() { jq -r .code answer; }

@test "headers and bodies that are too large get a problem document" {
    limits 'header_bytes = 4096' 'body_bytes = 20000'
    head -c 20001 /dev/zero >body
    assert_equal "$(ask -o answer -w '%{http_code}' -H 'Expect:' --data-binary @body "$URL/v1/reservations")" 413
    assert_equal "$(code)" body_too_large
    truncate -s 20000 body
    assert_equal "$(ask -o answer -w '%{http_code}' -H 'Expect:' --data-binary @body "$URL/v1/reservations")" 401
    assert_equal "$(ask -o answer -w '%{http_code}' -H "X-Long: $(head -c 4200 /dev/zero | tr '\0' a)" "$URL/healthz")" 431
    assert_equal "$(code)" header_too_large
    assert_equal "$(ask -o answer -w '%{http_code}' "$URL/$(head -c 4200 /dev/zero | tr '\0' a)")" 431
    assert_equal "$(metric slotcast_control_unread_requests_total)" 3
}

@test "a body whose length is not said is refused, in however small pieces it comes" {
    limits
    echo '{}' >body
    assert_equal "$(ask -o answer -w '%{http_code}' -H 'Transfer-Encoding: chunked' -d @body "$URL/v1/reservations")" 411
    assert_equal "$(code)" no_length
    pieces() {
        for piece in 'POST /v1/reservations HTTP/1.1\r\nHost: control\r\nTransfer-Encoding: chunked\r\n\r\n' '0\r\n' h; do
            printf '%b' "$piece"
            sleep 0.3
        done
    }
    pieces | timeout 10 openssl s_client -quiet -connect "127.0.0.1:$PORT" -CAfile "$KEYS/tls.crt" >answer 2>/dev/null || true
    head -n 1 answer | grep -F 'HTTP/1.1 411 '
    from 1 -f "$URL/healthz"
}

@test "slow clients are told, or dropped, at each deadline, and nobody waits for them" {
    limits 'handshake_timeout = "1s"' 'header_timeout = "1s"' 'body_timeout = "1s"' 'idle_timeout = "1s"' 'write_timeout = "1s"'
    for mode in header body idle handshake unread; do misbehave $mode >"$mode" & done
    for _ in $(seq 20); do ask -f -o answer "$URL/healthz"; done
    wait_for 30 eval 'test -s header -a -s body -a -s idle -a -s handshake -a -s unread'
    for mode in header body; do
        jq -r .got $mode | tr -d '\r' >got
        run head -n 1 got
        assert_output 'HTTP/1.1 408 Request Timeout'
        tail -n 1 got | assert_matches_schema problem
    done
    [[ $(jq -r .got idle) == 'HTTP/1.1 200 OK'* ]]
    assert_equal "$(jq -r .got handshake)" ''
    # Each ended by its deadline, and none by ours.
    run jq -s 'map(select(.seconds >= 0.9 and .seconds < 15)) | length' header body idle handshake unread
    assert_output 5
    wait_for 5 eval '[ "$(metric slotcast_control_connections)" = 0 ]'
}

@test "connections beyond the cap of an address are closed, another address is served; so for all" {
    limits 'connections = 9' 'connections_per_address = 6'
    mkfifo hold
    misbehave pile 8 <hold >first &
    exec 8>hold
    wait_for 10 test -s first
    assert_equal "$(jq -c . first)" '{"answered":6,"closed":2}'
    from 2 -f "$URL/healthz"
    run from 1 -f "$URL/healthz"
    assert_failure
    # Three more are all there is room for.
    mkfifo hold2
    URL=https://127.0.0.1:$PORT
    unshare_from() { sed 's/create_connection((url.hostname, url.port)/&/; s/timeout=PATIENCE)/timeout=PATIENCE, source_address=("127.0.0.3", 0))/' "$SLOTCAST_ROOT/tests/lib/misbehave" >other; }
    unshare_from
    timeout 40 /usr/bin/python3 other "$URL" "$KEYS/tls.crt" pile 5 <hold2 >second &
    exec 9>hold2
    wait_for 10 test -s second
    assert_equal "$(jq -c . second)" '{"answered":3,"closed":2}'
    assert_equal "$(metric 'slotcast_control_connections_turned_away_total{limit="address"}')" 3
    assert_equal "$(metric 'slotcast_control_connections_turned_away_total{limit="total"}')" 2
    exec 8>&- 9>&-
    wait_for 10 from 1 -f "$URL/healthz" # there is room again
}

@test "a key that asks too often gets 429 with Retry-After, another key is served" {
    limits 'requests_per_key = 1' 'burst_per_key = 4'
    terminal
    mkdir other && cp terminal.toml other/
    sed -i "s,vault = .*,vault = \"$PWD/other/vault\"," other/terminal.toml
    resv-store --config "$PWD/other/terminal.toml" init >/dev/null
    resv-control enrol bob --role distributor 2>/dev/null |
        resv-request --config "$PWD/other/terminal.toml" enrol --token-file - >/dev/null
    for _ in 1 2 3 4 5 6 7; do request list >/dev/null 2>>refused || echo "code $?" >>refused; done
    assert_equal "$(sort -u refused | grep -c '^code 75$')" 1
    grep -q 'too many requests with this key' refused
    resv-request --config "$PWD/other/terminal.toml" list
    grep -q . <(metric 'slotcast_control_rate_limited_total{by="key"}')
    wait_for 10 request list # the bucket fills again
}

@test "an address without good signatures gets 429 with Retry-After, those who sign from there are served" {
    limits 'unsigned_per_address = 1' 'unsigned_burst = 10'
    terminal
    for _ in $(seq 14); do from 1 -o answer -D headers -w '%{http_code}\n' "$URL/v1/reservations" >>codes; done
    assert_equal "$(sort codes | uniq -c | awk '$2 == 401 || $2 == 429 {n++} END {print n}')" 2
    assert_equal "$(tail -n 1 codes)" 429
    assert_equal "$(code)" too_many_requests
    assert_matches_schema problem <answer
    [[ $(tr -d '\r' <headers | sed -n 's/^Retry-After: //p') =~ ^[1-9][0-9]*$ ]]
    # Enrolments, unknown paths and the clock count too; health does not, nor does who signs.
    limited() { [ "$(from 1 -o answer -w '%{http_code}' "$@")" = 429 ]; }
    wait_for 10 limited "$URL/v1/time"
    wait_for 10 limited -d '{}' "$URL/v1/keys/enrol"
    wait_for 10 limited "$URL/no/such"
    from 1 -f "$URL/healthz"
    request list
    assert_equal "$(from 2 -o answer -w '%{http_code}' "$URL/v1/time")" 200
}

@test "TLS before 1.2 is refused" {
    limits
    for version in -tls1 -tls1_1; do
        run timeout 10 openssl s_client -connect "127.0.0.1:$PORT" "$version" -cipher 'ALL:@SECLEVEL=0' </dev/null
        assert_failure
    done
    for version in -tls1_2 -tls1_3; do
        timeout 10 openssl s_client -connect "127.0.0.1:$PORT" "$version" -CAfile "$KEYS/tls.crt" </dev/null
    done
}

@test "limits that make no sense are refused, by name" {
    assert_equal "$(resv-control --print-config | sed -n '/^\[limits\]/,/^$/p' | grep -c ' = ')" 15
    while IFS='|' read -r line expected; do
        cp control.toml kept
        sed -i "1i limits.$line" control.toml
        run -78 resv-control --print-config
        assert_output --partial "limits.$expected"
        mv kept control.toml
    done <<'END'
header_bytes = 10|header_bytes
body_bytes = 1000000000|body_bytes
connections = 0|connections
idle_timeout = "0s"|idle_timeout: is not in 100ms to 1h
requests_per_key = -1|requests_per_key
colour = 1|colour: not a known key
END
}
