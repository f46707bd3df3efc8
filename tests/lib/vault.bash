# Loaded after common: for each test a vault that trusts the control of make-settings, on a terminal
# whose preset carrier is line-b.

setup() {
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/terminal.toml SLOTCAST_VAULT=$BATS_TEST_TMPDIR/vault
    printf 'preset = "line-b"\n[carriers.line-b]\ninterface = "carB"\n' >"$SLOTCAST_CONFIG"
    terminal=$BATS_TEST_TMPDIR/terminal
    resv-store init >"$terminal"
    resv-store -q trust "$(make-settings --key)"
}

# settings OPTION…: a record for this terminal, by default of the control it trusts.
settings() { make-settings --terminal "$terminal" "$@"; }

# stored OPTION…: puts one into the vault, prints its id.
stored() { settings "$@" | resv-store add | jq -r .reservation; }

# violation TEXT: `check` reports it, and nothing else.
violation() {
    run -65 --separate-stderr resv-store check
    assert_equal "${#lines[@]}" 1
    assert_matches_schema resv-store <<<"$output"
    assert_output --partial "$1"
}
