# resv-request with a real control on loopback: every verb, refusals, kills and full outputs.
load ../lib/common
load ../lib/control_files
load ../lib/record

# common.bash, loaded anew for each test, forgets them.
places() {
    export SLOTCAST_CONFIG=$BATS_FILE_TMPDIR/terminal.toml
    CONTROL=$BATS_FILE_TMPDIR/control.toml
    VAULT=$BATS_FILE_TMPDIR/vault
}
setup() { places; }

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return
    record_answers
    local port=$((24000 + BASHPID % 4000)) # for this file only, and below the ephemeral ones
    control_files "$port"
    places
    resv-control --config "$CONTROL" init >/dev/null
    serve
    resv-store init >/dev/null
    resv-control -q --config "$CONTROL" enrol studio --role distributor >token
    resv-request enrol --token-file token >enrolment
}

# serve: control in the background, until teardown_file; its pid is in control.pid.
serve() {
    resv-control --config "$CONTROL" serve >>"$BATS_FILE_TMPDIR/serve.out" \
        2>>"$BATS_FILE_TMPDIR/serve.err" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/control.pid"
    wait_for 10 timeout 5 resv-request time
}

teardown_file() {
    kill "$(<"$BATS_FILE_TMPDIR/control.pid")"
    check_answers
}
teardown() { end_started; }

# day N: the start of a day that only one test uses.
day() { date -u -d "+$1 days" +%Y-%m-%dT12:00:00Z; }
# book START OPTION…: one hour at 6M.
book() {
    local start=$1
    shift
    timeout 20 resv-request book --start "$start" --duration 1h --rate 6M "$@"
}
id_in() { jq -r 'select(.type == "reservation").id'; }
# on_day START: how many reservations that occupy something start then.
on_day() { resv-request list | jq -r "select(.start == \"$1\" and .state != \"cancelled\").id" | wc -l; }
pending() { find "$VAULT/pending" -type f ! -name lock; }

has_pending() { [ -n "$(pending)" ]; }

@test "enrol made control trusted; another control's settings stay out; a used token is refused" {
    assert_matches_schema resv-request <"$BATS_FILE_TMPDIR/enrolment"
    assert_equal "$(jq -r '.type + .name + .role' "$BATS_FILE_TMPDIR/enrolment")" enrolmentstudiodistributor
    assert_equal "$(resv-store id | jq '.trusted | length')" 1
    resv-store --vault "$BATS_TEST_TMPDIR/other" init >/dev/null
    run -77 --separate-stderr timeout 10 resv-request --vault "$BATS_TEST_TMPDIR/other" enrol \
        --token-file "$BATS_FILE_TMPDIR/token"
    assert_equal "$output" ''
    run -77 timeout 10 resv-request --vault "$BATS_TEST_TMPDIR/other" list
}

@test "with a full disk enrol stores nothing of control, and works when run again with its token" {
    local token=$BATS_TEST_TMPDIR/token
    resv-control -q --config "$CONTROL" enrol other --role distributor >"$token"
    # Pages of the file system are freed one by one: first the request does not fit, then it fits and
    # control enrols the key, but that of control does not fit.
    run -0 --separate-stderr timeout 60 unshare -m bash -ec '
        disk=$1 token=$2 page=$(getconf PAGESIZE)
        mkdir "$disk" && mount -t tmpfs -o size=$((16 * page)) tmpfs "$disk"
        enrol() { timeout 10 resv-request --vault "$disk/vault" enrol --token-file "$token"; }
        resv-store --vault "$disk/vault" init >/dev/null
        cat /dev/zero >"$disk/filler" 2>/dev/null || true
        for try in 1 2 3 4 5; do
            code=0 && enrol >"$token.out" || code=$?
            resv-store --vault "$disk/vault" check >&2
            echo "$code $(wc -l <"$token.out") $(resv-store --vault "$disk/vault" id | jq ".trusted | length")" \
                "$(find "$disk/vault/pending" -type f ! -name lock | wc -l) $(find "$disk/vault" -name "*.tmp*" | wc -l)"
            [ "$code" != 0 ] || break
            truncate -s "-$page" "$disk/filler"
        done
        timeout 10 resv-request --vault "$disk/vault" list' - "$BATS_TEST_TMPDIR/disk" "$token"
    # exit code, records, trusted controls, requests to take up again, leftovers
    assert_output '74 0 0 0 0
74 0 0 1 0
0 1 1 0 0'
    assert_regex "$stderr" 'error: write [^ ]*/pending/[0-9a-f]+: no space left on device'
    assert_regex "$stderr" 'error: write [^ ]*/trusted/[0-9a-f]+: no space left on device'
    assert_regex "$stderr" 'hint: free some space and run the same command again'
}

