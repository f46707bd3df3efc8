# resv-control is killed ten times under load, PostgreSQL restarted in between: nothing acknowledged is lost,
# and every unknown outcome is settled by asking again. 200 times: make check-long.

load ../lib/common

crash() {
    run -0 timeout 110 "$SLOTCAST_ROOT/tests/stress/crash" "$SLOTCAST_BUILD" "$@"
    assert_line --regexp '"type":"audit".*"findings":0'
    # Some were answered, and some had to ask again, or nothing would be proved.
    assert_line --regexp '"type":"clients","answers":[1-9][0-9]*,.*"asked_again":[1-9]'
}

@test "crash: resv-control killed 6 times on SQLite" { crash sqlite 6; }

@test "crash: resv-control killed 4 times on PostgreSQL, which is restarted too" { crash postgres 4; }
