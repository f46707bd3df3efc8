# resv-control from the outside: its folder, its configuration, its API, and what breaks under it.

load ../lib/common

export PORTS=20000
load ../lib/control

@test "init makes a private folder, once" {
    run -0 --separate-stderr resv-control init
    key=$(jq -er 'select(.type == "control" and .v == 1).key' <<<"$output")
    assert_equal "$(stat -c %a data)" 700
    for file in data/*; do assert_equal "$(stat -c %a "$file")" 600; done
    sum=$(cat data/*.key | cksum)
    run -0 --separate-stderr resv-control init
    assert_equal "$(jq -r .key <<<"$output")" "$key"
    [[ $stderr == *'nothing was changed'* ]]
    assert_equal "$(cat data/*.key | cksum)" "$sum"
}

@test "init --dry-run makes nothing" {
    run -0 resv-control init --dry-run
    assert_output --partial 'would make'
    assert_not_exist data
}

@test "init refuses a folder that lost a part, and completes one that was cut off" {
    resv-control init
    mv data/group.key kept
    run -65 resv-control init
    assert_output --partial 'group.key is missing'
    mv kept data/group.key
    rm data/signing.key # as if it had been killed just before
    touch data/ledger.sqlite.new
    run -0 resv-control init
    assert_exist data/signing.key
    resv-control enrol alice --role distributor
}

@test "a configuration that is empty, binary, oversized, unreadable or no file is refused" {
    : >empty.toml
    head -c 3000 /dev/urandom >binary.toml
    printf 'listen = "127.0.0.1:1"\0\n' >nul.toml
    head -c 2000000 /dev/zero | tr '\0' '#' >large.toml
    mkfifo fifo.toml
    for kind in empty binary nul large fifo; do
        run -78 timeout 10 resv-control --config "$PWD/$kind.toml" check
        assert_output --partial "$kind.toml"
    done
    assert_output --partial 'not a regular file'
    run -78 timeout 10 resv-control --config /dev/zero check
    edit "s,^tls_key.*,tls_key = \"$PWD/fifo.toml\","
    resv-control init
    run -78 timeout 10 resv-control serve
    assert_output --partial 'not a regular file'
    chmod 0 control.toml
    run -78 bound resv-control check
    assert_output --partial 'control.toml: permission denied'
}

@test "what needs init says so" {
    for verb in serve reservations relays 'enrol a --role distributor'; do
        # shellcheck disable=SC2086 # words
        run -66 resv-control $verb
        assert_output --partial 'resv-control init'
    done
    run -78 resv-control check
    assert_output --partial '"name":"keys","ok":false'
}

@test "enrol prints a bare token, and refuses what cannot be" {
    resv-control init
    run -0 --separate-stderr resv-control enrol alice --role distributor
    assert_output --regexp '^[A-Za-z0-9_-]{32}$'
    run ! grep -c "$output" data/ledger.sqlite data/ledger.sqlite-wal # only its hash is kept
    run -64 resv-control enrol r9 --role relay
    assert_output --partial "no relay 'r9'"
    run -64 resv-control enrol alice --role king
    assert_output --partial 'not a role'
    run -64 resv-control enrol 'a b' --role distributor
    run -64 resv-control enrol alice
    run -0 resv-control enrol alice --role distributor --dry-run
    refute_output --regexp '^[A-Za-z0-9_-]{32}$'
}

@test "a wrong configuration names file, line and key" {
    while IFS='|' read -r script expected; do
        cp control.toml kept
        edit "$script"
        run -78 resv-control check
        assert_output --partial "$expected"
        cp kept control.toml
    done <<EOF
s/streams = 4/stream = 4/|control.toml:6: relays.r1.streams: missing
s/lines = 2/&\nline = 2/|control.toml:18: carriers.lineA.line: not a known key
s/"50M"/50/|control.toml:18: carriers.lineA.capacity: a bit rate is text with its unit
s/"50M"/"50MB"/|control.toml:18: carriers.lineA.capacity
s/203.0.113.10:9000/127.0.0.1:9000/|control.toml:13: relays.r1.ingest_addresses.lineA: is control's own address
s/203.0.113.10:9000/198.51.100.20:9000/|control.toml:13: relays.r1.ingest_addresses.lineA: is the address of the viewers' side
s/relay = "r1"/relay = "r2"/|control.toml:21: channels.studio1.relay: there is no [relays.r2]
s/^lineA/lineB/|relays.r1.ingest_addresses.lineB: not a known key
s/listen = /listen /|control.toml:1: not TOML
EOF
    run -78 resv-control --config "$PWD/none.toml" check
    assert_output --partial 'none.toml'
}

@test "--print-config prints what can be read back" {
    resv-control --print-config >printed.toml
    run -0 resv-control --config "$PWD/printed.toml" --print-config
    assert_output "$(cat printed.toml)"
}

@test "records are what their schemas say" {
    resv-control init | assert_matches_schema resv-control
    serve
    terminal
    request book --start "$(date -u -d '1 day' +%FT%TZ)" --duration 1h --rate 6M >/dev/null
    resv-control reservations | assert_matches_schema resv-control
    resv-control relays | assert_matches_schema resv-control
}

@test "check finds a certificate that is missing, not ours or cut short" {
    resv-control init
    run -0 resv-control check
    assert_matches_schema resv-control <<<"$output"
    assert_output --partial '"name":"certificate","ok":true'
    openssl ecparam -genkey -name prime256v1 -noout -out other.key
    edit "s,^tls_key.*,tls_key = \"$PWD/other.key\","
    run -78 resv-control check
    assert_output --partial 'is not the private key of'
    run -78 resv-control serve
    head -c 100 "$KEYS/tls.key" >other.key
    run -78 resv-control check
    assert_output --partial 'not a private key'
    rm other.key
    run -78 resv-control check
    assert_output --partial 'other.key'
}

@test "serve is ready when it says so, answers, and stops when told" {
    resv-control init
    start serve resv-control serve --ready-fd 7 7>ready
    serve=$started
    wait_for 10 test -s ready
    assert_equal "$(od -An -c ready | tr -d ' ')" '\n'
    assert_equal "$(ask "$URL/healthz")" '{"status":"ok"}'
    ask "$URL/openapi.json" | cmp - "$SLOTCAST_BUILD/openapi.json"
    ask "$URL/v1/time" | jq -e '.time | test("^20.*Z$")'
    assert_equal "$(ask -o problem -w '%{http_code} %{content_type}' "$URL/v1/reservations")" \
        '401 application/problem+json'
    assert_matches_schema problem <<<"$(<problem)"
    jq -e '.code == "unsigned" and .status == 401' problem
    assert_equal "$(ask "$URL/v1/nothing" | jq -r .code)" not_found
    assert_equal "$(ask -X DELETE "$URL/v1/reservations" | jq -r .code)" method_not_allowed
    assert_equal "$(ask -H 'Host: elsewhere' "$URL/v1/time" | jq -r .code)" misdirected
    run -75 resv-control serve # only one at a time
    assert_output --partial 'held by another process'
    kill "$serve"
    code=0
    wait "$serve" || code=$?
    assert_equal "$code" 0
    run -0 cat serve.err
    assert_output --partial "ready at $URL"
    assert_output --partial stopped
    # in the foreground: what bash starts in the background ignores SIGINT
    run -0 timeout --preserve-status -s INT 2 resv-control serve
    run -64 resv-control serve --ready-fd 99
}

@test "serve refuses an address that is not there" {
    resv-control init
    edit 's/^listen.*/listen = "203.0.113.77:9"/'
    run -69 timeout 10 resv-control serve
    assert_output --partial '203.0.113.77:9'
}