@test "book prints the reservation, then settings that the vault takes" {
    start=$(day 1)
    run -0 --separate-stderr book "$start" --title 'Town hall' --carrier lineA --carrier lineB
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r .type <<<"$output" | paste -sd ,)" reservation,settings
    assert_equal "$(jq -c 'select(.title)|[.v,.state,.start,.title,.carriers,.viewers]' <<<"$output")" \
        "[1,\"booked\",\"$start\",\"Town hall\",[\"lineA\",\"lineB\"],20]"
    id=$(id_in <<<"$output")
    resv-store add <<<"$output"
    run -0 resv-store get "$id"
    assert_output --partial '"title":"Town hall"'
    run -0 resv-request show "$id"
    assert_output --partial "$id"
    run -0 resv-request list --table --zone Europe/Paris
    assert_line --partial 'RESERVATION'
    assert_line --regexp "^$id +booked +.* CES?T +1h .* lineA,lineB +6M +- +Town hall\$"
    assert_equal "$(pending)" ''
}

@test "a hold prints no settings; commit does; cancel frees the time" {
    start=$(day 2)
    run -0 --separate-stderr book "$start" --channel one --hold
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r '.type + .state' <<<"$output")" reservationheld
    id=$(id_in <<<"$output")
    run -66 resv-store add <<<"$output"
    run -1 resv-request settings "$id"
    assert_output --partial 'hint: commit'
    run -1 book "$start" --channel one
    run -0 --separate-stderr resv-request commit "$id"
    resv-store add <<<"$output"
    run -0 --separate-stderr resv-request cancel "$id"
    assert_equal "$(jq -r .state <<<"$output")" cancelled
    run -0 book "$start" --channel one
}

@test "extend and settings are safe to pipe and to repeat" {
    id=$(book "$(day 3)" | tee "$BATS_TEST_TMPDIR/booking" | id_in)
    resv-store add <"$BATS_TEST_TMPDIR/booking"
    end=$(date -u -d "$(day 3) +90 min" +%Y-%m-%dT%H:%M:%SZ)
    for _ in 1 2; do
        resv-request extend "$id" --end "$end" | resv-store add
        resv-request settings "$id" | resv-store add
    done
    assert_equal "$(resv-store get "$id" | jq -r .window.end)" "$end"
    resv-request list | assert_matches_schema resv-request
    before=$(resv-request show "$id" | jq .generation)
    resv-request settings "$id" --new-generation | resv-store add
    assert_equal "$(resv-request show "$id" | jq .generation)" $((before + 1))
    run -1 resv-request end "$id"
    assert_output --partial 'cancel it instead'
}

@test "settings --preflight brings a ticket to try the line, where there is room for it now" {
    booked=$(book "$(day 5)" --carrier lineB)
    id=$(id_in <<<"$booked")
    resv-store add <<<"$booked"
    has='.stream | has("preflight_ticket")'
    run -1 jq -e "$has" <(resv-store get "$id")
    for _ in 1 2; do resv-request settings "$id" --preflight | resv-store add; done
    jq -e "$has" <(resv-store get "$id" | assert_matches_schema settings-document)
    assert_equal "$(resv-request show "$id" --history | jq -r .verb | xargs)" 'book preflight preflight'
    resv-request show "$id" --history | assert_matches_schema resv-request
    run -64 resv-request settings "$id" --preflight --new-generation
    # Another one at the same time is too much for the line, though their events are days apart.
    other=$(book "$(day 6)" --carrier lineB | id_in)
    run -1 --separate-stderr resv-request settings "$other" --preflight
    assert_regex "$stderr" 'carrier:lineB:bits'
    assert_equal "$output" ''
    resv-request cancel "$id" >/dev/null
    run -0 --separate-stderr resv-request settings "$other" --preflight
    assert_matches_schema resv-request <<<"$output"
}

