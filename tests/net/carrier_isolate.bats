# carrier-connect exec --isolate netns: what the sender sees and reaches, what is left of it.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() {
    carriers_up
    # A sender that only writes down what it is and what it is told, beside the real carrier-connect.
    mkdir "$CARRIERS/bin"
    cp "$SLOTCAST_BUILD/bin/carrier-connect" "$CARRIERS/bin"
    cp "$SLOTCAST_BUILD/tests/tools/record-sender" "$CARRIERS/bin/push-sender"
    count_escaped
    # What reaches the relay besides that which is for its ingest.
    on relay nft -f - <<-END
	table inet strays { chain in { type filter hook prerouting priority -500;
	    iifname "lin*" th dport != 9000 meta l4proto { tcp, udp } counter
	    iifname "lin*" tcp dport 9000 counter
	}
	}
	END
    # Whoever asks the relay there is answered.
    cat >"$CARRIERS/echo.py" <<-END
	import socket, threading
	def serve(family, address):
	    with socket.socket(family, socket.SOCK_DGRAM) as s:
	        s.bind((address, 9000))
	        while True:
	            data, sender = s.recvfrom(2048)
	            s.sendto(data, sender)
	threading.Thread(target=serve, args=(socket.AF_INET, "$INGEST_A"), daemon=True).start()
	serve(socket.AF_INET6, "$INGEST6_A")
	END
    ON_EXEC=1 on relay python3 "$CARRIERS/echo.py" >/dev/null 2>&1 3>&- 4>&- &
    export ECHO_PID=$!
}
teardown_file() {
    kill "$ECHO_PID"
    lab_down
}
setup() {
    carriers_reset
    event
    LOG=$BATS_TEST_TMPDIR/run.err
    PATH=$CARRIERS/bin:$PATH
    on terminal nft reset counters table netdev escaped >/dev/null
}
teardown() { end_started; }

# What leaves by the Internet's interface, whichever way it came there: behind all that could hold it.
count_escaped() {
    on terminal nft -f - <<-END
	table netdev escaped { chain out { type filter hook egress device "inet0" priority 500;
	    ip daddr { $INGEST_A, $INGEST_B, 192.0.2.1, $CONTROL_ADDRESS } counter
	    ip6 daddr { $INGEST6_A, 2001:db8::1 } counter
	    ip saddr { 10.2.0.2, 10.3.0.2 } counter
	    ip6 saddr { fd00:10:2::2, fd00:10:3::2 } counter
	}
	}
	END
}
escaped() { on terminal nft list table netdev escaped | awk '/counter packets/ {n += $(NF - 2)} END {print n + 0}'; }

# Starts an exec whose sender is there; $SENDER is its pid.
isolated() {
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" --isolate netns -- sleep 30
    wait_for 5 path_is lineA
    SENDER=$(pgrep -P "$started" -f 'push-sender --plan-fd')
}
path_is() { [ "$(grep '"type":"plan"' "$LOG" | tail -n 1 | jq -r '.paths[0].carrier // "none"')" = "$1" ]; }
# As the sender, in its namespace.
inside() { nsenter --net="/proc/$SENDER/ns/net" setpriv --reuid "$MEDIA_UID" --regid "$MEDIA_UID" --clear-groups "$@"; }
seen() { sed -n 's/^ *\([^ ]*\):.*/\1/p' "/proc/$SENDER/net/dev" | sort | xargs; }
# ask ADDRESS [INTERFACE]: whether the relay there answers the sender, or $ask.
ask() {
    "${ask:-inside}" timeout 5 python3 - "$@" <<-'END'
	import socket, sys
	address = sys.argv[1]
	s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
	if len(sys.argv) > 2:
	    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[2].encode())
	s.settimeout(0.5)
	s.connect((address, 9000))
	s.send(b"x" * 1316)
	sys.exit(s.recv(2048) != b"x" * 1316)
	END
}
# nowhere: what the sender sends to others than the relay, and to it by TCP, leaves by no interface.
nowhere() {
    local address
    on relay nft reset counters table inet strays >/dev/null
    for address in 192.0.2.1 "$CONTROL_ADDRESS" 10.2.0.1 10.3.0.1 2001:db8::1 fd00:10:2::1; do
        inside timeout 5 bash -c "$(send "$address")" 2>/dev/null || true
    done
    inside timeout 0.3 bash -c "echo x >/dev/tcp/$INGEST_A/9000" 2>/dev/null || true
    assert_equal "$(on relay nft list table inet strays | grep -c 'packets 0 ')" 2
    assert_equal "$(escaped)" 0
}
pairs() { ip -n "$LAB-terminal" -br link show type veth | grep -c '^sci' || true; }
tables() { on terminal nft list tables | grep -c 'netdev slotcast' || true; }
ended_with() {
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" "$1"
}
nothing_left() {
    assert_equal "$(pairs)" 0
    assert_equal "$(tables)" 0
    assert_equal "$(ls "$CARRIERS/run/carriers")" ''
    assert_equal "$(rules -4)$(rules -6)" ''
}