@test "a damaged ledger is refused, not served" {
    resv-control init
    cp data/ledger.sqlite whole
    for damage in 'truncate -s 10000' 'truncate -s 0' 'dd if=/dev/urandom bs=1 seek=8192 count=500 conv=notrunc status=none of='; do
        cp whole data/ledger.sqlite
        if [[ $damage == *= ]]; then eval "${damage}data/ledger.sqlite"; else $damage data/ledger.sqlite; fi
        run -65 timeout 10 resv-control serve
        assert_output --partial 'ledger'
    done
}

@test "init on a full disk leaves nothing that stands in the way" {
    mkdir data
    chmod 700 data
    for size in 16k 64k 96k; do
        run on_full_disk "$size" "$PWD/data" sh -c 'resv-control init; code=$?; ls data; exit $code'
        assert_equal "$status" 74
        refute_output --partial signing.key
    done
    run -0 resv-control init
}

@test "enrol on a full disk prints no token, and works when there is space again" {
    resv-control init
    cat >steps <<'EOF'
cat /dev/zero >data/fill 2>/dev/null
resv-control enrol alice --role distributor
echo "code $?"
rm data/fill
resv-control enrol alice --role distributor
echo "code $?"
EOF
    run -0 --separate-stderr on_full_disk 400k "$PWD/data" bash steps
    assert_line --index 0 'code 74'
    assert_line --index 1 --regexp '^[A-Za-z0-9_-]{32}$'
    assert_line --index 2 'code 0'
    # shellcheck disable=SC2154 # of bats
    [[ $stderr == *ledger* ]]
}