@test "slots shows what book then takes, and says no when nothing is free" {
    from=$(day 4)
    to=$(date -u -d "$from +2 hours" +%Y-%m-%dT%H:%M:%SZ)
    run -0 --separate-stderr resv-request slots --from "$from" --to "$to" --duration 2h --rate 6M --channel two
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r '.type + .channel + .start' <<<"$output")" "slottwo$from"
    timeout 20 resv-request book --start "$from" --duration 2h --rate 6M --channel two >/dev/null
    run -1 --separate-stderr resv-request slots --from "$from" --to "$to" --duration 2h --rate 6M --channel two
    assert_equal "$output" ''
    assert_regex "$stderr" 'no free slot'
    run -0 resv-request slots --from "$from" --to "$to" --duration 2h --rate 6M --table
    assert_line --partial 'LATEST START'
    assert_line --regexp ' one +- +[1-9][0-9]* +[1-9][0-9KMG]* +[1-9][0-9]* +lineA$'
}

@test "a refusal names each resource that fell short, how far and when" {
    start=$(day 5)
    book "$start" --channel one --carrier lineB >/dev/null
    run -1 --separate-stderr book "$start" --channel one --carrier lineB
    assert_equal "$(jq -r .type <<<"$output" | sort -u)" alternative
    assert_regex "$stderr" 'resv-request: error: control: '
    assert_regex "$stderr" 'channel:one: 1 needed, 0 available from .* to '
    assert_regex "$stderr" 'carrier:lineB:bits: 7600Kbit/s needed, '
    run -1 book "$start" --channel nonesuch
    run -1 book "$start" --carrier nonesuch
    run -1 resv-request show 01j00000000000000000000000
    run -1 timeout 20 resv-request book --start "$start" --duration 1h --rate 60M
    assert_equal "$(pending)" ''
}

@test "an alternative of a refusal is booked by its offer, once, or held" {
    start=$(day 20)
    book "$start" --channel one --title Other >/dev/null
    run -1 --separate-stderr book "$start" --channel one --title Mine
    assert_regex "$stderr" 'hint: resv-request book --offer'
    assert [ "$(wc -l <<<"$output")" -ge 3 ] # at the same time on two, earlier, later
    assert_equal "$(jq -r 'select(.start == "'"$start"'").channel' <<<"$output")" two
    mapfile -t offers < <(jq -r .offer <<<"$output")
    run -66 resv-store add <<<"$output"
    run -64 resv-request book --offer "${offers[0]}" --title other
    run -0 --separate-stderr resv-request book --offer "${offers[0]}"
    assert_equal "$(jq -c 'select(.type == "reservation")|[.state, .start, .channel, .title]' <<<"$output")" \
        "[\"booked\",\"$start\",\"two\",\"Mine\"]"
    resv-store add <<<"$output"
    run -1 resv-request book --offer "${offers[0]}" # somebody has it, and it is us
    assert_output --partial 'channel:two: 1 needed, 0 available'
    run -0 --separate-stderr resv-request book --offer "${offers[1]}" --hold
    assert_equal "$(jq -r .state <<<"$output")" held
    run -1 resv-request book --offer "${offers[2]%?}"
    assert_output --partial 'no offer'
    run -1 --separate-stderr book "$start" --channel one --table
    assert_line --regexp '^START +LENGTH .* OFFER$'
    assert_equal "$(pending)" ''
}

@test "a password is never sent, stored or printed" {
    echo 'open sesame' >"$BATS_TEST_TMPDIR/password"
    run -0 --separate-stderr book "$(day 6)" --disclosure password --password-file "$BATS_TEST_TMPDIR/password"
    refute_output --partial sesame
    resv-store add <<<"$output"
    run ! grep -rqa sesame "$VAULT" "$BATS_FILE_TMPDIR/control"
}

@test "an answer that could not be written out comes again, for one booking" {
    start=$(day 7)
    code=0
    book "$start" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || code=$?
    assert_equal "$code" 74
    assert_equal "$(pending | wc -l)" 1
    run -0 --separate-stderr book "$start"
    assert_regex "$stderr" 'takes up the request'
    assert_equal "$(on_day "$start")" 1
    assert_equal "$(pending)" ''
    run -0 book "$start" # a new request, for the other channel
    assert_equal "$(on_day "$start")" 2
}

