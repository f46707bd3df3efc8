# carrier-connect check: finds no leak where there is none, finds those that we make, and leaves
# everything as it was.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() { carriers_up; }
teardown_file() { lab_down; }
setup() {
    carriers_reset
    event --host "$INGEST6_A"
    routing >"$BATS_TEST_TMPDIR/before"
}
teardown() {
    end_started
    on terminal ip -6 rule del pref 10 2>/dev/null || true
}

# check CODE [OPTION…]: its exit status, and its records into a file for `of` and `none`.
check() {
    run --separate-stderr "-$1" connect check "$ID" "${@:2}"
    echo "$output" >"$BATS_TEST_TMPDIR/rows"
    assert_matches_schema carrier-connect <"$BATS_TEST_TMPDIR/rows"
}
# of FILTER: there are such records; none FILTER: there are not.
of() { jq -s -e "any(.[]; $1)" "$BATS_TEST_TMPDIR/rows" >/dev/null || fail "not there: $1 in $(<"$BATS_TEST_TMPDIR/rows")"; }
none() { jq -s -e "all(.[]; ($1) | not)" "$BATS_TEST_TMPDIR/rows" >/dev/null || fail "there: $1 in $(<"$BATS_TEST_TMPDIR/rows")"; }
unchanged() {
    diff "$BATS_TEST_TMPDIR/before" <(routing)
    [ -z "$(cd "$CARRIERS/run/carriers" && find . -name "*.json")" ]
}
# What a careless program does to ours.
flush_rules() {
    for f in -4 -6; do
        on terminal ip $f rule flush
        on terminal ip $f rule add pref 32766 lookup main
    done
    on terminal ip rule add pref 32767 lookup default
}

@test "check: with rules and guard in place nothing leaves but by the carrier, and all is as before" {
    check 0
    assert_equal "$(jq -r .state "$BATS_TEST_TMPDIR/rows" | uniq | tr '\n' ' ')" 'up cut removed '
    none '(.ok | not) or .elsewhere != 0'
    # What the line must carry it carries, as long as it is there.
    for state in up cut; do
        for from in media anyone; do
            of ".state == \"$state\" and .from == \"$from\" and .to == \"$INGEST6_A\" and .target == \"relay\" and .by_carrier == 1"
        done
        for to in 192.0.2.1 2001:db8::1; do
            of ".state == \"$state\" and .from == \"media\" and .to == \"$to\" and .target == \"anywhere\" and .by_carrier == 1"
        done
    done
    none '.state == "removed" and .by_carrier != 0'
    # What is bound to an interface by IPv4 asks no rule: that is the guard's.
    of '.to == "192.0.2.1" and .held > 0 and .refused + .held == .tried'
    none '.to == "2001:db8::1" and .held != 0'
    assert_equal "$(leaked)" 0
    unchanged
    run --separate-stderr -0 connect check "$ID" --table
    assert_line --regexp '^LINE +FROM +TARGET '
    assert_line --regexp '^removed +media +anywhere +192.0.2.1 .* yes$'
    unchanged
}

@test "check: what is up stays up, on the carrier where it is, also when another is tested" {
    connect up "$ID" >/dev/null
    connect up "$ID" --carrier lineB >/dev/null
    routing >"$BATS_TEST_TMPDIR/up"
    cp -a "$CARRIERS/run/carriers" "$BATS_TEST_TMPDIR/carriers"
    for carrier in '' lineB lineA; do
        check 0 ${carrier:+--carrier "$carrier"}
        assert_equal "$(jq -r .carrier "$BATS_TEST_TMPDIR/rows" | uniq)" "${carrier:-lineB}"
        diff "$BATS_TEST_TMPDIR/up" <(routing)
        diff -r "$BATS_TEST_TMPDIR/carriers" "$CARRIERS/run/carriers"
    done
    connect down "$ID"
    unchanged
}

