# carrier-connect exec: users, descriptors, signals, exit codes; moves while it runs; puts back what
# others take away.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() {
    carriers_up
    # A sender that only writes down what it is and what it is told, beside the real carrier-connect.
    mkdir "$CARRIERS/bin"
    cp "$SLOTCAST_BUILD/bin/carrier-connect" "$CARRIERS/bin"
    cp "$SLOTCAST_BUILD/tests/tools/record-sender" "$CARRIERS/bin/push-sender"
}
teardown_file() { lab_down; }
setup() {
    carriers_reset
    event
    LOG=$BATS_TEST_TMPDIR/run.err
    PATH=$CARRIERS/bin:$PATH
}
teardown() { end_started; }

# By its own pid, not that of a shell: signals are for it.
start_exec() { start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" "$@"; }
exec_() { connect -q exec "$ID" "$@"; }
plans() { grep '"type":"plan"' "$LOG"; }
path_is() { [ "$(plans | tail -n 1 | jq -r '.paths[0].carrier // "none"')" = "$1" ]; }
ended_with() {
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" "$1"
}
clean() { [ -z "$(rules -4)$(rules -6)$(ls "$CARRIERS/run/carriers")" ]; }

@test "exec: the command's exit status is ours, 126 and 127 when it cannot be run" {
    run -0 exec_ -- true
    run -7 exec_ -- sh -c 'exit 7'
    run -137 exec_ -- sh -c 'kill -KILL $$'
    run -127 exec_ -- /no/such/program
    assert_output --partial 'error: run /no/such/program: '
    run -126 exec_ -- /etc/passwd
    clean
}

@test "exec: a dry run prints the steps of up, and runs nothing" {
    routing >"$BATS_TEST_TMPDIR/before"
    run --separate-stderr -0 connect up "$ID" --carrier lineB --dry-run
    [ "${#lines[@]}" -gt 10 ]
    wanted=$output
    run --separate-stderr -0 connect exec "$ID" --carrier lineB --dry-run -- touch "$BATS_TEST_TMPDIR/ran"
    assert_output "$wanted"
    assert_not_exists "$BATS_TEST_TMPDIR/ran"
    assert_not_exists "$CARRIERS/bin/push-sender.log"
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    clean
    run -1 connect exec "$ID" --carrier lineX --dry-run -- true
}

@test "exec: the sender is the media user without privileges, and knows what it must" {
    connect exec "$ID" -- sleep 1 2>"$LOG"
    run -0 sed 's/[[:space:]][[:space:]]*/ /g' "$LOG"
    assert_line 'env PATH'
    assert_line 'fds 0 1 2 3 4'
    assert_line "Uid: $MEDIA_UID $MEDIA_UID $MEDIA_UID $MEDIA_UID"
    assert_line "Gid: $MEDIA_UID $MEDIA_UID $MEDIA_UID $MEDIA_UID"
    assert_line --regexp '^Groups: ?$'
    assert_line 'CapEff: 0000000000000000'
    assert_line 'CapBnd: 0000000000000000'
    assert_line 'NoNewPrivs: 1'
    plan=$(plans | head -n 1)
    assert_equal "$(jq -r '.paths[0] | "\(.carrier) \(.interface) \(.source4) \(.source6) \(.host) \(.port)"' <<<"$plan")" \
        "lineA carA 10.2.0.2 fd00:10:2::2 $INGEST_A 9000"
    assert_equal "$(jq -r '.paths[0].ticket | length' <<<"$plan")" 198
    assert_equal "$(jq -r '.paths[0].passphrase | length' <<<"$plan")" 32
    assert_equal "$(jq -r .reservation <<<"$plan")" "$ID"
}

@test "exec: the command is the user who called sudo, and inherits the reader's socket" {
    run --separate-stderr -0 env SUDO_UID=1000 SUDO_GID=1000 PATH="$PATH" \
        nsenter --net="/run/netns/$LAB-terminal" carrier-connect -q exec "$ID" -- \
        sh -c 'id -u; id -g; readlink /proc/self/fd/$SLOTCAST_SENDER_FD; grep CapEff /proc/self/status'
    assert_line --index 0 1000
    assert_line --index 1 1000
    assert_line --index 2 --regexp '^socket:'
    assert_line --index 3 --regexp '0000000000000000$'
    # Long enough for the sender that records its plan to do so.
    run --separate-stderr -0 exec_ -- sh -c 'sleep 1; id -u'
    assert_output 0
    # Secrets are nowhere that others can read.
    ticket=$(jq -r 'select(.type == "plan").paths[0].ticket' <<<"$(grep '"plan"' <<<"$stderr")")
    assert_equal "${#ticket}" 198
    run --separate-stderr exec_ -- sh -c 'cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr "\0" "\n"; ls -R "$1"; cat "$1"/carriers/*' \
        sh "$CARRIERS/run"
    refute_output --partial "$ticket"
}

@test "exec: up in another shell moves it, down stops it, up starts it again" {
    start_exec -- sleep 30
    wait_for 5 path_is lineA
    connect -q up "$ID" --carrier lineB >/dev/null
    wait_for 5 path_is lineB
    run on terminal ip route show table 4000
    assert_line --partial 'default via 10.3.0.1 dev carB'
    connect down "$ID"
    wait_for 5 path_is none
    connect -q up "$ID" >/dev/null
    wait_for 5 path_is lineA
    run -75 connect exec "$ID" -- true
    assert_output --partial 'another carrier-connect exec is running it'
    kill "$started"
    ended_with 143
    clean
}

# What a sender sends until it has heard of `down` must not find the default route open.
@test "exec: down waits for the sender, and keeps routes and guard until it has let go" {
    start_exec -- sleep 30
    wait_for 5 path_is lineA
    closed() {
        on terminal sh -c 'ip rule; ip -6 rule; nft -s list table inet slotcast
            ip route show table 4001; ip -6 route show table 4001'
    }
    closed >"$BATS_TEST_TMPDIR/up"
    sender=$(pgrep -P "$started" -f 'push-sender --plan-fd')
    kill -STOP "$sender"
    run -75 connect down "$ID"
    assert_output --partial 'does not let go'
    run -0 diff "$BATS_TEST_TMPDIR/up" <(closed)
    as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A")" 2>/dev/null || true
    assert_equal "$(leaked)" 0
    # Up again, elsewhere: what is leaving goes, the rest stays.
    connect -q up "$ID" --carrier lineB >/dev/null
    kill -CONT "$sender"
    wait_for 5 path_is lineB
    alone() { [ "$(ls "$CARRIERS/run/carriers")" = lineB.json ]; }
    wait_for 5 alone
    on terminal nft list table inet slotcast
    connect down "$ID"
    path_is none
    clean
    run ! on terminal nft list table inet slotcast
    kill "$started"
    ended_with 143
}

@test "exec: down cleans up when the exec that it waits for is killed" {
    start_exec -- sleep 30
    wait_for 5 path_is lineA
    kill -STOP "$started"
    connect down "$ID" &
    down=$!
    wait_for 5 grep -q '"leaving":true' "$CARRIERS/run/carriers/lineA.json"
    kill -KILL "$started"
    wait "$down"
    clean
}

@test "exec: rules, routes and guard that somebody removes come back" {
    start_exec -- sleep 30
    wait_for 5 path_is lineA
    routing >"$BATS_TEST_TMPDIR/up"
    same() { diff "$BATS_TEST_TMPDIR/up" <(routing); }
    same_six() { on terminal ip -6 rule | grep -q ^701:; }
    on terminal ip rule flush
    on terminal ip rule add pref 32766 lookup main
    on terminal ip rule add pref 32767 lookup default
    wait_for 5 same
    on terminal ip -6 rule del pref 701
    wait_for 5 same
    on terminal ip route flush table 4000
    on terminal ip -6 route flush table 4001
    wait_for 5 same
    on terminal nft flush chain inet slotcast guard
    wait_for 5 same
    on terminal nft delete table inet slotcast
    wait_for 5 same
    run cat "$LOG"
    assert_output --partial 'warning: another program removed rules of ours'
    # One that stands before ours stays, and is told once.
    refute_output --partial 'stands before ours'
    on terminal ip rule add fwmark 9 lookup 77
    wait_for 5 grep -q 'warning: a rule of another program stands before ours: IPv4: pref 503 fwmark 0x9 lookup 77' "$LOG"
    on terminal ip -6 rule del pref 701
    wait_for 5 same_six
    assert_equal "$(grep -c 'stands before ours' "$LOG")" 1
    on terminal ip rule del pref 503
    wait_for 5 same
    kill "$started"
    ended_with 143
    clean
}

@test "exec: a line that goes away stays closed, is reported, and is used again when it is back" {
    start_exec -- sleep 30
    wait_for 5 path_is lineA
    ip -n "$LAB-terminal" link set carA down
    wait_for 5 grep -q 'warning: carrier lineA: interface carA is down' "$BATS_TEST_TMPDIR/run.err"
    run on terminal ip route show table 4000
    assert_output --regexp '^unreachable default proto 151 metric 4278198272 *$'
    as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A")" 2>/dev/null || true
    assert_equal "$(leaked)" 0
    ip -n "$LAB-terminal" link set carA up
    back() { on terminal ip route show table 4000 | grep -q 'default via 10.2.0.1 dev carA'; }
    wait_for 5 back
    ip -n "$LAB-terminal" link delete carA
    wait_for 5 grep -q 'interface carA is gone' "$BATS_TEST_TMPDIR/run.err"
    as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A")" 2>/dev/null || true
    assert_equal "$(leaked)" 0
    kill "$started"
    ended_with 143
    clean
}

@test "exec: signals go to the command, whose end is awaited" {
    start_exec -- sh -c 'trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
    wait_for 5 grep -q ready "$BATS_TEST_TMPDIR/run.out"
    kill -TERM "$started"
    ended_with 3
    assert_equal "$(tail -n 1 "$BATS_TEST_TMPDIR/run.out")" 'got it'
    clean
}

@test "exec: killed, it leaves everything closed, and down cleans up" {
    start_exec -- sleep 2
    wait_for 5 path_is lineA
    sender=$(pgrep -P "$started" -f 'push-sender --plan-fd')
    kill -KILL "$started"
    ip -n "$LAB-terminal" link set carA down
    as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A")" 2>/dev/null || true
    as_user timeout 5 bash -c "$(send "$INGEST_A")" 2>/dev/null || true
    assert_equal "$(leaked)" 0
    ended() { ! kill -0 "$sender"; }
    wait_for 5 ended
    connect down "$ID"
    clean
}

@test "exec: a sender that dies is reported, and the command goes on to its own end" {
    start_exec -- sh -c 'while [ ! -e "$1" ]; do sleep 0.05; done; exit 5' sh "$BATS_TEST_TMPDIR/end"
    wait_for 5 path_is lineA
    kill -KILL "$(pgrep -P "$started" -f 'push-sender --plan-fd')"
    wait_for 5 grep -q 'error: the sender was killed by signal 9; push-stream cannot go on' "$LOG"
    kill -0 "$started"
    connect -q up "$ID" --carrier lineB >/dev/null # for an encoder that does without the sender
    touch "$BATS_TEST_TMPDIR/end"
    ended_with 5
    assert_equal "$(grep -c error: "$LOG")" 1
    clean
}

@test "exec: with a full disk another carrier is refused, and the one in use goes on" {
    # shellcheck disable=SC2016 # for the inner shell
    run -0 on_full_disk 64k "$CARRIERS/run" bash -c '
        folder=$1 log=$4 enter="nsenter --net=/run/netns/$2-terminal"
        look() { ls "$folder/carriers"; $enter ip route show table 4000; $enter ip rule; }
        $enter carrier-connect exec "$3" -- sleep 30 2>"$log" & exec=$!
        for _ in $(seq 100); do grep -q "\"carrier\":\"lineA\"" "$log" && break; sleep 0.05; done
        look >"$log.before"
        dd if=/dev/zero of="$folder/fill" bs=1k count=100 2>/dev/null
        $enter carrier-connect up "$3" --carrier lineB; echo "up: $?"
        look | diff "$log.before" - && echo "all as it was"
        kill -0 $exec && echo "exec goes on"
        kill $exec; wait $exec; echo "exec: $?"
        look' bash "$CARRIERS/run" "$LAB" "$ID" "$LOG"
    assert_line --partial 'error: '
    assert_line 'up: 74'
    assert_line 'all as it was'
    assert_line 'exec goes on'
    assert_line 'exec: 143'
    refute_line 'lineA.json' # a full disk does not keep it from cleaning up
    run cat "$LOG"
    refute_output --partial lineB
    assert_output --partial '"carrier":"lineA"'
    clean
}

@test "exec: what is over, foreign or unknown does not start" {
    make-settings --terminal "$CARRIERS/terminal" --start 2020-01-01T00:00:00Z --duration 1m \
        --not-after 2099-01-01T00:00:00Z --carrier lineA >"$BATS_TEST_TMPDIR/over"
    run -1 connect exec "$(jq -r .reservation "$BATS_TEST_TMPDIR/over")" \
        --settings "$BATS_TEST_TMPDIR/over" -- true
    assert_output --partial 'is over since 2020-01-01T00:01:10Z'
    run -1 connect exec 01arz3ndektsv4rrffq69g5fav -- true
    run -1 connect exec "$ID" --carrier lineX -- true
    assert_output --partial "hint: it has lineA, lineB"
    clean
}