@test "killed at any moment and run again, it books once" {
    for ms in 0 5 8 10 12 14 16 18 20 22 25 30; do
        start=$(date -u -d "$(day 8) +$((ms * 2)) hours" +%Y-%m-%dT%H:%M:%SZ)
        resv-request book --start "$start" --duration 1h --rate 6M >/dev/null 2>&1 3>&- &
        sleep "0.0$(printf %02d "$ms")"
        kill -9 $! 2>/dev/null || true
        wait $! 2>/dev/null || code=$?
        # Once it has answered, and put away what it kept for a rerun, a second run would be a second
        # booking, as it should be.
        if [ "${code:-0}" != 0 ] && { [ -n "$(pending)" ] || [ "$(on_day "$start")" = 0 ]; }; then
            book "$start" >/dev/null 2>&1
        fi
        code=0
        assert_equal "$ms: $(on_day "$start")" "$ms: 1"
        assert_equal "$(pending)" ''
    done
}

@test "two identical commands at once, and control killed under them, book once when run again" {
    start=$(day 40)
    kill -STOP "$(<"$BATS_FILE_TMPDIR/control.pid")"
    start one timeout 20 resv-request book --start "$start" --duration 1h --rate 6M
    one=$started
    start two timeout 20 resv-request book --start "$start" --duration 1h --rate 6M
    two=$started
    wait_for 5 has_pending
    kill -KILL "$(<"$BATS_FILE_TMPDIR/control.pid")"
    wait "$one" || assert_equal $? 69
    wait "$two" || assert_equal $? 69
    run -69 book "$start"
    serve
    run -0 book "$start"
    assert_equal "$(on_day "$start")" 1
}

@test "time compares the clocks" {
    run -0 --separate-stderr resv-request time
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r '.type' <<<"$output")" time
    assert [ "$(jq '.offset_ms | fabs | floor' <<<"$output")" -lt 1000 ]
    run -0 resv-request time --table
    assert_output --partial 'at control'
}

@test "change moves, resizes and renames, or leaves all as it was and offers what can be had" {
    start=$(day 50)
    later=$(date -u -d "$start +30 min" +%Y-%m-%dT%H:%M:%SZ)
    id=$(book "$start" --channel one --title Old | tee "$BATS_TEST_TMPDIR/booking" | id_in)
    resv-store add <"$BATS_TEST_TMPDIR/booking"
    run -0 --separate-stderr resv-request change "$id" --start "$later" --title New --rate 5M
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -c 'select(.type == "reservation")|[.start, .title, .rate_bps, .revision, .generation]' \
        <<<"$output")" "[\"$later\",\"New\",5000000,2,2]"
    resv-store add <<<"$output"
    assert_equal "$(resv-store get "$id" | jq -r .window.start)" "$later"
    # Only what was seen is changed, and only what was said.
    run -1 resv-request change "$id" --revision 1 --title Stale
    assert_output --partial 'it was changed meanwhile'
    run -64 resv-request change "$id"
    run -64 resv-request change "$id" --end "$later" --duration 1h
    run -64 resv-request change "$id" --offer x --title y
    run -0 --separate-stderr resv-request change "$id" --revision 2 --title x --dry-run
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r '.method + .if_match + .body.title' <<<"$output")" 'PATCH"2"x'
    # In the way of another, which stays nameless.
    other=$(date -u -d "$start +2 hours" +%Y-%m-%dT%H:%M:%SZ)
    book "$other" --channel one >/dev/null
    before=$(resv-request show "$id")
    run -1 --separate-stderr resv-request change "$id" --duration 2h
    assert_regex "$stderr" 'channel:one: 1 needed, 0 available'
    assert_regex "$stderr" "hint: resv-request change $id --offer"
    assert_equal "$(resv-request show "$id")" "$before"
    offer=$(jq -r .offer <<<"${lines[0]}")
    run -1 resv-request book --offer "$offer"
    run -0 --separate-stderr resv-request change "$id" --offer "$offer"
    assert_equal "$(jq -r 'select(.type == "reservation").title' <<<"$output")" New
    assert_equal "$(pending)" ''
}

