# Keys of parties: replaced by their owner, revoked by who runs control; resv-request and resv-store
# against a real control.

load ../lib/common
export PORTS=13000
load ../lib/control

book() { request book --start "$(date -u -d "+$1 hours" +%FT%H:00:00Z)" --duration 30m --rate 4M; }
store() { resv-store --config "$PWD/terminal.toml" "$@"; }
operator() { resv-request --config "$PWD/operator.toml" "$@"; }

# an_operator: a second vault and key, of role operator.
an_operator() {
    sed "s,^vault.*,vault = \"$PWD/boss\"," terminal.toml >operator.toml
    resv-store --config "$PWD/operator.toml" init >/dev/null
    resv-control -q enrol boss --role operator | operator enrol --token-file - >/dev/null
}

@test "a terminal replaces its keys: what was sealed to the old ones opens, new settings go to the new" {
    resv-control init
    serve
    terminal
    book 1 | store add >/dev/null
    old=$(store id | jq -r .key_id)
    cp -a vault before
    run -0 --separate-stderr request rotate --overlap 1h
    assert_matches_schema resv-request <<<"$output"
    new=$(jq -r .key <<<"$output")
    assert_equal "$(jq -r .former_key <<<"$output")" "$old"
    assert_equal "$(store id | jq -r .key_id)" "$new"
    book 3 | store add >/dev/null
    assert_equal "$(store list | wc -l)" 2
    store check
    # The keys of before are good for the overlap, and see the same reservations …
    sed "s,^vault.*,vault = \"$PWD/before\"," terminal.toml >old.toml
    assert_equal "$(resv-request --config "$PWD/old.toml" list | wc -l)" 2
    # … but cannot open what is sealed to the new ones, nor replace them.
    id=$(store list | jq -r '.reservation' | tail -n 1)
    run -65 store --vault "$PWD/before" add <(request settings "$id")
    run -77 resv-request --config "$PWD/old.toml" rotate
    assert_output --partial 'replaced before'
    run -0 resv-control keys
    assert_matches_schema resv-control <<<"$output"
    assert_equal "$(jq -rs 'map(.key_id + .state) | sort | join(" ")' <<<"$output")" \
        "$(printf '%s\n' "${new}good" "${old}replaced" | sort | xargs)"
}

@test "a replacement that was cut off is taken up, whether control had heard of it or not" {
    resv-control init
    serve
    terminal
    cp -a vault before
    kill "$started_serve" # not heard of: control is away
    wait "$started_serve" || true
    run -69 request rotate --overlap 0s
    assert_equal "$(store id | jq -r .key_id)" "$(store --vault "$PWD/before" id | jq -r .key_id)"
    cp -a vault half # as it is when the answer is lost
    serve
    request rotate --overlap 0s >rotated
    run -0 request list
    rm -r vault
    cp -a half vault
    run -0 --separate-stderr request rotate --overlap 0s # the old key is good no more
    assert_equal "$(jq -r .key <<<"$output")" "$(jq -r .key rotated)"
    run -0 request list
    run -77 request --vault "$PWD/before" list
    assert_output --partial 'was replaced'
}

@test "revoked by name: every request is refused at once, and the reservations as was said" {
    resv-control init
    serve
    terminal
    an_operator
    book 1 >booked
    id=$(jq -r 'select(.type == "reservation").id' booked)
    run -64 resv-control revoke alice
    run -64 resv-control revoke alice --reservations perhaps
    run -1 resv-control revoke nobody --reservations keep
    assert_output --partial 'no such party'
    run -0 --separate-stderr resv-control revoke alice --reservations revoke --dry-run
    assert_equal "$(jq -r '.reservations[0]' <<<"$output")" "$id"
    run -0 request list
    run -0 --separate-stderr resv-control revoke alice --reservations keep
    assert_matches_schema resv-control <<<"$output"
    for verb in list time "cancel $id"; do
        [ "$verb" != time ] || continue
        # shellcheck disable=SC2086
        run -77 request $verb
        assert_output --partial 'was revoked'
    done
    run -77 request enrol --token-file <(resv-control -q enrol alice --role distributor)
    assert_output --partial 'was revoked'
    assert_equal "$(operator show "$id" | jq -r .state)" booked
    run -0 --separate-stderr operator revoke "$id"
    assert_equal "$(jq -r .state <<<"$output")" revoked
    run -77 operator --vault "$PWD/vault" revoke "$id"
}

@test "on PostgreSQL what one process revokes another refuses at once" {
    on_postgres
    resv-control init
    serve
    terminal
    run -0 request list
    resv-control revoke "$(store id | jq -r .key_id)" --reservations keep
    run -77 request list
    assert_output --partial 'was revoked'
}
