# relay-serve and a real control, on loopback: enrolment, the feed, and both without the other.

load ../lib/common

CONTROL=https://127.0.0.11:18343

setup() {
    F=$BATS_TEST_TMPDIR
    sed "s#198.51.100.10:8443#127.0.0.11:18343#; s#198.51.100.20:8080#127.0.0.12:18380#
        s#203.0.113.10:9000#127.0.0.13:18381#; s#203.0.113.11:9000#127.0.0.14:18381#
        s#/etc/slotcast#$F#; s#/var/lib/slotcast#$F#" "$SLOTCAST_ROOT/examples/config/control.toml" >"$F/control.toml"
    cat >"$F/relay.toml" <<EOF
id = "r1"
control = "$CONTROL"
cacert = "$F/tls.crt"
http = "127.0.0.12:18380"
admin = "127.0.0.12:18390"
data = "$F/relay"
[ingest.lineA]
listen = "127.0.0.13:18381"
EOF
    printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\n' "$CONTROL" "$F/tls.crt" "$F/vault" >"$F/terminal.toml"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=control \
        -addext subjectAltName=IP:127.0.0.11 -keyout "$F/tls.key" -out "$F/tls.crt" 2>/dev/null
    control init >/dev/null
    start_control
}
teardown() { end_started; }

control() { resv-control --config "$F/control.toml" "$@"; }
relay() { relay-serve --config "$F/relay.toml" "$@"; }
start_control() {
    start control resv-control --config "$F/control.toml" serve
    wait_for 5 curl -sf --cacert "$F/tls.crt" $CONTROL/healthz
}
enrol() { control enrol r1 --role relay | relay enrol --token-file -; }
metric() { curl -s http://127.0.0.12:18390/metrics | awk -v m="slotcast_relay_$1" '$1 == m {print $2}'; }
above() { [ "$(metric "$1")" -gt "$2" ]; }
book() { # books an event of next minute; $ID is its id
    if [ ! -e "$F/vault" ]; then
        resv-store --vault "$F/vault" init >/dev/null
        control enrol studio --role distributor | resv-request --config "$F/terminal.toml" enrol --token-file - >/dev/null
    fi
    ID=$(resv-request --config "$F/terminal.toml" book --start "$(date -u -d "@$(($(date +%s) + $1))" +%FT%TZ)" \
        --duration 20s --rate 4M --title "Feed $1" --carrier lineA | jq -r 'select(.type == "reservation").id')
}
known() { [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.12:18380/w/$1/")" = 200 ]; }

@test "enrolment leaves closed keys, and is not repeated" {
    enrol
    assert_equal "$(stat -c %a "$F/relay" "$F/relay/keys.json" | xargs)" '700 600'
    jq -e '.control and .group' "$F/relay/keys.json" >/dev/null
    cp "$F/relay/keys.json" "$F/before"
    run -1 enrol
    cmp "$F/before" "$F/relay/keys.json"
}

@test "a token that was used, and one for another name, enrol nobody" {
    control enrol r1 --role relay >"$F/token"
    relay enrol --token-file "$F/token"
    mv "$F/relay" "$F/enrolled"
    run relay enrol --token-file "$F/token"
    assert_failure
    run -66 relay
    control enrol elsewhere --role distributor >"$F/token"
    run -78 relay enrol --token-file "$F/token"
    assert_output --partial "relay 'r1'"
    run -66 relay
}

@test "a booking is known within a second, survives control's absence and a restart" {
    enrol
    start relay relay-serve --config "$F/relay.toml"
    wait_for 5 above feed_age_seconds -1
    book 60
    wait_for 2 known "$ID"
    jq -c '.entries[]' "$F/relay/feed.json" | assert_matches_schema feed-entry
    kill -9 "$started_control"
    kill -9 "$started_relay"
    start again relay-serve --config "$F/relay.toml"
    wait_for 5 known "$ID"
    wait_for 5 grep -q 'going on with what is known' "$F/again.err"
    start_control
    wait_for 15 above feed_age_seconds -1
    resv-request --config "$F/terminal.toml" cancel "$ID" >/dev/null
    forgotten() { ! known "$ID"; }
    wait_for 3 forgotten
}

@test "a feed state that cannot be used is a warning, and control tells everything again" {
    enrol
    start relay relay-serve --config "$F/relay.toml"
    wait_for 5 above feed_age_seconds -1
    book 60
    wait_for 2 known "$ID"
    # shellcheck disable=SC2034 # the lines below use it
    local state=$F/relay/feed.json how
    for how in ': >"$state"' 'head -c 3000 /dev/urandom >"$state"' 'truncate -s 65M "$state"' \
        'chmod 644 "$state"' 'rm "$state"; mkdir "$state"'; do
        kill -9 "$started"
        wait "$started" || true
        eval "$how"
        start again relay-serve --config "$F/relay.toml"
        wait_for 5 known "$ID"
        grep -q 'feed.json: .*; asking control for everything again' "$F/again.err" || { echo "$how" && false; }
        kill -0 "$started"
    done
    grep -q 'going on, but a restart without control' "$F/again.err" # a folder stays in its place
}

@test "a full disk does not stop it: it says so and goes on in memory" {
    enrol
    start relay on_full_disk 64k "$F/relay" sh -c "cat /dev/zero >$F/relay/fill 2>/dev/null
        exec relay-serve --config $F/relay.toml"
    wait_for 5 above feed_age_seconds -1
    book 60
    wait_for 3 known "$ID"
    wait_for 3 grep -q 'no space left' "$F/relay.err"
    book 120
    wait_for 3 known "$ID"
}

@test "a feed that is signed by another control is not believed" {
    enrol
    start relay relay-serve --config "$F/relay.toml"
    wait_for 5 above feed_age_seconds -1
    kill "$started_relay"
    wait "$started_relay" || true # else the old one may answer for the new
    jq -cj 'del(.check) | .control = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"' "$F/relay/keys.json" >"$F/other"
    jq -c --arg sum "$(b2sum -l 128 <"$F/other" | cut -d' ' -f1)" '.check = $sum' "$F/other" >"$F/relay/keys.json"
    start again relay-serve --config "$F/relay.toml"
    wait_for 5 grep -q 'not signed by the control' "$F/again.err"
    assert_equal "$(metric feed_age_seconds)" -1
}