@test "a change that was killed or not heard happens once when it is run again" {
    id=$(book "$(day 53)" | id_in)
    code=0
    resv-request change "$id" --title Once >/dev/full 2>/dev/null || code=$?
    assert_equal "$code" 74
    run -0 --separate-stderr resv-request change "$id" --title Once
    assert_regex "$stderr" 'takes up the request'
    assert_equal "$(resv-request show "$id" | jq -r '.title + " " + (.revision | tostring)')" 'Once 2'
    assert_equal "$(pending)" ''
}

@test "book --now begins at once, or says what could" {
    run -64 resv-request book --now --start "$(day 56)" --duration 10m --rate 6M
    run -64 resv-request book --now --hold --duration 10m --rate 6M
    run -0 --separate-stderr resv-request book --now --duration 10m --rate 1M --channel one --dry-run
    assert_equal "$(jq -c '[.body.now, .body.duration_s, .body.start]' <<<"$output")" '[true,600,null]'
    run -0 --separate-stderr resv-request book --now --duration 10m --rate 1M --channel one --title Now
    assert_matches_schema resv-request <<<"$output"
    now=$(date +%s)
    # shellcheck disable=SC2016 # jq's
    assert_equal "$(jq -c --argjson now "$now" 'select(.type == "reservation")
        | [.state, .lead_in_s, (.start | sub("[.][0-9]+"; "") | fromdateiso8601 | $now - . | . >= 0 and . < 20)]' \
        <<<"$output")" '["booked",0,true]'
    resv-store add <<<"$output"
    id=$(id_in <<<"$output")
    run -1 --separate-stderr resv-request book --now --duration 10m --rate 1M --channel one
    assert_regex "$stderr" 'channel:one: 1 needed, 0 available'
    offer=$(jq -r 'select(.channel == "two").offer' <<<"$output" | head -1)
    run -0 --separate-stderr resv-request book --offer "$offer"
    assert_equal "$(jq -r 'select(.type == "reservation").channel' <<<"$output")" two
    resv-request cancel "$(id_in <<<"$output")" >/dev/null
    resv-request end "$id" >/dev/null
}

@test "the history of a reservation is whole, and resv-control finds where somebody edited it" {
    id=$(book "$(day 57)" --hold | id_in)
    resv-request commit "$id" >/dev/null
    resv-request change "$id" --title Later >/dev/null
    run -0 --separate-stderr resv-request show "$id" --history
    assert_matches_schema resv-request <<<"$output"
    assert_equal "$(jq -r .verb <<<"$output" | paste -sd ,)" hold,commit,change
    assert_equal "$(jq -c .changes <<<"${lines[2]}")" '{"title":"Later"}'
    assert_equal "$(resv-control --config "$CONTROL" history "$id" | jq -cS .)" "$(jq -cS . <<<"$output")"
    # The hash, made by others.
    last=$(jq -cS 'del(.hash)' <<<"${lines[2]}")
    assert_equal "$( (printf 'slotcast-history-v1\0' && printf %s "$last") | b2sum -l 256 | cut -d' ' -f1)" \
        "$(jq -r .hash <<<"${lines[2]}")"
    run -0 resv-control --config "$CONTROL" check
    assert_line --partial '"name":"history","ok":true'
    copy=$BATS_TEST_TMPDIR/copy
    mkdir "$copy"
    sqlite3 "$BATS_FILE_TMPDIR/control/ledger.sqlite" ".backup $copy/ledger.sqlite"
    cp "$BATS_FILE_TMPDIR"/control/*.key "$copy"
    chmod 700 "$copy"
    chmod 600 "$copy"/*
    sed "s|^data = .*|data = \"$copy\"|" "$CONTROL" >"$BATS_FILE_TMPDIR/copy.toml"
    sqlite3 "$copy/ledger.sqlite" "UPDATE history SET entry = replace(entry, 'Later', 'Other') WHERE sequence = 3"
    run -65 resv-control --config "$BATS_FILE_TMPDIR/copy.toml" history "$id"
    assert_output --partial "history of $id: entry 3 is not what its hash is of"
    run -78 resv-control --config "$BATS_FILE_TMPDIR/copy.toml" check
    assert_output --partial "history of $id: entry 3 is not what its hash is of"
    run -1 resv-control --config "$CONTROL" history 01j00000000000000000000000
    run -64 resv-control --config "$CONTROL" history x
}