@test "check: guard and rules removed, it finds the leak; one of them removed, the other holds" {
    connect up "$ID" >/dev/null
    routing >"$BATS_TEST_TMPDIR/up"
    flush_rules
    on terminal nft delete table inet slotcast
    check 1
    assert_regex "$stderr" 'error: media can leave by another way than its carrier: [1-9][0-9]* of'
    assert_regex "$stderr" 'hint: '
    for state in up cut removed; do
        for to in "$INGEST6_A" 192.0.2.1 2001:db8::1; do
            of ".state == \"$state\" and .from == \"media\" and .to == \"$to\" and .elsewhere > 0 and (.ok | not)"
        done
        of ".state == \"$state\" and .from == \"anyone\" and .elsewhere > 0 and (.ok | not)"
    done
    [ "$(leaked)" -gt 0 ]
    diff "$BATS_TEST_TMPDIR/up" <(routing) # and has put them back

    flush_rules
    check 1 # nothing leaks, but the line is not used either
    none '.elsewhere != 0'
    of '.held != 0'
    diff "$BATS_TEST_TMPDIR/up" <(routing)

    on terminal nft delete table inet slotcast
    check 1 # by IPv4, bound to an interface, which asks no rule
    of '.to == "192.0.2.1" and .elsewhere > 0 and .by_carrier == 1'
    none '.to != "192.0.2.1" and (.elsewhere != 0 or (.ok | not))'
    diff "$BATS_TEST_TMPDIR/up" <(routing)
}

@test "check: what a rule before ours sends elsewhere is a leak only without the guard" {
    on terminal ip -6 rule add pref 10 uidrange "$MEDIA_UID-$MEDIA_UID" lookup main
    routing >"$BATS_TEST_TMPDIR/before"
    check 1 # the relay is not reached
    of '.to == "2001:db8::1" and .held > 0 and .state == "removed"'
    none '.elsewhere != 0'
    unchanged
    connect up "$ID" >/dev/null 2>&1
    on terminal nft flush chain inet slotcast guard
    check 1
    none '.elsewhere != 0 and .from == "anyone"'
    of '.elsewhere != 0 and .to == "2001:db8::1" and .state == "removed"'
    connect -q down "$ID"
    unchanged
    on terminal ip -6 rule del pref 10
}

@test "check: what a killed one leaves is closed, and up or down end right" {
    for delay in 0.006 0.012 0.018 0.025 0.04; do
        on terminal timeout -s KILL "$delay" carrier-connect check "$ID" >/dev/null 2>&1 || true
        as_media timeout 5 bash -c "$(send "$INGEST6_A"); $(send "$INGEST_A")" 2>/dev/null || true
        run ! on terminal nft list table inet slotcast_check
        connect up "$ID" >/dev/null
        run --separate-stderr -0 connect up "$ID" --dry-run
        assert_output ''
        on terminal timeout -s KILL "$delay" carrier-connect check "$ID" >/dev/null 2>&1 || true
        connect down "$ID"
        unchanged
    done
}

@test "check: not while an exec runs it or another reservation uses a carrier; two at once take turns" {
    start exec connect exec "$ID" -- sleep 30
    running() { pgrep -P "$started" -x push-sender; }
    wait_for 5 running
    run -75 connect check "$ID"
    assert_output --partial 'another carrier-connect exec is running it'
    kill "$started"
    wait "$started" || true
    first=$ID
    event
    connect up "$first" >/dev/null
    routing >"$BATS_TEST_TMPDIR/up"
    run -75 connect check "$ID"
    assert_output --partial "in use by reservation $first"
    diff "$BATS_TEST_TMPDIR/up" <(routing)
    connect down "$first"
    unchanged
    pids=
    for _ in 1 2 3; do
        connect -q check "$ID" >/dev/null 2>&1 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do
        code=0
        wait "$pid" || code=$?
        [[ $code = 0 || $code = 75 ]]
    done
    unchanged
}

@test "check: a dry run prints all steps, there and back, and takes none" {
    steps() { connect check "$ID" --dry-run | jq -r .command; }
    steps >"$BATS_TEST_TMPDIR/steps"
    run -0 grep -c '^ip .* route delete default via' "$BATS_TEST_TMPDIR/steps"
    assert_equal "$(tail -n 1 "$BATS_TEST_TMPDIR/steps")" 'nft delete table inet slotcast'
    unchanged
    connect -v check "$ID" 2>&1 >/dev/null | sed -n -E 's/^carrier-connect: debug: ((ip|nft) )/\1/p' >"$BATS_TEST_TMPDIR/done"
    diff "$BATS_TEST_TMPDIR/steps" "$BATS_TEST_TMPDIR/done"
    connect up "$ID" >/dev/null
    routing >"$BATS_TEST_TMPDIR/up"
    steps >"$BATS_TEST_TMPDIR/steps"
    connect -v check "$ID" 2>&1 >/dev/null | sed -n -E 's/^carrier-connect: debug: ((ip|nft) )/\1/p' >"$BATS_TEST_TMPDIR/done"
    diff "$BATS_TEST_TMPDIR/steps" "$BATS_TEST_TMPDIR/done"
    [ -s "$BATS_TEST_TMPDIR/steps" ]
    diff "$BATS_TEST_TMPDIR/up" <(routing)
}