@test "booking on a full disk is refused, and what was acknowledged stays" {
    resv-control init
    cat >steps <<'EOF'
cd "$1" || exit
. ./functions
trap 'kill -9 "$started" 2>/dev/null' EXIT
serve || exit
terminal
now=$(date +%s)
for n in $(seq 400); do
    start=$(date -u -d "@$((now + n * 3600))" +%Y-%m-%dT%H:%M:00Z)
    request book --start "$start" --duration 30m --rate 4M --title "$(printf %0200d "$n")" >>booked 2>failed || break
done
jq -r 'select(.type == "reservation").id' booked | sort >acknowledged
kept=$(ls -s data)
kill -9 "$started"
resv-control reservations | jq -r .id | sort >kept
comm -23 acknowledged kept >lost
echo "$(wc -l <acknowledged) acknowledged, $(wc -l <lost) lost"
cat failed serve.err
EOF
    { declare -f start wait_for ask serving serve terminal request; } >functions
    sed -i 's,\$BATS_TEST_TMPDIR,.,g' functions
    run -0 on_full_disk 700k "$PWD/data" bash steps "$PWD"
    assert_line --regexp '^[1-9][0-9]* acknowledged, 0 lost$'
    assert_output --partial 'could not keep the change'
    assert_output --regexp 'ledger .*(disk|full|I/O)'
}

@test "a disk that does not keep the log: nothing is acknowledged from then on, until it is started again" {
    resv-control init
    export SLOTCAST_FAIL_SYNC=$PWD/broken
    book() { request book --start "$(date -u -d "+$1 hours" +%FT%H:00:00Z)" --duration 30m --rate 4M; }
    start serve env LD_PRELOAD="$SLOTCAST_BUILD/tests/tools/fail-sync.so" resv-control serve
    wait_for 10 serving
    terminal
    kept=$(book 1 | jq -r 'select(.type == "reservation").id')
    touch broken
    run -75 book 2
    assert_output --partial 'could not keep the change'
    rm broken # the kernel forgets what it could not write: the next call may well succeed
    run -75 book 3
    run grep -c 'may not be on the disk' serve.err
    assert_output --regexp '^[1-9]'
    assert_equal "$(ask -o /dev/null -w '%{http_code}' "$URL/readyz")" 503
    kill -9 "$started_serve"
    serve
    book 3 >/dev/null
    request list | jq -r .id >listed
    run -0 grep -c "$kept" listed
}

@test "SIGKILL in the middle of bookings loses nothing that was acknowledged" {
    resv-control init
    serve
    terminal
    (
        now=$(date +%s)
        for n in $(seq 200); do
            start=$(date -u -d "@$((now + n * 3600))" +%Y-%m-%dT%H:%M:00Z)
            request book --start "$start" --duration 30m --rate 4M --title "$n" >>booked || break
        done
    ) 2>failed &
    booker=$!
    wait_for 10 grep -q '"title":"5"' booked
    kill -9 "$started_serve"
    wait "$booker" || true
    serve
    jq -r 'select(.type == "reservation").id' booked | sort >acknowledged
    request list | jq -r .id | sort >kept
    assert [ "$(wc -l <acknowledged)" -ge 5 ]
    run -0 comm -23 acknowledged kept
    assert_output ''
    run -0 resv-control check
}

@test "unknown options and verbs are refused; help and version are there" {
    run -64 resv-control
    run -64 resv-control --bogus
    run -64 resv-control dance
    run -64 resv-control serve --ready-fd x
    run -0 resv-control --version
    assert_output --regexp '^resv-control [0-9]'
    run -0 resv-control --help
    assert_output --partial enrol
    run -74 sh -c 'resv-control --help >/dev/full'
}

@test "what an older control let into a title cannot steer the terminal of who looks at a table" {
    resv-control init
    serve
    terminal
    request book --start "$(date -u -d '+1 day' +%FT12:00:00Z)" --duration 1h --rate 4M --title 'Town hall' >booked
    sqlite3 data/ledger.sqlite "UPDATE reservations SET
        request = replace(request, 'Town hall', 'x' || char(0x9b) || '31mred' || char(0x202e) || 'y')"
    run -0 resv-control reservations --table
    assert_line --regexp ' x[?]31mred[?]y$'
    run -0 --separate-stderr resv-control reservations
    assert_equal "$(jq -r .title <<<"$output")" $'x\u009b31mred\u202ey'
}
