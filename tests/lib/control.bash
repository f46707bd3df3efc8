# Loaded after common: a resv-control with a configuration of its own for each test, in the test's
# folder. Each file says from which port on: `PORTS=20000` (1000 are for it).

load ../lib/control_files
load ../lib/record

setup_file() {
    export KEYS=$BATS_FILE_TMPDIR
    (cd "$KEYS" && self_signed)
    record_answers
    # tests/run has one PostgreSQL for all files.
    [ -n "${SLOTCAST_TEST_POSTGRES:-}" ] ||
        export SLOTCAST_TEST_POSTGRES=/tmp/postgres-tests-$BATS_ROOT_PID OWN_POSTGRES=yes
}

teardown_file() {
    if [ -n "${OWN_POSTGRES:-}" ] && [ -d "$SLOTCAST_TEST_POSTGRES" ]; then
        postgres "$SLOTCAST_TEST_POSTGRES" stop
        rm -rf "$SLOTCAST_TEST_POSTGRES" "$SLOTCAST_TEST_POSTGRES".*
    fi
    check_answers
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    PORT=$((PORTS + BATS_ROOT_PID * 7 % 800 + BATS_TEST_NUMBER))
    export URL=https://127.0.0.1:$PORT
    export SLOTCAST_CONFIG=$PWD/control.toml
    cat >control.toml <<EOF
listen = "127.0.0.1:$PORT"
tls_certificate = "$KEYS/tls.crt"
tls_key = "$KEYS/tls.key"
data = "$PWD/data"

[relays.r1]
public_url = "http://198.51.100.20:8080"
streams = 4
ingest = "100M"
egress = "1G"

[relays.r1.ingest_addresses]
lineA = "203.0.113.10:9000"

[carriers.lineA]
type = "link"
lines = 2
capacity = "50M"

[channels.studio1]
relay = "r1"
viewers = 20
max_rate = "10M"
EOF
    [ "${SLOTCAST_TEST_LEDGER:-}" != postgres ] || on_postgres
}

teardown() { end_started; }

ask() { curl -sS --max-time 10 --cacert "$KEYS/tls.crt" "$@"; }

serving() { ask -f "$URL/healthz"; }

serve() {
    start serve resv-control serve
    wait_for 10 serving
}

# edit SED-SCRIPT: changes the configuration.
edit() { sed -i "$1" control.toml; }

# terminal: a vault and an enrolled key of distributor alice, in $PWD.
terminal() {
    printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\npreset = "lineA"\n[carriers.lineA]\ninterface = "lo"\n' \
        "$URL" "$KEYS/tls.crt" "$PWD/vault" >terminal.toml
    resv-store --config "$PWD/terminal.toml" init >/dev/null
    resv-control enrol alice --role distributor 2>/dev/null |
        resv-request --config "$PWD/terminal.toml" enrol --token-file - >/dev/null
}

request() { resv-request --config "$PWD/terminal.toml" "$@"; }

# bound COMMAND…: runs it bound by file modes, which root is not.
bound() {
    [ "$(id -u)" != 0 ] || set -- setpriv --bounding-set -dac_override,-dac_read_search "$@"
    timeout 10 "$@"
}

# on_postgres: the ledger is in an empty PostgreSQL database, $LEDGER. SLOTCAST_TEST_LEDGER=postgres does
# that for every test, see tests/run-long.
on_postgres() {
    ! grep -q ^ledger control.toml || return 0
    LEDGER=$(postgres "$SLOTCAST_TEST_POSTGRES" database)
    export LEDGER
    sed -i "1i ledger = \"$LEDGER\"" control.toml
}

# sql STATEMENT: in the ledger, whichever it is.
sql() {
    if grep -q ^ledger control.toml; then
        psql -qAtX "$LEDGER" -c "SET search_path = slotcast" -c "$1"
    else
        sqlite3 data/ledger.sqlite "$1"
    fi
}
