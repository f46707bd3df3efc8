# What resv-control tells those who watch over it: health, readiness, metrics.

load ../lib/common

export PORTS=14000
load ../lib/control

# monitored: the configuration with an address for monitors, $ADMIN.
monitored() {
    # shellcheck disable=SC2153 # of control.bash
    ADMIN=127.0.0.5:$PORT
    sed -i "1i admin = \"$ADMIN\"" control.toml
    resv-control init
    serve
}

page() { curl -sS --max-time 10 "http://$ADMIN$1" "${@:2}"; }
status() { page "$1" -o answer -w '%{http_code}' "${@:2}"; }

# value SAMPLE: of a metric with its labels, as Prometheus' own reader understands the page.
value() {
    page /metrics | /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
found = {}
for family in parse(sys.stdin.read()):
    assert family.documentation and family.type != "unknown", family
    for s in family.samples:
        name = s.name + "".join("{%s}" % ",".join("%s=%s" % l for l in sorted(s.labels.items())) if s.labels else "")
        assert name not in found, name
        found[name] = s.value
for name in sys.argv[1:]:
    print(name, "%g" % found[name] if name in found else "-")' "$@"
}

@test "metrics are what Prometheus reads, and count what happens" {
    monitored
    terminal
    request book --start "$(date -u -d '1 day' +%FT%TZ)" --duration 1h --rate 6M >/dev/null
    run -1 request book --start "$(date -u -d '1 day' +%FT%TZ)" --duration 1h --rate 6M
    request book --start "$(date -u -d '2 days' +%FT%TZ)" --duration 1h --rate 6M --hold >/dev/null
    for n in 1 2 3; do ask "$URL/no/such/$n" -o answer; ask -X "BREW$n" "$URL/v1/time" -o answer; done
    run -0 value 'slotcast_control_requests_total{method=POST,route=/v1/reservations,status=201}' \
        'slotcast_control_requests_total{method=POST,route=/v1/reservations,status=409}' \
        'slotcast_control_requests_total{method=other,route=other,status=404}' \
        'slotcast_control_requests_total{method=other,route=other,status=405}' \
        'slotcast_control_request_duration_seconds_count{method=POST,route=/v1/reservations}' \
        'slotcast_control_request_duration_seconds_bucket{le=+Inf,method=POST,route=/v1/reservations}' \
        'slotcast_control_refusals_total{code=overlap}' \
        'slotcast_control_changes_total{route=/v1/reservations}' \
        slotcast_control_holds slotcast_control_ready slotcast_control_feed_pollers
    assert_output - <<END
slotcast_control_requests_total{method=POST,route=/v1/reservations,status=201} 2
slotcast_control_requests_total{method=POST,route=/v1/reservations,status=409} 1
slotcast_control_requests_total{method=other,route=other,status=404} 3
slotcast_control_requests_total{method=other,route=other,status=405} 3
slotcast_control_request_duration_seconds_count{method=POST,route=/v1/reservations} 3
slotcast_control_request_duration_seconds_bucket{le=+Inf,method=POST,route=/v1/reservations} 3
slotcast_control_refusals_total{code=overlap} 1
slotcast_control_changes_total{route=/v1/reservations} 2
slotcast_control_holds 1
slotcast_control_ready 1
slotcast_control_feed_pollers 0
END
    for name in 'slotcast_build_info{ledger=sqlite,version='"$(resv-control --version | cut -d ' ' -f 2)"'}' \
        process_resident_memory_bytes process_start_time_seconds process_open_fds process_cpu_seconds_total \
        'slotcast_control_ledger_transactions_total{kind=write,outcome=done}' slotcast_control_connections_total \
        slotcast_control_certificate_not_after_seconds; do
        [[ $(value "$name") =~ \ [0-9.]*[1-9] ]] || fail "$(value "$name")"
    done
    rss=$(ps -o rss= -p "$started_serve")
    [[ $(value process_resident_memory_bytes) =~ \ ([0-9.e+]+)$ ]]
    run -0 jq -n "(${BASH_REMATCH[1]} / 1024 / $rss) | . > 0.5 and . < 2"
    assert_output true
}

@test "metrics are not for everybody: at the API's address operators only, unsigned at the admin address" {
    monitored
    assert_equal "$(ask "$URL/metrics" | jq -r .code)" unsigned
    terminal
    sed -i "s,^control = .*,control = \"https://$ADMIN\"," terminal.toml # TLS is not spoken there
    run -69 request list
    assert_equal "$(status /v1/time)" 404
    assert_equal "$(status /metrics -X POST)" 405
    assert_equal "$(status "/$(head -c 9000 /dev/zero | tr '\0' a)")" 400
    assert_equal "$(status /healthz)" 200
    # Silent clients, more than there are threads, do not keep others from it for long.
    # shellcheck disable=SC2034
    for _ in 1 2 3 4 5 6; do exec {fd}<>"/dev/tcp/${ADMIN/://}"; done
    wait_for 8 page /healthz --fail
    edit "s/^listen.*/listen = \"$ADMIN\"/"
    run -78 resv-control check
    assert_output --partial 'admin: is the address of listen'
}

@test "readyz tells a ledger that cannot be written, and when it can be again" {
    resv-control init
    # shellcheck disable=SC2153 # of control.bash
    ADMIN=127.0.0.5:$PORT
    sed -i "1i admin = \"$ADMIN\"" control.toml
    cat >steps <<'END'
cd "$1" || exit
. ./functions
trap 'kill "$started" 2>/dev/null' EXIT
serve || exit
wait_for 5 ready
ask "$URL/readyz"
cat /dev/zero >data/fill 2>/dev/null
wait_for 20 not_ready
ask "$URL/readyz"
page /healthz
rm data/fill
wait_for 5 ready
echo done
END
    ready() { [ "$(status /readyz)" = 200 ]; }
    not_ready() { [ "$(status /readyz)" = 503 ]; }
    {
        declare -f start wait_for ask serving serve page status ready not_ready
        echo "ADMIN=$ADMIN"
    } >functions
    sed -i 's,\$BATS_TEST_TMPDIR,.,g' functions
    run -0 on_full_disk 300k "$PWD/data" bash steps "$PWD"
    assert_output --regexp '^\{"status":"ready","checks":\[\{"name":"ledger","ok":true,"detail":"can be written"\},.*certificate.*true.*\}\{"status":"not_ready",.*"name":"ledger","ok":false,"detail":"cannot be written;.*\}\{"status":"ok"\}done$'
    assert_equal "$(grep -c 'not ready: ' serve.err)" 1 # said once, not at each question
    grep -q 'ready again' serve.err
}

@test "readyz tells a certificate that is not valid any more" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
        -addext subjectAltName=IP:127.0.0.1 -keyout own.key -out own.crt 2>/dev/null
    edit "s,^tls_certificate.*,tls_certificate = \"$PWD/own.crt\",; s,^tls_key.*,tls_key = \"$PWD/own.key\","
    # shellcheck disable=SC2153 # of control.bash
    ADMIN=127.0.0.5:$PORT
    sed -i "1i admin = \"$ADMIN\"" control.toml
    resv-control init
    start serve env LD_PRELOAD= faketime -f +3d resv-control serve
    wait_for 10 page /healthz --fail
    assert_equal "$(status /readyz)" 503
    jq -e '.checks[] | select(.name == "certificate") | (.ok | not) and (.detail | test("not valid now"))' answer
}
