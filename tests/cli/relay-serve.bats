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

    for line in 'dvr = "7h"' 'dvr = 60' 'memory = "1M"' 'memory = "much"' 'memory = 5' 'egress = 5' 'egress = "much"'; do
        configure "$line"
        run -78 relay-serve --config "$CONFIG"
        assert_output --partial "$CONFIG:1: ${line%% *}"
    done
    configure 'segments = 1'

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
    configure 'dvr = "90m"' 'memory = "2G"' 'egress = "1.5G"'
    SLOTCAST_CONTROL=https://control.example run -0 relay-serve --config "$CONFIG" --print-config
    assert_line 'control = "https://control.example"'
    assert_line 'user = "nobody"'
    assert_line 'dvr = "1h30m"'
    assert_line 'memory = "2000000000"'
    assert_line 'egress = "1500M"'
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

@test "keys with a flipped bit anywhere, empty, oversized or of another user are refused" {
    make-relay data "$DATA" r1
    cp "$DATA/keys.json" "$BATS_TEST_TMPDIR/whole"
    for ((at = RANDOM % 12; at < $(stat -c %s "$BATS_TEST_TMPDIR/whole"); at += 12)); do
        cp "$BATS_TEST_TMPDIR/whole" "$DATA/keys.json"
        flip "$DATA/keys.json" "$at" $((RANDOM % 8))
        echo "byte $at"
        run -65 timeout 5 relay-serve --config "$CONFIG"
    done
    : >"$DATA/keys.json"
    run -65 timeout 5 relay-serve --config "$CONFIG"
    head -c 2000000 /dev/zero >"$DATA/keys.json"
    run -65 timeout 5 relay-serve --config "$CONFIG"
    cp "$BATS_TEST_TMPDIR/whole" "$DATA/keys.json"
    jq -cj 'del(.check)' "$DATA/keys.json" | b2sum -l 128 | grep -q "^$(jq -r .check "$DATA/keys.json")"
    if [ "$(id -u)" = 0 ]; then
        chown 65534 "$DATA/keys.json"
        run -77 timeout 5 relay-serve --config "$CONFIG"
        chown 65534 "$DATA"
        run -77 timeout 5 relay-serve --config "$CONFIG"
    fi
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
    assert_matches_schema relay-serve <<<"$output"
    assert_equal "$(jq -r 'select(.ok).what' <<<"$output" | xargs)" 'keys program poster user confinement http admin ingest.lineA'
    sed 's/127.0.0.1:18180/203.0.113.77:80/' -i "$CONFIG"
    run -69 --separate-stderr relay-serve --config "$CONFIG" check
    assert_matches_schema relay-serve <<<"$output"
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
    assert_matches_schema relay-serve <<<"$output"
    assert_equal "$(jq -r .type <<<"${lines[0]}")" relay
    run -0 relay-serve --config "$CONFIG" status --table
    assert_line --index 0 --regexp '^[01] connections, control not heard yet, clock -?[0-9]+ ms off, 0 reports waiting$'
    assert_line --index 1 --regexp '^RESERVATION .*LOST$'
    kill "$started"
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" 143
    run -69 relay-serve --config "$CONFIG" status
    assert_output --partial 'hint:'
}

@test "a second relay-serve on the same data folder is told to come back later" {
    make-relay data "$DATA" r1
    start relay relay-serve --config "$CONFIG"
    wait_for 5 healthy
    run -75 timeout 5 relay-serve --config "$CONFIG"
    assert_output --partial "$DATA/serve.lock: held by another process"
    run -1 relay-serve --config "$CONFIG" enrol --token-file - <<<'abc' # another lock
    healthy
}

@test "an ingest address that is taken, or not there, is an error at the start" {
    make-relay data "$DATA" r1
    start relay relay-serve --config "$CONFIG"
    wait_for 5 pgrep -P "$started" relay-ingest
    wait_for 5 healthy
    make-relay data "$BATS_TEST_TMPDIR/other" r1
    local other=$BATS_TEST_TMPDIR/other.toml
    sed "s#$DATA#$BATS_TEST_TMPDIR/other#; s/18180/18182/; s/18190/18192/" "$CONFIG" >"$other"
    taken() { ss -Hlun 'sport = :18181' | grep -q .; }
    wait_for 5 taken
    run -69 timeout 5 relay-serve --config "$other"
    assert_output --partial 'ingest.lineA'
    assert_output --partial '127.0.0.1:18181'
    sed -i 's/127.0.0.1:18181/203.0.113.77:9000/' "$other"
    run -69 timeout 5 relay-serve --config "$other"
    assert_output --partial '203.0.113.77:9000'
}

# publish NAME ID SECONDS: a live source, in the background.
publish() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$2" r1)
    start "$1" timeout 20 ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc=size=160x90:rate=25 \
        -t "$3" -c:v mpeg2video -g 12 -b:v 300k -f mpegts \
        "srt://127.0.0.1:18181?streamid=$ticket&passphrase=$passphrase"
}
happened() { jq -es "any($1)" "$BATS_TEST_TMPDIR/relay.out"; }

@test "with --once it ends by itself after the first event's end, drain included" {
    local id
    id=$(make-relay id)
    make-relay data "$DATA" r1 "$id,0,4,drain=1" "$(make-relay id),60,120,channel=studio2"
    start relay timeout 15 relay-serve --config "$CONFIG" --once --events -
    wait_for 5 healthy
    publish push "$id" 20
    wait_for 5 happened '.type == "first_media"'
    local code=0
    wait "$started_relay" || code=$?
    assert_equal "$code" 0
    happened ".type == \"ended\" and .reservation == \"$id\" and .bytes > 0"
}

@test "an event that its owner ended takes media until its drain is over, and none after" {
    local id
    id=$(make-relay id)
    make-relay data "$DATA" r1 "$id,-60,-1,state=ended,drain=7"
    start relay relay-serve --config "$CONFIG" --events -
    wait_for 5 healthy
    publish push "$id" 20
    wait_for 5 happened '.type == "first_media"'
    wait_for 9 happened '.type == "closed" and .reason == "ended"'
    publish late "$id" 20
    wait_for 5 happened '.type == "refused" and .reason == "ended"'
}

@test "records that nobody can take neither end nor stall it" {
    make-relay data "$DATA" r1
    (exec relay-serve --config "$CONFIG" --events - >/dev/full 2>"$BATS_TEST_TMPDIR/full.err" 3>&-) &
    local pid=$!
    STARTED_PIDS="${STARTED_PIDS:-} $pid"
    wait_for 5 healthy
    wait_for 5 pgrep -P "$pid" relay-ingest
    kill -9 "$(pgrep -P "$pid" relay-ingest)" # a record of it
    wait_for 5 grep -q 'no space left.*going on without' "$BATS_TEST_TMPDIR/full.err"
    wait_for 5 pgrep -P "$pid" relay-ingest
    healthy
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
