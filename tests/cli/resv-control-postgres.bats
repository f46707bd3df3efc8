# resv-control with its ledger in PostgreSQL: what differs from SQLite.

load ../lib/common
export PORTS=24000
load ../lib/control

@test "one line of configuration: init, enrol, book and list in PostgreSQL" {
    on_postgres
    run -66 resv-control serve
    assert_output --partial 'resv-control init'
    run -0 --separate-stderr resv-control init
    key=$(jq -er .key <<<"$output")
    assert_not_exist data/ledger.sqlite
    run -0 --separate-stderr resv-control init
    assert_equal "$(jq -r .key <<<"$output")" "$key"
    run -0 resv-control check
    serve
    terminal
    start=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:00Z)
    request book --start "$start" --duration 30m --rate 4M --title first >booked
    run -1 request book --start "$start" --duration 30m --rate 4M --title second
    assert_output --partial 'channel is taken'
    id=$(jq -r 'select(.type == "reservation").id' booked)
    assert_equal "$(request list | jq -r .id)" "$id"
    assert_equal "$(resv-control reservations | jq -r .id)" "$id"
    assert_equal "$(sql 'SELECT count(*) FROM reservations')" 1
    run -0 resv-control --print-config
    assert_line "ledger = \"$LEDGER\""
}

@test "a ledger line that is no URI, or has a password in it, is refused without telling it" {
    while IFS='|' read -r value expected; do
        edit /^ledger/d
        edit "1i ledger = \"$value\""
        run -78 resv-control check
        assert_output --partial "control.toml:1: ledger: $expected"
        refute_output --partial hunter2
    done <<'EOF'
postgres|is not a connection URI
mysql://x/y|is not a connection URI
postgresql://u:hunter2@/x|has a password in it
postgresql:///x?password=hunter2|has a password in it
EOF
    edit 's,^ledger.*,ledger = "postgresql:///x",'
    PGPASSWORD=hunter2 run -78 resv-control init
    assert_output --partial PGPASSWORD
}

@test "the password comes from a passfile, which others must not read" {
    on_postgres
    psql -qX "$LEDGER" -c "SET client_min_messages = error" -c "DROP ROLE IF EXISTS asked" \
        -c "CREATE ROLE asked LOGIN PASSWORD 'hunter2'" -c "GRANT CREATE ON DATABASE $(sql 'SELECT current_database()') TO asked"
    edit "s,postgres@/,asked@/,; s,\(host=[^\"]*\)\",\1\&passfile=$PWD/pass\","
    run -77 resv-control init
    assert_output --partial 'passfile'
    echo '*:*:*:asked:hunter2' >pass
    chmod 644 pass # libpq does not use such a one
    run -77 resv-control init
    chmod 600 pass
    run -0 resv-control init
    refute_output --partial hunter2
    run -0 resv-control check
}

@test "a ledger of another version is refused, and so is a lost one" {
    on_postgres
    resv-control init
    sql 'UPDATE ledger SET version = 77'
    for verb in serve reservations; do
        run -65 timeout 10 resv-control "$verb"
        assert_output --partial 'version 77'
    done
    run -78 resv-control check
    sql 'DROP SCHEMA slotcast CASCADE'
    run -66 timeout 10 resv-control serve
    run -65 resv-control init # its keys are somebody's
    assert_output --partial missing
    edit "s,host=/,host=/nowhere/,"
    run -69 timeout 10 resv-control serve
    assert_output --partial 'see whether the database is running'
}

@test "the keys of another control are refused beside this ledger" {
    on_postgres
    resv-control init
    rm -r data
    resv-control init # nobody was enrolled: what was cut off begins again
    resv-control enrol alice --role distributor
    edit "s,^data.*,data = \"$PWD/other\","
    sql "INSERT INTO parties SELECT 'x', 'operator', k, k, k, 1, NULL, 0 FROM decode(repeat('00', 32), 'hex') AS k"
    run -65 resv-control init
    assert_output --partial 'signing.key is missing'
}

