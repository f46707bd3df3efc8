# resv-control migrate: a SQLite ledger moves to PostgreSQL.

load ../lib/common
export PORTS=26000
load ../lib/control

# A SQLite ledger with two reservations of alice, one of them cancelled.
filled() {
    resv-control init >/dev/null
    serve
    terminal
    local start
    start=$(date -u -d '+1 hour' +%FT%H:%M:00Z)
    request book --start "$start" --duration 30m --rate 4M --title 'Café ☕ "1"' >booked
    request book --start "$(date -u -d '+3 hours' +%FT%H:%M:00Z)" --duration 30m --rate 4M >cancelled
    request cancel "$(jq -r 'select(.type == "reservation").id' cancelled)" >/dev/null
    request list >before
}

ledgers() { sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'slotcast'"; }
# In the middle of a transaction that changes something.
writing() {
    [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'resv-control' AND backend_xid IS NOT NULL")" = 1 ]
}

@test "migrate moves everything, leaves the file, and what was enrolled and booked goes on" {
    filled
    on_postgres
    run -75 resv-control migrate # it is served
    assert_output --partial 'held by another process'
    kill "$started_serve"
    wait_for 10 eval '! kill -0 "$started_serve"'
    sum=$(cksum <data/ledger.sqlite)
    run -0 resv-control migrate --dry-run
    assert_output --partial '"reservations":2'
    run -66 resv-control reservations
    run -0 --separate-stderr resv-control migrate
    assert_matches_schema resv-control <<<"$output"
    assert_equal "$(jq -c '[.type, .v, .rows.reservations, .rows.parties]' <<<"$output")" '["migration",1,2,1]'
    # shellcheck disable=SC2154 # of bats
    [[ $stderr == *'the file stays as it was'* ]]
    assert_equal "$(cksum <data/ledger.sqlite)" "$sum"
    while read -r table; do
        [ "$table" = serials ] || assert_equal "$(sql "SELECT count(*) FROM $table")" \
            "$(sqlite3 data/ledger.sqlite "SELECT count(*) FROM $table")"
    done < <(sqlite3 data/ledger.sqlite "SELECT name FROM sqlite_master WHERE type = 'table'")
    run -0 resv-control check
    serve
    request list >after
    diff before after
    # The place is taken there too, and the same request again gets the same answer.
    run -1 request book --start "$(jq -r 'select(.state == "booked").start' after)" --duration 30m --rate 4M
    request cancel "$(jq -r 'select(.state == "booked").id' after)" >/dev/null
    assert_equal "$(sql "SELECT count(DISTINCT feed_serial) FROM reservations")" 2
}

@test "migrate refuses a database with a ledger, and none" {
    resv-control init
    run -78 resv-control migrate
    assert_output --partial 'names no PostgreSQL database'
    on_postgres
    resv-control migrate
    for option in '' --dry-run; do
        # shellcheck disable=SC2086 # a word or none
        run -1 resv-control migrate $option
        assert_output --partial 'a ledger already'
    done
    sql 'DROP SCHEMA slotcast CASCADE'
    truncate -s 10000 data/ledger.sqlite
    run -65 resv-control migrate
    assert_equal "$(ledgers)" 0
    rm data/ledger.sqlite
    run -66 resv-control migrate
}

@test "a migration that is killed, or that cannot be finished, leaves nothing there" {
    filled
    kill "$started_serve"
    wait_for 10 eval '! kill -0 "$started_serve"'
    sqlite3 data/ledger.sqlite "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
        INSERT INTO reports SELECT 'r1', zeroblob(16), 'first_media', i, 0, i FROM n"
    on_postgres
    start migrate resv-control migrate
    wait_for 10 writing
    kill -9 "$started"
    wait_for 10 eval '! writing'
    assert_equal "$(ledgers)" 0
    sqlite3 data/ledger.sqlite "INSERT INTO reports VALUES (CAST(x'ff' AS TEXT), zeroblob(16), 'x', 1, 0, 1)"
    run resv-control migrate # no text of ours
    [ "$status" -ne 0 ]
    assert_equal "$(ledgers)" 0
    sqlite3 data/ledger.sqlite "DELETE FROM reports WHERE event = 'x'"
    run -0 resv-control migrate
    assert_output --partial '"reports":30000'
}
