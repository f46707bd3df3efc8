# 10 000 operations of 32 clients at 4 channels and 3 carriers, and the audit of what they left:
# no instant over capacity, nothing acknowledged missing. More: make stress; broken on purpose: make mutants.

load ../lib/common

contention() {
    run -0 timeout 100 "$SLOTCAST_ROOT/tests/stress/contention" "$SLOTCAST_BUILD" "$@"
    assert_line --regexp '"type":"audit".*"findings":0'
    # It was full at times, or nothing would be proved.
    used_up=$(jq -s 'map(select(.type == "audit"))[0].used_up' <<<"$output")
    [ "$used_up" -ge 5 ]
}

@test "contention: 6000 operations on SQLite" { contention sqlite 6000; }

@test "contention: 4000 operations on PostgreSQL, at two controls" { contention postgres 4000; }

@test "contention: the audit finds what is too much, and what was lost" {
    sed "s,@DATA@,$BATS_TEST_TMPDIR/data," "$SLOTCAST_ROOT/tests/stress/control.toml" >"$BATS_TEST_TMPDIR/control.toml"
    cd "$BATS_TEST_TMPDIR"
    stress-control --config "$PWD/control.toml" --operations 300 --seed 3 >acknowledged 2>/dev/null
    now=$(tail -n 1 acknowledged | jq -r .now)
    audit() { audit-ledger --config "$PWD/control.toml" --acknowledged acknowledged --now "$now" "$@"; }
    run -0 audit
    db=data/ledger.sqlite
    one=$(sqlite3 "$db" "SELECT hex(id) FROM reservations WHERE state = 'booked' AND owner <> 'adjoining'
        ORDER BY start_ms DESC LIMIT 1")
    sqlite3 "$db" "CREATE TABLE kept AS SELECT * FROM reservations"
    sqlite3 "$db" "INSERT INTO reservations SELECT randomblob(16), owner, channel, relay, viewers, request, state,
        end_ms + 14999, end_ms + 60000, lead_in_s, drain_s, opens_ms, hold_expires_ms, vid, ticket_id, generation, revision,
        settings_serial, feed_serial, created_ms, first_media_ms, fee_minor, fee_currency, history, history_head, NULL, NULL, NULL
        FROM reservations WHERE hex(id) = '$one'"
    run -1 audit
    assert_line --partial '"type":"overuse","resource":"channel '
    sqlite3 "$db" "DELETE FROM reservations WHERE id NOT IN (SELECT id FROM kept)"
    run -0 audit
    tried() { sqlite3 "$db" "UPDATE reservations SET preflight_from_ms = $1, preflight_until_ms = $2 WHERE hex(id) = '$one'"; }
    tried 'opens_ms - 1000' 'opens_ms + 1'
    run -1 audit
    assert_line --partial '"type":"overuse","resource":"at once of '
    tried NULL NULL
    run -0 audit
    sqlite3 "$db" "DELETE FROM reservations WHERE hex(id) = '$one'"
    run -1 audit
    assert_line --partial '"found":"nothing"'
    sqlite3 "$db" "INSERT INTO reservations SELECT * FROM kept WHERE hex(id) = '$one'"
    run -0 audit
    sqlite3 "$db" "UPDATE reservations SET revision = revision - 1 WHERE hex(id) = '$one'"
    run -1 audit
    assert_line --partial '"type":"missing"'
    : >acknowledged
    run -66 audit
}