# second: another resv-control on the same database, at $URL2, configured by second.toml.
second() {
    # shellcheck disable=SC2153 # of control.bash
    local port=$((${URL##*:} + 40))
    URL2=https://127.0.0.1:$port
    sed "s,^listen.*,listen = \"127.0.0.1:$port\"," control.toml >second.toml
    start second resv-control --config "$PWD/second.toml" serve
    wait_for 10 ask -f "$URL2/healthz"
}

@test "two processes on one database: a relay at one hears what is booked at the other" {
    edit 's,198.51.100.20:8080,127.0.0.4:24990,; s,203.0.113.10:9000,127.0.0.2:24991,'
    on_postgres
    resv-control init
    serve
    second
    cat >relay.toml <<EOF
id = "r1"
control = "$URL2"
cacert = "$KEYS/tls.crt"
http = "127.0.0.4:24990"
admin = "127.0.0.4:24992"
data = "$PWD/relay"
[ingest.lineA]
listen = "127.0.0.2:24991"
EOF
    resv-control enrol r1 --role relay | relay-serve --config "$PWD/relay.toml" enrol --token-file -
    start relay relay-serve --config "$PWD/relay.toml"
    wait_for 10 curl -sf http://127.0.0.4:24990/healthz
    terminal
    request book --start "$(date -u -d '+1 hour' +%FT%H:%M:00Z)" --duration 30m --rate 4M >booked
    id=$(jq -r 'select(.type == "reservation").id' booked)
    wait_for 5 curl -sf -o /dev/null "http://127.0.0.4:24990/w/$id/"
    assert_equal "$(resv-control --config "$PWD/second.toml" reservations | jq -r .id)" "$id"
    # What one of them began, another goes on with: the first is killed.
    kill -9 "$started_serve"
    sed -i "s,^control.*,control = \"$URL2\"," terminal.toml
    assert_equal "$(request cancel "$id" | jq -r 'select(.type == "reservation").state')" cancelled
}

@test "two processes on one database never book a place twice" {
    on_postgres
    resv-control init
    serve
    second
    terminal
    sed "s,^control.*,control = \"$URL2\"," terminal.toml >other.toml
    for n in $(seq 8); do
        start=$(date -u -d "+$n hours" +%FT%H:00:00Z)
        for config in terminal other; do
            resv-request --config "$PWD/$config.toml" book --start "$start" --duration 30m --rate 4M \
                >"$config.$n" 2>/dev/null &
            pids[n]="${pids[n]:-} $!"
        done
    done
    for n in $(seq 8); do
        accepted=0
        for pid in ${pids[n]}; do ! wait "$pid" || accepted=$((accepted + 1)); done
        assert_equal "$accepted" 1
    done
    assert_equal "$(sql "SELECT count(*) FROM reservations")" 8
}

@test "on a full database booking is refused, what was acknowledged stays, and replays settle it" {
    # A server of its own, which sees the small disk. PostgreSQL itself refuses to go on without
    # space for its log, so that only what is stored is on it.
    server=/tmp/postgres-full-$BATS_ROOT_PID
    mkdir -p "$server/small"
    sed -i "1i ledger = \"postgresql://postgres@/tight?host=$server/pg\"" control.toml
    cat >steps <<'END'
cd "$1" || exit
server=$2
. ./functions
trap 'kill -9 "$started" 2>/dev/null; postgres "$server/pg" stop' EXIT
chmod 711 "$server"
chown postgres "$server/small" 2>/dev/null
postgres "$server/pg" start || exit
run_sql() { psql -qAtX "postgresql://postgres@/$1?host=$server/pg" -c "$2"; }
run_sql postgres "CREATE TABLESPACE small LOCATION '$server/small'"
run_sql postgres 'CREATE DATABASE tight TABLESPACE small'
resv-control init || exit
serve || exit
terminal
now=$(date +%s)
request book --start "$(date -u -d "@$((now + 4000 * 3600))" +%FT%H:%M:00Z)" --duration 30m --rate 4M >booked
run_sql tight 'CREATE TABLE filler (t text)'
for rows in 1000 100 10 1; do
    while run_sql tight "INSERT INTO filler SELECT repeat('x', 4000) FROM generate_series(1, $rows)" 2>/dev/null; do :; done
done
for n in $(seq 400); do
    start=$(date -u -d "@$((now + n * 3600))" +%Y-%m-%dT%H:%M:00Z)
    request book --start "$start" --duration 30m --rate 4M --title "$(printf %0200d "$n")" >>booked 2>failed || break
done
echo "code $?"
jq -r 'select(.type == "reservation").id' booked | sort >acknowledged
run_sql tight 'DROP TABLE filler'
kill -9 "$started"
cat failed serve.err
resv-control reservations | jq -r .id | sort >kept
comm -23 acknowledged kept >lost
echo "$(wc -l <acknowledged) acknowledged, $(wc -l <lost) lost"
serve || exit
request book --start "$start" --duration 30m --rate 4M --title "$(printf %0200d "$n")" | jq -r 'select(.type == "reservation").state'
END
    { declare -f start wait_for ask serving serve terminal request; } >functions
    sed -i 's,\$BATS_TEST_TMPDIR,.,g' functions
    run on_full_disk 16m "$server/small" bash steps "$PWD" "$server"
    rm -rf "$server"
    assert_success
    assert_line --regexp '^[1-9][0-9]* acknowledged, 0 lost$'
    assert_line booked
    assert_output --partial 'could not keep the change'
    assert_output --partial 'No space left on device'
}
