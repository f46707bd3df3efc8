# The calendar: its page in a browser, its files as they are served, and what keeps it private.

load ../lib/common
export PORTS=28000
load ../lib/control

# three: alice, bob and boss, each with a vault; two channels.
three() {
    local who
    sed -i 's/^lines = .*/lines = 4/; s/^viewers = .*/viewers = 10/' control.toml
    printf '[channels.studio2]\nrelay = "r1"\nviewers = 10\nmax_rate = "10M"\n' >>control.toml
    resv-control init >/dev/null
    serve
    for who in alice:distributor bob:distributor boss:operator; do
        printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\npreset = "lineA"\n[carriers.lineA]\ninterface = "lo"\n' \
            "$URL" "$KEYS/tls.crt" "$PWD/${who%:*}" >"${who%:*}.toml"
        resv-store --config "$PWD/${who%:*}.toml" init >/dev/null
        resv-control -q enrol "${who%:*}" --role "${who#*:}" |
            resv-request --config "$PWD/${who%:*}.toml" enrol --token-file - >/dev/null
    done
}

@test "what the page makes of a document: patches, lines that suffice, days of 23 and 25 hours" {
    run -0 env TZ=Europe/Paris timeout 60 node "$SLOTCAST_ROOT/tests/web/calendar-model.mjs"
    assert_output 'model: good'
}

@test "the page in Chromium: live, private, by keyboard, on a phone, in the dark" {
    three
    run -0 env HOME="$BATS_TEST_TMPDIR" timeout 100 node "$SLOTCAST_ROOT/tests/web/calendar.mjs" \
        "$URL" "$KEYS/tls.crt" "$PWD" ${SLOTCAST_SHOTS:+"$SLOTCAST_SHOTS"}
    assert_equal "${#lines[@]}" 8
    # No secret of a link or session is in a log.
    run ! grep -rE 'login=|__Host|[A-Za-z0-9_-]{100}' serve.err serve.out
}

@test "the page's files: policy, types, tags, and nothing else under the name" {
    resv-control init
    serve
    for path in '' /calendar.css /icon.svg /main.js /live.js /model.js /timeline.js /keys.js /details.js /time.js; do
        code=$(ask -D headers -o body -w '%{http_code}' "$URL/calendar$path")
        assert_equal "$code" 200
        tr -d '\r' <headers >plain
        grep -qi "^content-security-policy: default-src 'none'; .*frame-ancestors 'none'" plain
        run ! grep -iE 'unsafe|https?:' plain
        grep -qix 'x-content-type-options: nosniff' plain
        etag=$(sed -n 's/^etag: //Ip' plain)
        assert_equal "$(ask -o body -w '%{http_code}' -H "If-None-Match: $etag" "$URL/calendar$path")" 304
        assert_equal "$(ask -o body -w '%{http_code}' -H 'If-None-Match: "x"' "$URL/calendar$path")" 200
    done
    assert_equal "$(ask -o body -w '%{http_code} %{redirect_url}' "$URL/")" "308 $URL/calendar"
    assert_equal "$(ask "$URL/calendar/../control.toml" --path-as-is | jq -r .code)" not_found
    assert_equal "$(ask -X POST "$URL/calendar" | jq -r .code)" method_not_allowed
}

@test "calendar prints links that match the schema; without a login there is nothing but what is public" {
    three
    resv-request --config "$PWD/alice.toml" calendar | assert_matches_schema resv-request
    resv-control calendar | assert_matches_schema resv-control
    assert_regex "$(resv-request --config "$PWD/alice.toml" --table calendar)" "^$URL/calendar#login=[A-Za-z0-9_-]+$"
    run -0 resv-request --config "$PWD/alice.toml" --dry-run calendar
    refute_output --partial login=
    range="from=$(date -u +%FT%TZ)&to=$(date -u -d '2 days' +%FT%TZ)"
    for path in calendar events; do
        assert_equal "$(ask "$URL/v1/$path?$range" | jq -r .code)" no_session
    done
    # What resv-control's link gets: a cookie, the calendar, and the same by another resv-control.
    code=$(resv-control calendar | jq -r '.url | split("=")[1]')
    jq -n --arg code "$code" '{$code}' >body
    ask -f -c jar -d @body -H 'Content-Type: application/json' -H 'Idempotency-Key: "a"' "$URL/v1/calendar/session"
    ask -f -b jar "$URL/v1/calendar?$range" >document
    assert_matches_schema calendar <document
    assert_equal "$(jq -r .role document)" operator
    assert_equal "$(ask -b jar "$URL/v1/reservations" | jq -r .code)" unsigned
    kill "$started_serve"
    wait "$started_serve" || true
    printf '[calendar]\npublic = true\n' >>control.toml
    serve
    assert_equal "$(ask -b jar "$URL/v1/calendar?$range" | jq -r .role)" operator
    assert_equal "$(ask "$URL/v1/calendar?$range" | jq -r .role)" anybody
}

@test "two resv-control on one PostgreSQL: a session of one listens at the other, from where it was" {
    on_postgres
    resv-control init >/dev/null
    serve
    other=$((PORTS + 905 + BATS_ROOT_PID % 90))
    sed "s/^listen.*/listen = \"127.0.0.1:$other\"/" control.toml >other.toml
    start other resv-control --config "$PWD/other.toml" serve
    there=https://127.0.0.1:$other
    wait_for 10 ask -f "$there/healthz"
    terminal
    code=$(request calendar | jq -r '.url | split("=")[1]')
    jq -n --arg code "$code" '{$code}' >body
    ask -f -c jar -d @body -H 'Content-Type: application/json' -H 'Idempotency-Key: "a"' "$URL/v1/calendar/session"
    assert_equal "$(ask -d @body -H 'Content-Type: application/json' -H 'Idempotency-Key: "b"' "$there/v1/calendar/session" | jq -r .code)" bad_login
    events="v1/events?from=$(date -u +%FT%TZ)&to=$(date -u -d '2 days' +%FT%TZ)"
    session=$(awk '$6 == "__Host-slotcast" {print $7}' jar) # curl's jar keeps it to one port
    cookie="Cookie: __Host-slotcast=$session"
    start here curl -sSN --max-time 60 --cacert "$KEYS/tls.crt" -H "$cookie" "$URL/$events"
    start there curl -sSN --max-time 60 --cacert "$KEYS/tls.crt" -H "$cookie" "$there/$events"
    for where in here there; do wait_for 10 grep -q '^event: calendar' $where.out; done
    request book --start "$(date -u -d '1 hour' +%FT%TZ)" --duration 1h --rate 4M --title first --hold >/dev/null
    for where in here there; do wait_for 10 grep -q '^data: {"bookings":.*"title":"first"' $where.out; done
    last=$(sed -n 's/^id: //p' here.out | tail -n 1)
    assert_equal "$(sed -n 's/^id: //p' there.out | tail -n 1)" "$last"
    start again curl -sSN --max-time 60 --cacert "$KEYS/tls.crt" -H "$cookie" -H "Last-Event-ID: $last" "$there/$events"
    wait_for 10 grep -q '^: nothing changed' again.out
    run ! grep '^data' again.out
}
