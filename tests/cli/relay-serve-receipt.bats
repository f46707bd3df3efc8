# What a relay has delivered, signed: with control there, and away at the end. A real control, a real publisher.

load ../lib/common

CONTROL=https://127.0.0.21:18643
VIEWERS=http://127.0.0.22:18680

setup() {
    F=$BATS_TEST_TMPDIR
    sed "s#198.51.100.10:8443#127.0.0.21:18643#; s#198.51.100.20:8080#127.0.0.22:18680#
        s#203.0.113.10:9000#127.0.0.23:18681#; s#203.0.113.11:9000#127.0.0.24:18681#
        s#/etc/slotcast#$F#; s#/var/lib/slotcast#$F#" "$SLOTCAST_ROOT/examples/config/control.toml" >"$F/control.toml"
    cat >"$F/relay.toml" <<EOF
id = "r1"
control = "$CONTROL"
cacert = "$F/tls.crt"
http = "127.0.0.22:18680"
data = "$F/relay"
[ingest.lineA]
listen = "127.0.0.23:18681"
EOF
    printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\n' "$CONTROL" "$F/tls.crt" "$F/vault" >"$F/terminal.toml"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=control \
        -addext subjectAltName=IP:127.0.0.21 -keyout "$F/tls.key" -out "$F/tls.crt" 2>/dev/null
    control init >/dev/null
    start_control
    control enrol r1 --role relay | relay-serve --config "$F/relay.toml" enrol --token-file -
    resv-store --vault "$F/vault" init >/dev/null
    control enrol studio --role distributor | terminal enrol --token-file - >/dev/null
    start_relay relay
}
teardown() { end_started; }

control() { resv-control --config "$F/control.toml" "$@"; }
terminal() { resv-request --config "$F/terminal.toml" "$@"; }
start_control() {
    start control resv-control --config "$F/control.toml" serve
    wait_for 5 curl -sf --cacert "$F/tls.crt" $CONTROL/healthz
}
start_relay() { # NAME
    start "$1" relay-serve --config "$F/relay.toml" --events -
    wait_for 5 curl -sf $VIEWERS/healthz
}
publish() { # NAME
    start "$1" ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc=size=160x90:rate=25 -c:v mpeg2video -g 12 \
        -b:v 300k -f mpegts "$(cat "$F/url")"
}
# broadcast SECONDS: books an event that begins in 5 s, and publishes it by ffmpeg; $ID is its id.
broadcast() {
    ID=$(terminal book --start "$(date -u -d "@$(($(date +%s) + 5))" +%FT%TZ)" --duration "$1s" --rate 4M \
        --title Receipt --carrier lineA | tee >(resv-store --vault "$F/vault" add) | jq -r 'select(.type == "reservation").id')
    stored() { resv-store --vault "$F/vault" get "$ID" --url --reveal >"$F/url"; }
    wait_for 5 stored
    known() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$VIEWERS/w/$ID/")" = 200 ]; }
    wait_for 5 known
    # It is refused until the lead-in.
    published() {
        has_media || {
            kill -0 "${started_push:-none}" || publish push
            false
        }
    }
    has_media() { jq -es --arg id "$ID" 'any(.type == "first_media" and .reservation == $id)' "$F/relay.out"; }
    wait_for 20 published
}
gone() { [ -z "$(find "$F/relay" -name 'receipt-*')" ]; }
shown() { terminal show "$ID" >"$F/shown" && jq -e "$1" "$F/shown"; }

@test "the owner sees what was delivered, and the history keeps it" {
    broadcast 6
    start viewer curl -sN "$VIEWERS/w/$ID/live.ts"
    wait_for 5 test -s "$F/viewer.out"
    run ! shown .receipt
    wait_for 25 shown .receipt
    assert_matches_schema resv-request <"$F/shown"
    shown '.receipt | .relay == "r1" and .bytes_in > 10000 and .bytes_out > 10000 and .peak_viewers == 1 and .gaps == 0'
    shown '.receipt | .admitted <= .first_media and .first_media < .ended'
    shown '.receipt.ended >= .end and .state == "ended"'
    jq -c .receipt "$F/shown" | assert_matches_schema receipt
    terminal show --history "$ID" | jq -es 'map(select(.verb == "receipt")) | length == 1 and .[0].actor.name == "r1"'
    control history "$ID" | jq -es 'any(.verb == "receipt" and .changes.receipt.bytes_in > 10000)'
    control check # every link
    # Nothing waits at the relay any more, and what it said is what control has.
    wait_for 5 gone
    assert_matches_schema relay-serve <"$F/relay.out"
    assert_equal "$(jq -cS 'select(.type == "receipt").receipt' "$F/relay.out")" "$(jq -cS .receipt "$F/shown")"
    # Another party's relay, or a stranger, sees none of it.
    control enrol other --role distributor >"$F/token"
    resv-store --vault "$F/other" init >/dev/null
    sed "s#$F/vault#$F/other#" "$F/terminal.toml" >"$F/other.toml"
    resv-request --config "$F/other.toml" enrol --token-file "$F/token" >/dev/null
    run -1 resv-request --config "$F/other.toml" show "$ID"
}

@test "with control away at the end, and the relay killed after it, the receipt comes later, once" {
    broadcast 5
    kill -9 "$started_control"
    over() { jq -es 'any(.type == "receipt")' "$F/relay.out"; }
    wait_for 25 over
    waits() { [ "$(find "$F/relay" -name "receipt-$ID-*.json" | wc -l)" = 1 ]; }
    wait_for 5 waits
    kill -9 "$started_relay"
    wait "$started_relay" || true # its lock
    start_relay again
    start_control
    wait_for 20 shown .receipt
    assert_equal "$(jq -cS 'select(.type == "receipt").receipt' "$F/relay.out")" "$(jq -cS .receipt "$F/shown")"
    wait_for 5 gone
    run ! jq -es 'any(.type == "receipt")' "$F/again.out"
    terminal show --history "$ID" | jq -es 'map(select(.verb == "receipt")) | length == 1'
}

@test "a relay that is killed in the middle goes on with its figures" {
    broadcast 14
    local before
    tallied() { before=$(jq -e '.tallies[0].bytes_in' "$F/relay/tallies.json") && [ "$before" -gt 0 ]; }
    wait_for 10 tallied
    kill -9 "$started_relay"
    wait "$started_relay" || true # its lock
    : >"$F/relay.out" # its media was announced
    start_relay again
    kill "$started_push" 2>/dev/null || true
    publish push2
    wait_for 30 shown .receipt
    shown ".receipt.bytes_in > $before and .receipt.gaps >= 1"
}
