# carrier-connect with a real relay and a real control: the probe through the carrier, reservations
# that stay off it, and secrets that appear nowhere.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up -v; }
teardown_file() { stack_down; }
setup() {
    book 20 60
    RUN=$STACK/run
}
teardown() {
    on relay nft delete table inet deaf 2>/dev/null || true
    connect -q down "$ID"
    terminal resv-request end "$ID" >/dev/null 2>&1 || terminal resv-request cancel "$ID" >/dev/null 2>&1 || true
    end_started
}

connect() { terminal carrier-connect "$@"; }
running() { pgrep -P "$started" -x push-sender; } # the exec that was started last

# By its own pid, not that of a shell: signals are for it.
start_carrier() {
    local name=$1
    shift
    start "$name" nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" "$@"
}

# deaf ADDRESS…: questions to the relay's echo there are lost.
deaf() {
    on relay nft -f - <<-END
	table inet deaf { chain in { type filter hook input priority 0;
	    ip daddr { $(tr ' ' , <<<"$*") } udp dport 9001 counter drop
	}
	}
	END
}
asked() { on relay nft list table inet deaf | grep -o 'packets [0-9]*' | cut -d ' ' -f 2; }
nothing_left() {
    assert_equal "$(on terminal ip rule; on terminal ip -6 rule)" "$1"
    assert_equal "$(ls "$RUN/carriers")" ''
    run on terminal nft list table inet slotcast
    assert_failure
}
all_rules() {
    on terminal ip rule
    on terminal ip -6 rule
}
active_route() { on terminal ip route show table 4000 | grep ^default; }

