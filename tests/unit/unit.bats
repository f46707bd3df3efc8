# The unit tests, module by module: all are in one binary, and every case is named "MODULE: what".

load ../lib/common
load ../lib/record

UNIT=$SLOTCAST_BUILD/tests/unit/unit

# cases MODULE: its cases pass, and there is at least one when the module has code.
cases() {
    run timeout 100 "$UNIT" --no-colors --test-case="$1: *"
    assert_success
    [ -z "$(find "$SLOTCAST_ROOT/lib/$1" -name '*.cpp' -print -quit)" ] ||
        refute_output --partial 'test cases: 0 '
}

@test "unit: base" { cases base; }
@test "unit: cli" { cases cli; }
@test "unit: conf" { cases conf; }
@test "unit: confine" { cases confine; }
@test "unit: seal" { cases seal; }
@test "unit: resv" { cases resv; }
@test "unit: wire" { cases wire; }
@test "unit: net" { cases net; }
@test "unit: media" { cases media; }
@test "unit: route" { cases route; }
@test "unit: ledger" { cases ledger; }
@test "unit: vault" { cases vault; }
@test "unit: ical" { cases ical; }
@test "unit: client" { cases client; }
@test "unit: control" {
    export SLOTCAST_RECORD=$BATS_TEST_TMPDIR/answers
    cases control
    assert_exist "$SLOTCAST_RECORD"
    check_answers
}
@test "unit: line" { cases line; }
@test "unit: modem" { cases modem; }
@test "unit: carrier" { cases carrier; }
@test "unit: push" { cases push; }
@test "unit: relay" { cases relay; }

@test "unit: every case belongs to a module of the list above" {
    modules=$(sed -n 's/^@test "unit: \([a-z]*\)" .*/\1/p' "$BATS_TEST_FILENAME")
    run diff <(sort <<<"$modules") <(sed -n 's/^deps\.\([a-z]*\).*/\1/p' "$SLOTCAST_ROOT/lib/layers.mk" | sort)
    assert_success
    run bash -c '"$1" --no-colors --list-test-cases | grep -vE "^\[doctest\]|^=+$|^($2): "' - \
        "$UNIT" "$(paste -sd '|' <<<"$modules")"
    assert_output ''
}
