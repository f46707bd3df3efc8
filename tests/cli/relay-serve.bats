# relay-serve by itself: its configuration, its keys, and what it finds on its disk.

load ../lib/common

setup() {
    CONFIG=$BATS_TEST_TMPDIR/relay.toml
    DATA=$BATS_TEST_TMPDIR/data
    configure
}
teardown() { end_started; }

configure() { # configure [LINE…]: relay.toml with further lines at its top
    {
        [ $# = 0 ] || printf '%s\n' "$@"
        cat <<EOF
id = "r1"
control = "https://127.0.0.1:9"
http = "127.0.0.1:18180"
admin = "127.0.0.1:18190"
data = "$DATA"
[ingest.lineA]
listen = "127.0.0.1:18181"
EOF
    } >"$CONFIG"
}

healthy() { curl -sf http://127.0.0.1:18180/healthz; }

@test "an unknown option is a usage error" {
    run -64 relay-serve --frobnicate
    assert_output --partial 'relay-serve: error:'
    run -64 relay-serve frobnicate
    run -64 relay-serve --config "$CONFIG" --events file
}

@test "a missing configuration is said with its path" {
    run -78 relay-serve --config "$BATS_TEST_TMPDIR/none.toml"
    assert_output --partial "$BATS_TEST_TMPDIR/none.toml"
}

@test "an unknown key, a wrong unit, a wrong address: file, line and key are named" {
    configure 'colour = "red"'
    run -78 relay-serve --config "$CONFIG" check
    assert_output --partial "$CONFIG:1: colour"

    configure
    echo 'latency = 120' >>"$CONFIG"
    run -78 relay-serve --config "$CONFIG"
    assert_output --partial "$CONFIG:8: ingest.lineA.latency"

    configure 'segments = 1'
    run -78 relay-serve --config "$CONFIG"
    assert_output --partial "$CONFIG:1: segments"

    sed 's/18181/x/' -i "$CONFIG"
    sed 1d -i "$CONFIG"
    run -78 relay-serve --config "$CONFIG"
    assert_output --partial "$CONFIG:7: ingest.lineA.listen"
}

@test "viewers and carriers do not share an address, nor two carriers one" {
    sed 's/127.0.0.1:18180/192.0.2.1:80/; s/127.0.0.1:18181/192.0.2.1:9000/' -i "$CONFIG"
    run -78 relay-serve --config "$CONFIG" check
    assert_output --partial "viewers' address"
    configure
    printf '[ingest.lineB]\nlisten = "127.0.0.1:18181"\n' >>"$CONFIG"
    run -78 relay-serve --config "$CONFIG" check
    assert_output --partial 'ingest.lineB'
}

@test "the configuration in effect is printed, and reads back the same" {
    SLOTCAST_CONTROL=https://control.example run -0 relay-serve --config "$CONFIG" --print-config
    assert_line 'control = "https://control.example"'
    assert_line 'user = "nobody"'
    printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/again.toml"
    run -0 diff <(SLOTCAST_CONTROL=https://control.example relay-serve --config "$CONFIG" --print-config) \
        <(relay-serve --config "$BATS_TEST_TMPDIR/again.toml" --print-config)
}

@test "without keys it says how to get them" {
    run -66 relay-serve --config "$CONFIG"
    assert_output --partial 'no keys'
    assert_output --partial 'hint: run: resv-control enrol'
}

@test "keys that others may read, a link in their place, and damaged ones are refused" {
    make-relay data "$DATA" r1
    chmod 644 "$DATA/keys.json"
    run -77 relay-serve --config "$CONFIG"
    assert_output --partial keys.json
    chmod 600 "$DATA/keys.json"
    mv "$DATA/keys.json" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$DATA/keys.json"
    run -65 relay-serve --config "$CONFIG"
    rm "$DATA/keys.json"
    head -c 100 "$BATS_TEST_TMPDIR/elsewhere" >"$DATA/keys.json"
    chmod 600 "$DATA/keys.json"
    run -65 relay-serve --config "$CONFIG"
    assert_output --partial keys.json
    refute_output --partial "$(head -c 40 "$DATA/keys.json" | tail -c 20)"
}

@test "enrol says that control is away, keeps its keys, and does not enrol twice" {
    run -69 relay-serve --config "$CONFIG" enrol --token-file - <<<'abc'
    assert_output --partial '127.0.0.1:9'
    assert_equal "$(stat -c %a "$DATA" "$DATA/keys.json" | xargs)" '700 600'
    cp "$DATA/keys.json" "$BATS_TEST_TMPDIR/first"
    run -69 relay-serve --config "$CONFIG" enrol --token-file - <<<'abc'
    cmp "$DATA/keys.json" "$BATS_TEST_TMPDIR/first" # the same keys are offered again
    run -66 relay-serve --config "$CONFIG" enrol --token-file - </dev/null
    run -66 relay-serve --config "$CONFIG"
    rm -r "$DATA"
    make-relay data "$DATA" r1
    run -1 relay-serve --config "$CONFIG" enrol --token-file - <<<'abc'
    assert_output --partial 'enrolled already'
}

@test "a full disk stops enrolment before control hears of it" {
    mkdir -m 700 "$DATA"
    head -c 60k /dev/zero >"$DATA/fill"
    run -74 on_full_disk 64k "$DATA" sh -c "cat /dev/zero >$DATA/more 2>/dev/null; rm -f $DATA/lock;
        echo abc | relay-serve --config $CONFIG enrol --token-file -"
    assert_output --partial 'no space left'
    refute_output --partial '127.0.0.1:9'
}

@test "check names what would keep it from starting" {
    make-relay data "$DATA" r1
    run -0 relay-serve --config "$CONFIG" check
    assert_equal "$(jq -r 'select(.ok).what' <<<"$output" | xargs)" 'keys program user http admin ingest.lineA'
    sed 's/127.0.0.1:18180/203.0.113.77:80/' -i "$CONFIG"
    run -69 --separate-stderr relay-serve --config "$CONFIG" check
    assert_equal "$(jq -r 'select(.ok | not).what' <<<"$output")" http
    # shellcheck disable=SC2154 # of bats
    [[ $stderr == *'203.0.113.77:80'* ]]
}

@test "an address that is not there is an error at the start" {
    make-relay data "$DATA" r1
    sed 's/127.0.0.1:18180/203.0.113.77:80/' -i "$CONFIG"
    run -69 timeout 5 relay-serve --config "$CONFIG"
    assert_output --partial '203.0.113.77:80'
}

@test "it starts, says so, reports its status, and ends at SIGTERM with 143" {
    make-relay data "$DATA" r1
    start relay relay-serve --config "$CONFIG" --events - --ready-fd 9 9>"$BATS_TEST_TMPDIR/ready"
    wait_for 5 test -s "$BATS_TEST_TMPDIR/ready"
    healthy
    run -0 relay-serve --config "$CONFIG" status
    assert_equal "$(jq -r .type <<<"${lines[0]}")" relay
    kill "$started"
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" 143
    run -69 relay-serve --config "$CONFIG" status
    assert_output --partial 'hint:'
}

@test "a damaged feed state is a warning, and everything is asked for again" {
    make-relay data "$DATA" r1 "$(make-relay id),0,60"
    printf x | dd of="$DATA/feed.json" bs=1 seek=30 conv=notrunc status=none
    start relay relay-serve --config "$CONFIG"
    wait_for 5 healthy
    grep -q 'feed.json.*asking control for everything again' "$BATS_TEST_TMPDIR/relay.err"
    kill -0 "$started"
}

@test "SIGKILL leaves no ingest process behind, and it starts again" {
    make-relay data "$DATA" r1
    start relay relay-serve --config "$CONFIG"
    wait_for 5 healthy
    wait_for 5 pgrep -P "$started" relay-ingest
    local child
    child=$(pgrep -P "$started" relay-ingest)
    assert_equal "$(stat -c %u "/proc/$child")" "$([ "$(id -u)" = 0 ] && id -u nobody || id -u)"
    assert_equal "$(tr '\0' ' ' <"/proc/$child/environ" | grep -c SLOTCAST || true)" 0
    grep -q 'NoNewPrivs:.1' "/proc/$child/status"
    kill -9 "$started"
    gone() { ! kill -0 "$child"; }
    wait_for 5 gone
    start again relay-serve --config "$CONFIG"
    wait_for 5 healthy
}

@test "metrics are for loopback and the admin address, not for viewers" {
    make-relay data "$DATA" r1
    configure
    start relay relay-serve --config "$CONFIG"
    wait_for 5 healthy
    run -0 curl -sf http://127.0.0.1:18190/metrics
    assert_output --partial slotcast_relay_in_to_out_seconds
    run -0 curl -sf http://127.0.0.1:18190/healthz
    run -0 curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:18190/w/x/
    assert_output 404
}
