# The rules of control.toml as distributors and operators meet them: grid, maintenance, quotas, fees.

load ../lib/common

export PORTS=12000
load ../lib/control

# day N TIME: that time of UTC, N days from now.
day() { date -u -d "+$1 days" "+%Y-%m-%dT$2:00Z"; }
book() { request book --start "$1" --duration 1h --rate 4M "${@:2}"; }
id_in() { jq -r 'select(.type == "reservation").id'; }

@test "starts off the grid are refused with the nearest two, fees stand in menu and booking" {
    sed -i '1i currency = "EUR"' control.toml
    cat >>control.toml <<-END
	[channels.studio1.policy]
	grid = "30m"
	[channels.studio1.fee]
	per_hour = 12000
	set_up = 550
	[carriers.lineA.fee]
	per_minute = 1
	END
    resv-control init
    serve
    terminal
    run -1 book "$(day 1 12:10)"
    assert_output --partial 'start every 30m'
    assert_output --partial "hint: the nearest starts: $(day 1 12:00) and $(day 1 12:30)"
    run -0 --separate-stderr request slots --from "$(day 1 12:10)" --to "$(day 1 14:10)" --duration 1h --rate 4M
    assert_equal "$(jq -c '[.start, .latest_start, .grid_s, .fee.minor, .fee.currency]' <<<"$output")" \
        "[\"$(day 1 12:30)\",\"$(day 1 13:00)\",1800,12610,\"EUR\"]"
    run -0 request slots --from "$(day 1 12:10)" --to "$(day 1 14:10)" --duration 1h --rate 4M --table
    assert_line --regexp ' 30m +studio1 +126.10 EUR +[1-9][0-9]* +[1-9][0-9KMG]* +[1-9][0-9]* +lineA$'
    run -0 --separate-stderr book "$(day 1 12:30)"
    id=$(id_in <<<"$output")
    assert_equal "$(jq -c 'select(.fee).fee' <<<"$output")" '{"minor":12610,"currency":"EUR"}'
    run -0 request list --table
    assert_output --partial '126.10 EUR'
    run -0 --separate-stderr request extend "$id" --end "$(day 1 13:31)"
    assert_equal "$(jq -c 'select(.fee).fee.minor' <<<"$output")" 24611
}

@test "a quota is refused by its name" {
    printf '[distributors.alice]\nat_once = 1\nahead = 2\nper_month = "90m"\n' >>control.toml
    printf '[channels.studio2]\nrelay = "r1"\nviewers = 20\nmax_rate = "10M"\n' >>control.toml
    resv-control init
    serve
    terminal
    # The month after next, all of it ahead.
    local month
    month=$(date -u -d "$(date -u +%Y-%m-15) +2 months" +%Y-%m)
    book "$month-10T12:00:00Z" >/dev/null
    run -1 book "$month-10T12:00:00Z" --channel studio2
    assert_output --partial 'more than your quota allows'
    assert_output --partial 'distributor:alice:per_month: 3600 needed, 1800 available'
    run -1 request book --start "$month-10T12:00:00Z" --duration 30m --rate 4M
    assert_output --partial 'distributor:alice:at_once: 1 needed, 0 available'
    request book --start "$month-11T12:00:00Z" --duration 30m --rate 4M >/dev/null
    run -1 book "$(date -u -d "$month-15 +1 month" +%Y-%m-%d)T12:00:00Z"
    assert_output --partial 'distributor:alice:ahead: 1 needed, 0 available'
}

@test "maintenance is booked around, and check names what stands in it" {
    resv-control init
    serve
    terminal
    run -0 --separate-stderr resv-control check
    assert_equal "$(jq -r 'select(.name == "maintenance").detail' <<<"$output")" none
    id=$(book "$(day 1 12:00)" | id_in)
    other=$(book "$(day 1 15:00)" | id_in)
    kill "$started"
    wait "$started" || true
    printf '[maintenance.works]\nresource = "channel:studio1"\nfrom = "%s"\nto = "%s"\n' \
        "$(day 1 12:30)" "$(day 1 14:30)" >>control.toml
    run -0 --separate-stderr resv-control check
    detail=$(jq -r 'select(.name == "maintenance" and .ok).detail' <<<"$output")
    assert_equal "$detail" "works: $(day 1 12:30) to $(day 1 14:30), warning: $id stands in it"
    refute_regex "$detail" "$other"
    serve
    run -1 --separate-stderr book "$(day 1 13:30)"
    assert_regex "$stderr" "maintenance \(works\) from $(day 1 12:30) to $(day 1 14:30)"
    offer=$(jq -rs 'first.offer' <<<"$output")
    run -0 request book --offer "$offer" --hold
    run -1 request extend "$id" --end "$(day 1 13:30)"
    assert_output --partial 'maintenance (works)'
    assert_equal "$(request show "$id" | jq -r .state)" booked # what it has, it keeps
    sed -i 's/channel:studio1/channel:studio9/' control.toml
    run -78 resv-control check
    assert_output --partial 'maintenance.works.resource: is not there'
}
