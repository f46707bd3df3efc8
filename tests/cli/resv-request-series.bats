# Series, from the command line to the vault.

load ../lib/common

export PORTS=15000
load ../lib/control

@test "book --repeat stores each, over a change of the clocks; clashes; cancel --series" {
    resv-control init
    serve
    terminal
    # The next change in either direction, from the day before on.
    change=$(printf '%s\n' "$(next_change 03)" "$(next_change 10)" | sort | head -n 1)
    first=$(date -d "$change yesterday" +%F)
    series() { request --zone Europe/Berlin book --start "$first 18:00" --duration 1h --rate 4M --repeat "$@"; }
    utc() { date -u -d "TZ=\"Europe/Berlin\" $(date -d "$first $1 days" +%F) 18:00" +%FT%TZ; }
    series 'FREQ=DAILY;COUNT=3' --title Service >booked
    assert_matches_schema resv-request <booked
    assert_equal "$(jq -r .type booked | paste -sd ' ')" 'reservation settings reservation settings reservation settings'
    assert_equal "$(jq -r 'select(.start).start' booked | paste -sd ' ')" "$(utc 0) $(utc 1) $(utc 2)"
    assert_equal "$(date -d "$(utc 1)" +%s)" $(($(date -d "$(utc 0)" +%s) + 86400 + (10#${change:5:2} == 3 ? -3600 : 3600)))
    resv-store --config terminal.toml add <booked
    assert_equal "$(resv-store --config terminal.toml list | jq -r .title | paste -sd ' ')" 'Service Service Service'
    id=$(jq -r 'select(.series).series' booked | sort -u)
    run -0 request show --series "$id" --table
    assert_equal "$(grep -c 'booked' <<<"$output")" 3

    # The same again clashes; --on-clash says what then.
    run -1 --separate-stderr series 'FREQ=DAILY;COUNT=4'
    assert_output ''
    assert_regex "$stderr" 'error: control: 3 of 4 cannot be booked, so none is; '
    run -0 --separate-stderr series 'FREQ=DAILY;COUNT=4' --on-clash propose
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r .type <<<"$output" | paste -sd ' ')" 'reservation settings clash clash clash'
    offer=$(jq -r 'select(.type == "clash").problem.alternatives[0].offer' <<<"$output" | head -n 1)
    request book --offer "$offer" | resv-store --config terminal.toml add

    request cancel --series "$id" >cancelled
    assert_equal "$(jq -r .state cancelled | paste -sd ' ')" 'cancelled cancelled cancelled'
    run -1 request cancel "$id"

    # A password is hidden in a series, too.
    echo sesame >password
    run -0 --separate-stderr series 'FREQ=DAILY;COUNT=2' --disclosure password --password-file password --dry-run
    assert_equal "$(jq -r .body.request.password_hash <<<"$output")" '(hidden)'
    assert_equal "$(jq -r .path <<<"$output")" /v1/series

    run -64 series 'FREQ=HOURLY;COUNT=3'
    assert_output --partial 'FREQ=HOURLY: nothing is reserved more often than daily'
    run -64 series 'FREQ=WEEKLY;BYDAY=XX;COUNT=3'
    assert_output --partial "--repeat: BYDAY=XX: 'XX' is no day"
    run -64 series 'FREQ=DAILY;COUNT=2' --hold
    assert_output --partial 'error: --hold: does not go with --repeat'
    run -64 request book --now --duration 1h --rate 4M --repeat 'FREQ=DAILY;COUNT=2'
    run -64 series 'FREQ=DAILY;COUNT=2' --on-clash maybe
    run -64 request book --offer x --repeat 'FREQ=DAILY;COUNT=2'
    run -64 request book --start "$first 18:00" --duration 1h --rate 4M --on-clash skip
}