@test "probe: the relay is asked through the carrier, and only through it" {
    run --separate-stderr -0 connect -v up "$ID"
    assert_equal "$(jq -c '[.carrier,.active]' <<<"$output")" '["lineA",true]'
    assert_regex "$stderr" 'carrier lineA: the relay answered after [0-9.]+ ms'
    [ "$(lab_bytes media carA)" -gt 0 ]
    assert_equal "$(lab_bytes media inet0)" 0
    assert_equal "$(lab_bytes media carB)" 0
    run --separate-stderr -0 connect -v up "$ID" --carrier lineB
    assert_regex "$stderr" 'carrier lineB: the relay answered'
    [ "$(lab_bytes media carB)" -gt 0 ]
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "probe: a dry run prints both parts of what up does, in order, and asks nothing" {
    done_by() { connect -v "$@" 2>&1 >/dev/null | sed -n -E 's/^carrier-connect: debug: ((ip|nft) )/\1/p'; }
    for line in lineA lineB lineA; do # the last one moves between two that are up
        before=$(lab_bytes media carA),$(lab_bytes media carB)
        connect up "$ID" --carrier "$line" --dry-run | jq -r .command >"$BATS_TEST_TMPDIR/steps"
        assert_equal "$(lab_bytes media carA),$(lab_bytes media carB)" "$before"
        run -0 diff "$BATS_TEST_TMPDIR/steps" <(done_by up "$ID" --carrier "$line")
        [ -s "$BATS_TEST_TMPDIR/steps" ]
    done
}

@test "probe: a line that leads nowhere is 69 with a hint, and nothing is left" {
    before=$(all_rules)
    deaf "$INGEST_A"
    run --separate-stderr -69 connect up "$ID"
    assert_output ''
    assert_regex "$stderr" "error: carrier lineA: the relay does not answer through interface carA \(UDP echo at $INGEST_A port 9001\)"
    assert_regex "$stderr" 'hint: .*--no-probe'
    assert_equal "$(asked)" 10
    nothing_left "$before"
    run -69 connect exec "$ID" -- touch "$BATS_TEST_TMPDIR/ran"
    assert_output --partial 'carrier lineA: the relay does not answer'
    assert_not_exists "$BATS_TEST_TMPDIR/ran"
    nothing_left "$before"

    # Where only the echo is lost, one can say so.
    asked=$(asked)
    run -0 connect -q exec "$ID" --no-probe -- true
    connect up "$ID" --no-probe >/dev/null
    assert_equal "$(asked)" "$asked"
    run active_route
    assert_output --partial 'dev carA'
}

@test "probe: the answer to a later question counts as well" {
    deaf "$INGEST_A"
    start_carrier up up "$ID"
    questions() { [ "$(asked)" -ge 3 ]; }
    wait_for 5 questions
    on relay nft delete table inet deaf
    wait "$started"
}

@test "probe: when the new line leads nowhere, the old one and the sender stay as they are" {
    connect up "$ID" >/dev/null
    start_carrier run exec "$ID" -- sleep 30
    wait_for 10 running
    on terminal sh -c 'ip rule; ip -6 rule; ip route show table all; nft -s list ruleset' >"$BATS_TEST_TMPDIR/before"
    cp -a "$RUN/carriers" "$BATS_TEST_TMPDIR/carriers"
    deaf "$INGEST_B"
    run -69 connect up "$ID" --carrier lineB
    assert_output --partial 'carrier lineB: the relay does not answer'
    run -0 diff "$BATS_TEST_TMPDIR/before" <(on terminal sh -c 'ip rule; ip -6 rule; ip route show table all; nft -s list ruleset')
    run -0 diff -r "$BATS_TEST_TMPDIR/carriers" "$RUN/carriers"
    run cat "$BATS_TEST_TMPDIR/run.err"
    refute_output --partial lineB
    # The same of a line that is in use: it stays, but the answer is no success.
    on relay nft delete table inet deaf
    deaf "$INGEST_A"
    run -69 connect up "$ID"
    run -0 diff "$BATS_TEST_TMPDIR/before" <(on terminal sh -c 'ip rule; ip -6 rule; ip route show table all; nft -s list ruleset')
    kill "$started"
    wait "$started" || true
}

@test "probe: while it asks, media is closed; stopped it cleans up, killed it stays closed" {
    before=$(all_rules)
    deaf "$INGEST_A"
    local code
    for signal in INT TERM KILL; do
        start_carrier up up "$ID"
        asked=$(asked)
        questions() { [ "$(asked)" -gt "$asked" ]; }
        wait_for 5 questions
        run -1 active_route
        run on terminal setpriv --reuid 64010 --regid 64010 --clear-groups ip route get "$INGEST_A"
        assert_failure
        kill -"$signal" "$started"
        code=0
        wait "$started" || code=$?
        if [ "$signal" = KILL ]; then
            run -1 active_route
            run connect status
            assert_equal "$(jq -c '[.carrier,.active]' <<<"$output")" '["lineA",false]'
            connect down "$ID"
        else
            assert_equal "$code" $((128 + $(kill -l "$signal")))
        fi
        nothing_left "$before"
    done
}

@test "watch: a silent cut moves the stream to the next line, and back when the first was good for 5 s" {
    start_carrier run exec "$ID" -- sleep 60
    wait_for 10 running
    start_carrier watch watch "$ID"
    events() { jq -e -s "any(.[]; $1)" "$BATS_TEST_TMPDIR/watch.out"; }
    wait_for 5 events '.event == "up" and .carrier == "lineA"'
    has_spare() { [ -s "$RUN/carriers/lineB.json" ]; }
    wait_for 5 has_spare
    run active_route
    assert_output --partial 'dev carA'
    deaf "$INGEST_A" # its interface stays as it was
    wait_for 5 events '.event == "moved" and .from == "lineA" and .carrier == "lineB" and .why == "suspect"'
    run active_route
    assert_output --partial 'dev carB'
    grep -q 'media moves from carrier lineA to lineB' "$BATS_TEST_TMPDIR/run.err"
    # Nothing is good: it stays.
    on relay nft delete table inet deaf
    deaf "$INGEST_A" "$INGEST_B"
    wait_for 5 events '.event == "suspect" and .carrier == "lineB"'
    run active_route
    assert_output --partial 'dev carB'
    on relay nft delete table inet deaf
    wait_for 20 events '.event == "moved" and .carrier == "lineA" and .why == "back"'
    good=$(jq -r 'select(.event == "good" and .carrier == "lineA") | .time' "$BATS_TEST_TMPDIR/watch.out" | tail -n 1)
    back=$(jq -r 'select(.event == "moved" and .carrier == "lineA") | .time' "$BATS_TEST_TMPDIR/watch.out")
    [ "$(echo "$(date -d "$back" +%s.%N) - $(date -d "$good" +%s.%N) > 4.8" | bc)" = 1 ]
    assert_equal "$(jq -c 'select(.event == "moved")' "$BATS_TEST_TMPDIR/watch.out" | wc -l)" 2
    assert_matches_schema carrier-connect <"$BATS_TEST_TMPDIR/watch.out"
    assert_equal "$(lab_bytes media inet0)" 0
    kill "$started"
    code=0
    wait "$started" || code=$?
    assert_equal "$code" 143
}

@test "isolate: the sender has nothing but loopback and its carriers, and viewers get what it sends" {
    terminal resv-request cancel "$ID" >/dev/null
    book 3 20
    before=$(lab_bytes media carA)
    start_carrier run exec "$ID" --isolate netns -- push-stream "$ID" test:
    wait_for 20 streaming
    has_interfaces() { [ "$(sed -n 's/^ *\([^ ]*\):.*/\1/p' "/proc/$(running)/net/dev" | sort | xargs)" = "$1" ]; }
    wait_for 5 has_interfaces 'carA carB lo'
    assert_equal "$(lab_bytes media inet0)" 0
    # This machine's filters know of the probe alone.
    [ $(($(lab_bytes media carA) - before)) -lt 10000 ]
    kill "$started"
    wait "$started" || true
}

@test "reservations stay off the carrier that holds the better default route" {
    run on terminal ip route get "$CONTROL_ADDRESS"
    assert_output --partial 'dev carB' # what a careless program would do
    connect up "$ID" --carrier lineB >/dev/null
    before=$(lab_bytes reservation inet0)
    # Not from 0: the kernel answers for those that the test before killed, with a bare reset.
    carriers=$(lab_bytes reservation carA),$(lab_bytes reservation carB)
    terminal resv-request show "$ID" >/dev/null
    # Not even the resets of connections that end in disorder, which belong to no socket.
    for _ in {1..40}; do terminal resv-request time >/dev/null; done
    [ "$(lab_bytes reservation inet0)" -gt $((before + 1000)) ]
    assert_equal "$(lab_bytes reservation carA),$(lab_bytes reservation carB)" "$carriers"
}

# everywhere FILE: what others might read of the lab's processes, with their names.
everywhere() {
    local host pid
    for host in $LAB_HOSTS; do
        for pid in $(ip netns pids "$LAB-$host"); do
            echo "process $(cat "/proc/$pid/comm")"
            cat "/proc/$pid/cmdline" "/proc/$pid/environ" | tr '\0' '\n'
        done
    done >"$1" 2>/dev/null
}

@test "ticket and passphrase are in no command line, environment, state file or diagnostics" {
    terminal resv-request cancel "$ID" >/dev/null
    book 8 8 # the former one still drains for 3 s
    terminal resv-store get "$ID" --url --reveal >"$BATS_TEST_TMPDIR/url"
    grep -oE 'streamid=[A-Za-z0-9_-]{198}' "$BATS_TEST_TMPDIR/url" | sed 's/.*=//' >"$BATS_TEST_TMPDIR/secrets"
    grep -oE '.{60}$' "$BATS_TEST_TMPDIR/secrets" >"$BATS_TEST_TMPDIR/part" # of its signature
    grep -oE 'passphrase=[A-Za-z0-9_-]{32}' "$BATS_TEST_TMPDIR/url" | sed 's/.*=//' >>"$BATS_TEST_TMPDIR/part"
    cat "$BATS_TEST_TMPDIR/part" >>"$BATS_TEST_TMPDIR/secrets"
    assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/secrets")" 3
    start push terminal carrier-connect -v exec "$ID" -- push-stream -v "$ID" test:
    wait_for 20 streaming
    mkdir "$BATS_TEST_TMPDIR/seen"
    everywhere "$BATS_TEST_TMPDIR/seen/processes"
    cp -r "$RUN" "$BATS_TEST_TMPDIR/seen/run"
    wait "$started"
    cp "$BATS_TEST_TMPDIR"/push.{out,err} "$STACK"/{control,relay}.{out,err} "$BATS_TEST_TMPDIR/seen"
    # The search finds what is there …
    for program in resv-control relay-serve relay-ingest carrier-connect push-sender push-stream; do
        run -0 grep -qx "process $program" "$BATS_TEST_TMPDIR/seen/processes"
    done
    assert_exists "$BATS_TEST_TMPDIR/seen/run/carriers/lineA.json"
    run -0 grep -q 'the relay answered' "$BATS_TEST_TMPDIR/seen/push.err"
    run -0 grep -rqF "$ID" "$BATS_TEST_TMPDIR/seen"
    run -0 grep -cF -f "$BATS_TEST_TMPDIR/secrets" "$BATS_TEST_TMPDIR/url"
    # … and the secrets nowhere.
    run -1 grep -raoF -f "$BATS_TEST_TMPDIR/secrets" "$BATS_TEST_TMPDIR/seen"
}