@test "isolate: the sender sees loopback and its carrier, and reaches the relay alone" {
    routing >"$BATS_TEST_TMPDIR/before"
    for relay in "$INGEST_A" "$INGEST6_A"; do
        event --host "$relay"
        isolated
        assert_equal "$(seen)" 'carA lo'
        [ "$(readlink "/proc/$SENDER/ns/net")" != "$(readlink "/proc/$started/ns/net")" ]
        before=$(tx carA)
        ask "$relay"
        ask "$relay" carA
        [ "$(tx carA)" -ge $((before + 2)) ]
        run ! ask "$relay" inet0
        nowhere
        # All else on the line goes as it went: others see the relay by it, and are answered.
        ask=as_user ask "$relay"
        run -0 connect status
        assert_equal "$(jq -c '[.carrier,.active,.intact]' <<<"$output")" '["lineA",true,true]'
        kill "$started"
        ended_with 143
        nothing_left
        run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    done
}

@test "isolate: with all rules, routes and filters of the machine gone nothing leaks, and media goes on" {
    for relay in "$INGEST_A" "$INGEST6_A"; do
        event --host "$relay"
        isolated
        kill -STOP "$started" # which would put them back
        for family in -4 -6; do
            on terminal ip "$family" rule flush
            on terminal ip "$family" rule add pref 32766 lookup main
            for table in 4000 4001; do on terminal ip "$family" route flush table "$table"; done
        done
        on terminal nft flush ruleset # not that of a process: it has an owner
        count_escaped
        count_leaks
        ask "$relay"
        nowhere
        # Nor with the line gone, when there is only the Internet left.
        ip -n "$LAB-terminal" link delete carA
        run ! ask "$relay"
        assert_equal "$(escaped)" 0
        kill -CONT "$started"
        kill "$started"
        ended_with 143
        nothing_left
        carriers_reset
    done
}

@test "isolate: it follows up, down, and a line that goes and comes back" {
    isolated
    connect -q up "$ID" --carrier lineB >/dev/null
    wait_for 5 path_is lineB
    both() { [ "$(seen)" = 'carA carB lo' ]; }
    wait_for 5 both
    ask "$INGEST_A" carB
    ip -n "$LAB-terminal" link delete carB
    one() { [ "$(seen)" = 'carA lo' ]; }
    wait_for 5 one
    run ! ask "$INGEST_A"
    lab_wire terminal carB 10.3.0.2/24 relay linB 10.3.0.1/24
    wait_for 5 both
    wait_for 5 ask "$INGEST_A" carB
    connect down "$ID"
    run ! ask "$INGEST_A" # at once; what the sender sees of it, exec takes away a moment later
    path_is none
    nothing() { [ "$(seen)" = lo ] && [ "$(pairs)" = 0 ]; }
    wait_for 5 nothing
    connect -q up "$ID" >/dev/null
    wait_for 5 one
    ask "$INGEST_A"
    assert_equal "$(escaped)" 0
    kill "$started"
    ended_with 143
    nothing_left
}

@test "isolate: killed, its sender reaches nothing, and all is gone with it" {
    isolated
    kill -STOP "$SENDER"
    kill -KILL "$started"
    ended_with 137
    gone() { [ "$(tables)" = 0 ]; }
    wait_for 5 gone
    assert_equal "$(seen)" 'carA lo' # it lives on, as long as it is stopped
    run ! ask "$INGEST_A"
    nowhere
    # Up and down do not mind.
    connect -q up "$ID" --carrier lineA >/dev/null
    as_user timeout 5 bash -c "$(send "$INGEST_A")"
    connect down "$ID"
    kill -CONT "$SENDER"
    no_pairs() { [ "$(pairs)" = 0 ]; }
    wait_for 5 no_pairs
    nothing_left
}

@test "isolate: two at a time on one line do not hear each other" {
    isolated
    one=$started first=$SENDER
    event
    LOG=$BATS_TEST_TMPDIR/other.err
    start other nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" --isolate netns -- sleep 30
    wait_for 5 path_is lineA
    SENDER=$(pgrep -P "$started" -f 'push-sender --plan-fd')
    assert_equal "$(pairs)" 2
    ask "$INGEST_A"
    SENDER=$first ask "$INGEST_A"
    kill "$one"
    wait "$one" || true
    ask "$INGEST_A"
    assert_equal "$(pairs)" 1
    assert_equal "$(escaped)" 0
    kill "$started"
    ended_with 143
    nothing_left
}

@test "isolate: a dry run prints the steps; what cannot be done is refused before anything is" {
    routing >"$BATS_TEST_TMPDIR/before"
    run --separate-stderr -0 connect exec "$ID" --isolate netns --dry-run -- true
    assert_matches_schema carrier-connect <<<"$output"
    run jq -r 'select(.action == "isolate").command' <<<"$output"
    assert_line 'ip link add sciN type veth peer name carA netns SENDER'
    assert_line --partial "ip daddr $INGEST_A update"
    run --separate-stderr -64 connect exec "$ID" --isolate chroot -- true
    run -77 on terminal setpriv --bounding-set -sys_admin carrier-connect exec "$ID" --isolate netns -- true
    assert_output --partial 'needs root or CAP_SYS_ADMIN'
    assert_output --partial 'hint: '
    run -0 on terminal setpriv --bounding-set -sys_admin carrier-connect -q exec "$ID" -- true
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    nothing_left
}
