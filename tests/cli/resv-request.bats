# resv-request without a control: the command line, times, the network, what is kept for a rerun.
# With one: resv-request-control.bats.
load ../lib/common

setup() {
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/terminal.toml SLOTCAST_VAULT=$BATS_TEST_TMPDIR/vault
    cat >"$SLOTCAST_CONFIG" <<-END
	control = "https://127.0.0.1:9"
	preset = "linea"
	[carriers.linea]
	interface = "carA"
	END
}

teardown() { end_started; }

# book OPTION…: a booking of a far day.
book() {
    timeout 20 resv-request book --start "${START-2099-01-01T18:00:00Z}" \
        --duration "${DURATION-1h}" --rate "${RATE-6M}" "$@"
}

# listener: a TLS server at $URL that takes requests, writes them to listener.out, never answers.
listener() {
    local at="${1:-127.0.0.1:0}"
    cd "$BATS_TEST_TMPDIR" || return
    [ -e crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout key -out crt 2>/dev/null
    [ -e silence ] || mkfifo silence
    # s_server ends with its input; this one never ends.
    start listener sh -c "exec openssl s_server -accept $at -cert crt -key key 0<>silence"
    wait_for 5 grep -q '^ACCEPT' listener.out
    [ $# = 1 ] || PORT=$(sed -n 's/^ACCEPT.*:\([0-9]*\)$/\1/p' listener.out) # named for port 0 only
    export SLOTCAST_CONTROL=https://127.0.0.1:$PORT SLOTCAST_CACERT=$BATS_TEST_TMPDIR/crt
}

got_request() { grep -aq "$1" "$BATS_TEST_TMPDIR/listener.out"; }
pending() { find "$SLOTCAST_VAULT/pending" -type f ! -name lock 2>/dev/null; }
two_pending() { [ "$(pending | wc -l)" = 2 ]; }

@test "nobody of the same user can look into it, and it leaves no core" {
    resv-store init >/dev/null
    mkfifo "$BATS_TEST_TMPDIR/token"
    start request in_reach timeout --foreground 20 resv-request enrol --token-file "$BATS_TEST_TMPDIR/token"
    wait_for 5 pgrep -P "$started" -x resv-request
    request=$(pgrep -P "$started" -x resv-request)
    wait_for 5 grep -q 'NoNewPrivs:.1' "/proc/$request/status"
    wait_for 5 grep -Eq '^Max core file size +0 +0 ' "/proc/$request/limits"
    (in_reach readlink "/proc/$started/exe") # of timeout, which does not mind
    run -1 in_reach readlink "/proc/$request/exe"
    kill "$request"
}

# --- The command line ----------------------------------------------------------------------------

@test "wrong usage exits 64 and says what is wrong" {
    while IFS='|' read -r arguments text; do
        eval "set -- $arguments"
        run -64 --separate-stderr timeout 10 resv-request "$@"
        assert_equal "$output" ''
        assert_regex "$stderr" "$text"
    done <<'END'
|command
frobnicate|frobnicate
book|--start
book --start 2099-01-01T00:00:00Z --rate 6M|--duration or --end
book --start 2099-01-01T00:00:00Z --end 2099-01-02T00:00:00Z --duration 1h --rate 6M|--duration or --end
book --start 2099-01-01T00:00:00Z --duration 1h|--rate
book --start 2099-01-01T00:00:00Z --duration 1h --rate 6M --disclosure secret|--disclosure
book --start 2099-01-01T00:00:00Z --duration 1h --rate 6M --disclosure password|--password-file
book --start 2099-01-01T00:00:00Z --duration 1h --rate 6M --password-file x|--password-file
book --start 2099-01-01T00:00:00Z --duration 1h --rate 6M --viewers 0|--viewers
show|ID
show nothing|not a reservation id
cancel 01j00000000000000000000000l|not a reservation id
extend 01j00000000000000000000000a|--end
slots --from 2099-01-01T00:00:00Z --to 2099-01-01T00:30:00Z --duration 1h --rate 6M|do not fit
slots --from 2099-01-01T00:00:00Z --to 2099-01-02T00:30:00Z --duration 1500ms --rate 6M|second
time --control http://127.0.0.1|not the address
time --control https://user:secret@127.0.0.1|not the address
END
}

@test "bad rates, durations, titles and names are refused before anything is sent" {
    for rate in 0 -1M 6Q '' 1e6 99T; do
        RATE=$rate run -64 book --dry-run
        assert_output --partial -- "--rate: "
    done
    for duration in 0s 1 -1h 1h1h 30m1h; do
        DURATION=$duration run -64 book --dry-run
        assert_output --partial -- "--duration: "
    done
    run -64 book --dry-run --title "$(printf 'a%.0s' {1..201})"
    run -64 book --dry-run --title $'\xff'
    assert_output --partial 'not UTF-8'
    run -64 book --title $'\xff'
    run -64 resv-request change 01j00000000000000000000000 --title $'\xc3' --dry-run
    for offer in $'\xff' 'a b' "$(printf 'a%.0s' {1..32769})"; do
        run -64 resv-request book --offer "$offer" --dry-run
        assert_output --partial -- '--offer: is no offer'
        run -64 resv-request change 01j00000000000000000000000 --offer "$offer"
    done
    assert_equal "$(find . -path '*/pending/*' ! -name lock)" ''
    for title in $'two\nlines' $'x\u009b31mred' $'\u202egnp.exe' $'a\u2028b'; do
        run -64 book --dry-run --title "$title"
        assert_output --partial -- '--title'
    done
    run -64 book --dry-run --carrier Line/A
    run -64 book --dry-run --carrier a --carrier a
    run -64 book --dry-run --channel ../x
}

@test "times in the past, of no zone, of no day are refused" {
    for start in 2020-01-01T00:00:00Z '2020-01-01 12:00' 1969-12-31T23:59:59Z 2099-02-30T00:00:00Z \
        '2099-01-01 25:00' 2099-01-01 now '' 2099-01-01T00:00:00.0001Z 2099-01-01T00:00:60Z; do
        START=$start run -64 book --dry-run
        assert_output --regexp 'error: --start[: ]'
    done
    START='2099-01-01 12:00' run -64 book --zone Europe/Atlantis --dry-run
    assert_output --partial 'not a time zone'
}

@test "an end that is not after the start is refused" {
    for end in 2099-01-01T18:00:00Z 2099-01-01T17:59:59Z; do
        run -64 timeout 10 resv-request book --start 2099-01-01T18:00:00Z --end "$end" --rate 6M --dry-run
        assert_output --partial 'not after'
    done
    run -64 timeout 10 resv-request extend 01j00000000000000000000000 --end 2020-01-01T00:00:00Z
}

@test "local times that daylight saving makes absent or double are refused, others are exact" {
    local spring autumn
    spring=$(next_change 03) autumn=$(next_change 10)
    START="$spring 02:30" run -64 book --zone Europe/Paris
    assert_output --partial 'does not exist'
    START="$autumn 02:30" run -64 book --zone Europe/Paris
    assert_output --partial 'happens twice'
    START="$spring 03:30" run -0 book --zone Europe/Paris --dry-run
    assert_output --partial "\"start\":\"${spring}T01:30:00Z\",\"end\":\"${spring}T02:30:00Z\""
}

@test "--dry-run prints the request, asks nobody and keeps a password's hash to itself" {
    echo secret >"$BATS_TEST_TMPDIR/password"
    run -0 --separate-stderr book --dry-run --title 'Town hall' --carrier b --carrier a --hold \
        --disclosure password --password-file "$BATS_TEST_TMPDIR/password" --notify mailto:a@example.org
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -c '[.type,.v,.path,.body.carriers,.body.hold,.body.password_hash,.body.notify]' <<<"$output")" \
        '["request",1,"/v1/reservations",["b","a"],true,"(hidden)",["mailto:a@example.org"]]'
    run -0 book --dry-run
    assert_equal "$(jq -c .body.carriers <<<"$output")" '["linea"]'
    assert_not_exists "$SLOTCAST_VAULT"
}

@test "an empty, missing or oversized password or token file is refused" {
    resv-store init >/dev/null
    : >"$BATS_TEST_TMPDIR/empty"
    head -c 5000 /dev/zero >"$BATS_TEST_TMPDIR/large"
    run -66 book --disclosure password --password-file "$BATS_TEST_TMPDIR/empty"
    run -66 book --disclosure password --password-file "$BATS_TEST_TMPDIR/absent"
    run -65 book --disclosure password --password-file "$BATS_TEST_TMPDIR/large"
    run -66 timeout 10 resv-request enrol --token-file - </dev/null
    run -66 timeout 10 resv-request enrol --token-file "$BATS_TEST_TMPDIR/absent"
    run -65 timeout 10 resv-request enrol <"$BATS_TEST_TMPDIR/large"
}

# --- Configuration and vault ---------------------------------------------------------------------

@test "flags go over the environment, that over the file" {
    run -0 resv-request --print-config
    assert_line 'control = "https://127.0.0.1:9"'
    SLOTCAST_CONTROL=https://b run -0 resv-request --print-config
    assert_line 'control = "https://b"'
    SLOTCAST_CONTROL=https://b run -0 resv-request --print-config --control https://c --interface eth7
    assert_line 'control = "https://c"'
    assert_line 'reservation_interface = "eth7"'
}

@test "a configuration with an unknown key or a wrong type names file, line and key" {
    echo 'colour = "red"' >>"$SLOTCAST_CONFIG"
    run -78 timeout 10 resv-request list
    assert_output --partial 'terminal.toml:5'
    assert_output --partial 'colour'
    echo 'control = 5' >"$SLOTCAST_CONFIG"
    run -78 timeout 10 resv-request time
    assert_output --partial 'terminal.toml:1'
    : >"$SLOTCAST_CONFIG"
    run -78 timeout 10 resv-request time
    assert_output --partial 'no control'
    run -64 book
    assert_output --partial 'no carrier'
}

@test "without a vault, or with another's, the hint says what to do" {
    run -66 book
    assert_output --partial 'resv-store init'
    resv-store init >/dev/null
    chmod 755 "$SLOTCAST_VAULT"
    run -77 book
    assert_output --partial 'chmod 700'
}

# --- The network ---------------------------------------------------------------------------------

@test "a control that is away, or not to be trusted, is 69" {
    resv-store init >/dev/null
    run -69 --separate-stderr book
    assert_equal "$output" ''
    assert_regex "$stderr" 'error: POST https://127.0.0.1:9/v1/reservations: '
    run -69 timeout 10 resv-request list
    run -69 timeout 10 resv-request time
    run -69 timeout 20 resv-request time --control https://no-such-host.invalid
    listener
    SLOTCAST_CACERT='' run -69 timeout 10 resv-request time
    assert_output --partial 'certificate'
    run -78 timeout 10 resv-request time --cacert "$BATS_TEST_TMPDIR/absent"
    run -78 timeout 10 resv-request time --cacert "$SLOTCAST_CONFIG"
}

@test "an interface that does not exist is named" {
    resv-store init >/dev/null
    for name in nonesuch0 averyveryverylongname; do
        run -69 timeout 10 resv-request list --interface "$name"
        assert_output --partial "interface $name"
    done
    run -69 timeout 10 resv-request list --interface lo
    assert_output --partial 'GET https://127.0.0.1:9/'
}

@test "the request leaves by the interface that was asked for, or not at all" {
    listener
    ip link add name leak0 type veth peer name leak1
    ip link set leak0 up
    resv-store init >/dev/null
    run ! timeout 2 resv-request time --interface leak0 # 127.0.0.1 is not reached by leak0
    ip link del leak0
    run ! got_request GET
}

# --- Killed, and run again -----------------------------------------------------------------------

@test "a booking killed before its answer goes out again with the same key and body" {
    resv-store init >/dev/null
    listener
    echo secret >password
    with_password=(--disclosure password --password-file password)
    start first resv-request book --start 2099-01-01T18:00:00Z --duration 1h --rate 6M "${with_password[@]}"
    wait_for 5 got_request '{"start".*password_hash'
    kill -9 "$started"
    wait "$started" || true
    assert_equal "$(pending | wc -l)" 1
    assert_equal "$(stat -c %a "$(pending)")" 600
    run ! grep -q secret "$(pending)"
    cp listener.out first.request
    end_started
    listener "127.0.0.1:$PORT" # s_server serves one client at a time
    start second resv-request book --start 2099-01-01T18:00:00Z --duration 1h --rate 6M "${with_password[@]}"
    wait_for 5 got_request '{"start".*password_hash'
    grep -q 'takes up the request' second.err
    for part in '^POST .*' '^Idempotency-Key: .*' '{"start".*}'; do
        assert_equal "$(grep -ao "$part" listener.out)" "$(grep -ao "$part" first.request)"
    done
    run ! diff <(grep -a ^Signature: listener.out) <(grep -a ^Signature: first.request)
    # Another booking is another request.
    start other resv-request book --start 2099-01-01T18:00:00Z --duration 2h --rate 6M
    wait_for 5 two_pending
}

@test "with a full disk nothing is sent and nothing is left behind" {
    resv-store init >/dev/null
    listener
    for prepare in true 'mkdir -m 700 $SLOTCAST_VAULT/pending'; do
        run -74 --separate-stderr on_full_disk 64k "$SLOTCAST_VAULT" sh -c "
            $prepare; cat /dev/zero >\$SLOTCAST_VAULT/fill 2>/dev/null
            timeout 10 resv-request book --start 2099-01-01T18:00:00Z --duration 1h --rate 6M; code=\$?
            find \$SLOTCAST_VAULT/pending -type f ! -name lock -size +0 >&2
            exit \$code"
        assert_regex "$stderr" 'no space left'
        refute_regex "$stderr" '/pending/[0-9a-f]{32}\.'
    done
    run ! got_request POST
}

@test "a damaged pending request stops its own command, and names the file" {
    resv-store init >/dev/null
    run -69 book
    echo '{' >"$(pending)"
    run -65 book
    assert_output --partial "$(pending)"
    damaged=$(pending)
    RATE=5M run -69 book
    rm "$damaged"
    run -69 book
}
