# A carrier of type wwan: a modem of ModemManager's, which is a fake (tests/lib/fake_modemmanager.py) on a bus
# of the test's own. What it calls its interface is line A's end, without address and down until it is connected.

load ../lib/common
load ../lib/lab
load ../lib/stack

PIN=4711
PASSWORD=s3cret-of-the-sim

stack_edit() {
    (umask 077 && echo "$PASSWORD" >"$STACK/apn.password" && echo "$PIN" >"$STACK/pin")
    sed -i '/^\[carriers.lineA\]/,/^$/d' "$STACK/control.toml"
    cat >>"$STACK/control.toml" <<-END
	[carriers.lineA]
	type = "wwan"
	lines = 8
	capacity = "50M"
	apn = "event.carrier"
	user = "studio"
	password_file = "$STACK/apn.password"
	pin_file = "$STACK/pin"
	END
}
setup_file() {
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$STACK/bus
    stack_up
    dbus-daemon --session --nofork --address="$DBUS_SYSTEM_BUS_ADDRESS" >"$STACK/bus.out" 2>&1 3>&- 4>&- &
    echo $! >"$STACK/bus.pid"
    wait_for 5 test -S "$STACK/bus"
    # What leaks has a way.
    on terminal nft -f - <<-END
	table inet leaks {
	    counter media {}
	    chain out { type filter hook postrouting priority 500;
	        oifname != { "carA", "lo" } meta skuid $MEDIA_UID counter name media
	        oifname != { "carA", "lo" } ip daddr { $INGEST_A, $INGEST_B } counter name media
	    }
	}
	END
}
teardown_file() { stack_down; }
setup() {
    RUN=$STACK/run
    ip -n "$LAB-terminal" address flush dev carA
    ip -n "$LAB-terminal" link set carA down mtu 1500
}
teardown() {
    if [ -n "${ID:-}" ]; then
        connect -q down "$ID" || true
        terminal resv-request end "$ID" >/dev/null 2>&1 || terminal resv-request cancel "$ID" >/dev/null 2>&1 || true
    fi
    end_started
    rm -f "$RUN"/pin-*
}

connect() { terminal carrier-connect "$@"; }
# modem [MEMBERS]: the fake begins, with these beside what the settings need.
modem() {
    if [ -n "${started_modem:-}" ]; then
        kill "$started_modem"
        wait "$started_modem" || true
    fi
    CALLS=$BATS_TEST_TMPDIR/calls
    start modem /usr/bin/python3 -m dbusmock --system -l "$CALLS" -m -t "$SLOTCAST_ROOT/tests/lib/fake_modemmanager.py" \
        -p "{\"interface\": \"carA\", \"user\": \"studio\", \"password\": \"$PASSWORD\"${1:+, $1}}"
    wait_for 10 mm org.freedesktop.DBus.Introspectable.Introspect
}
# mm METHOD [ARGUMENT…]: of the fake's root object; mm_set PATH INTERFACE PROPERTIES
mm() { gdbus call --address "$DBUS_SYSTEM_BUS_ADDRESS" -d org.freedesktop.ModemManager1 -o /org/freedesktop/ModemManager1 -m "$@"; }
mm_set() {
    gdbus call --address "$DBUS_SYSTEM_BUS_ADDRESS" -d org.freedesktop.ModemManager1 -o "/org/freedesktop/ModemManager1/$1" \
        -m org.freedesktop.DBus.Mock.UpdateProperties "org.freedesktop.ModemManager1.$2" "$3"
}
called() { grep -c " $1\b" "$CALLS" || true; }
bearer() { jq -r .bearer "$RUN/line-lineA.bearer"; }
address() { ip -n "$LAB-terminal" -4 -j address show carA | jq -r '.[0].addr_info[]? | "\(.local)/\(.prefixlen)"'; }
leaked() { on terminal nft -j list counter inet leaks media | jq '[.nftables[].counter.packets? // empty] | add'; }
more() { [ "$(lab_bytes media carA)" -gt "$1" ]; }
flows() { wait_for 20 more $(($(lab_bytes media carA) + 300000)); }
nothing_left() {
    assert_equal "$(ls "$RUN/carriers")" ''
    assert_equal "$(find "$RUN" -name 'line-*')" ''
    assert_equal "$(on terminal ip rule | grep -c 'proto 151' || true)" 0
    run ! on terminal nft list table inet slotcast
    assert_equal "$(address)" ''
    assert_equal "$(ip -n "$LAB-terminal" -j link show carA | jq -r '.[0] | "\(.mtu) \(.flags | index("UP"))"')" '1500 null'
}
# refused CODE ERROR HINT: up fails so, and nothing is left.
refused() {
    run --separate-stderr "-$1" connect up "$ID"
    assert_regex "$stderr" "error: $2"
    assert_regex "$stderr" "hint: .*$3"
    refute_regex "$stderr" "$PIN|$PASSWORD"
    nothing_left
}
booked() { book 600 60; }

@test "wwan: booked, unlocked, connected, pushed and viewed, and nothing leaves another way" {
    modem "\"pin\": \"$PIN\""
    routes=$(ip -n "$LAB-terminal" route)
    book 3 25
    run --separate-stderr -0 connect up "$ID" --dry-run
    assert_matches_schema carrier-connect <<<"$output"
    run jq -r 'select(.action == "connect line").command' <<<"$output"
    assert_output 'mmcli -m any --simple-connect=apn=event.carrier,ip-type=ipv4'
    assert_equal "$(called SendPin)" 0
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" exec "$ID" -- push-stream --paths single "$ID" test:
    wait_for 30 streaming
    flows
    assert_equal "$(address)" 10.2.0.2/24
    assert_equal "$(ip -n "$LAB-terminal" -j link show carA | jq '.[0].mtu')" 1430
    assert_equal "$(ip -n "$LAB-terminal" route)" "$routes"
    run on terminal ip route show table 4000
    assert_line --partial 'default via 10.2.0.1 dev carA'
    assert_equal "$(connect status | jq -c 'select(.carrier == "lineA") | [.driver, .active, .intact]')" '["wwan",true,true]'
    # The secrets go over the bus, and nowhere else.
    assert_equal "$(called SendPin)" 1
    printf '%s\n' "$PIN" "$PASSWORD" >"$BATS_TEST_TMPDIR/secrets"
    for pid in $(ip netns pids "$LAB-terminal"); do
        tr '\0' '\n' <"/proc/$pid/cmdline"
        tr '\0' '\n' <"/proc/$pid/environ"
    done >"$BATS_TEST_TMPDIR/seen" 2>/dev/null
    run -0 grep -q carrier-modem "$BATS_TEST_TMPDIR/seen"
    cat "$RUN"/line-* "$RUN"/carriers/* "$BATS_TEST_TMPDIR"/run.{out,err} >>"$BATS_TEST_TMPDIR/seen"
    run -1 grep -wF -f "$BATS_TEST_TMPDIR/secrets" "$BATS_TEST_TMPDIR/seen"
    # The network ends the connection: that is a link event, and the line is connected again.
    first=$(bearer)
    mm_set "Bearer/${first##*/}" Bearer '{"Connected": <false>}'
    another() { [ "$(bearer)" != "$first" ] && [ "$(address)" = 10.2.0.2/24 ]; }
    wait_for 15 another
    flows
    kill "$started_run"
    wait "$started_run" || true
    assert_equal "$(leaked)" 0
    nothing_left
    assert_equal "$(called 'DeleteBearer')" 2
}

@test "wwan: up is repeated and killed at any moment; down ends what is ours, and only that" {
    modem '"slow": 0.4'
    booked
    for after in 0.1 0.5 0.8 1.5; do
        killed_after "$after" start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" up "$ID" --no-probe
        connect down "$ID"
        nothing_left
    done
    connect -q up "$ID" >/dev/null
    first=$(bearer)
    connect -q up "$ID" >/dev/null
    assert_equal "$(bearer)" "$first"
    # Killed, what watches over it, and in the middle of writing: down still knows the bearer.
    touch "$RUN/line-lineA.grant.0123456789abcdef.tmp" "$RUN/line-lineA.bearer.0123456789abcdef.tmp"
    kill -9 "$(jq '.owned.processes[0].pid' "$RUN/carriers/lineA.json")"
    run --separate-stderr -0 connect down "$ID" --dry-run
    assert_output --partial 'carrier-modem disconnect'
    connect down "$ID"
    nothing_left
    assert_equal "$(called Connect)" "$(called Disconnect)"
    # Another ModemManager gives the same paths to bearers of others.
    connect -q up "$ID" >/dev/null
    kill -STOP "$(jq '.owned.processes[0].pid' "$RUN/carriers/lineA.json")"
    sed -i "s#\"bearer\":\"[^\"]*\"#\"bearer\":\"/org/freedesktop/ModemManager1/Bearer/0\"#" "$RUN/line-lineA.bearer"
    modem '"taken": true'
    connect down "$ID"
    nothing_left
    assert_equal "$(called DeleteBearer)" 0
    refused 69 "carrier lineA: the line does not come up: the modem's interface carA is in use by another connection" 'end it'
    assert_equal "$(called DeleteBearer)" 0
}

# server ADDRESS [SECONDS]: of DHCP, behind line A; gives that address, for so long. hostile OPTION…: see there.
listens() { on relay ss -Hlun 'sport = :67' | grep -q .; }
stop_server() {
    [ -n "${started_server:-}" ] || return 0
    kill "$started_server"
    wait "$started_server" || true
    started_server=
}
hostile() {
    stop_server
    start server nsenter --net="/run/netns/$LAB-relay" hostile-dhcp linA "$@"
    wait_for 5 listens
}
server() {
    local conf=$BATS_TEST_TMPDIR/udhcpd
    stop_server
    rm -f "$conf.leases"
    touch "$conf.leases"
    printf '%s\n' "start $1" "end $1" "interface linA" "lease_file $conf.leases" "pidfile $conf.pid" "min_lease 2" \
        "option subnet 255.255.255.0" "option router 10.2.0.1" "option lease ${2:-3600}" "option mtu 1400" >"$conf"
    start server nsenter --net="/run/netns/$LAB-relay" busybox udhcpd -f "$conf"
    wait_for 5 listens
}

@test "wwan: an address that the modem leaves to DHCP is asked for, renewed while in use, and given up" {
    modem '"method": 3'
    server 10.2.0.50 6
    book 3 40
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" exec "$ID" -- push-stream --paths single "$ID" test:
    has_address() { [ "$(address)" = "$1" ]; }
    wait_for 15 has_address 10.2.0.50/24
    assert_equal "$(ip -n "$LAB-terminal" -j link show carA | jq '.[0].mtu')" 1400
    by_table() { on terminal ip route show table 4000 | grep -q "default via 10.2.0.1 dev carA proto 151 src $1 "; }
    wait_for 5 by_table 10.2.0.50
    flows
    # Renewed: its address and its bearer stay.
    first=$(bearer)
    renewed() { [ "$(grep -c 'sending ACK' "$BATS_TEST_TMPDIR/server.err")" -ge 4 ]; }
    wait_for 20 renewed
    assert_equal "$(address) $(bearer)" "10.2.0.50/24 $first"
    # The server gives another one from now on, and media goes on from there.
    server 10.2.0.60 6
    wait_for 20 has_address 10.2.0.60/24
    wait_for 5 by_table 10.2.0.60
    flows
    assert_equal "$(bearer)" "$first"
    # It is silent until the time is over, six seconds at most: so is the line.
    stop_server
    wait_for 12 has_address ''
    kill "$started_run"
    wait "$started_run" || true
    assert_equal "$(leaked)" 0
    nothing_left
}

@test "wwan: with DHCP, killed at any moment; a server that is silent, or offers what no host can have" {
    modem '"method": 3'
    booked
    server 10.2.0.50
    for after in 0.1 0.4 0.8; do
        killed_after "$after" start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" up "$ID" --no-probe
        connect down "$ID"
        nothing_left
    done
    connect -q up "$ID" >/dev/null
    kill -9 "$(jq '.owned.processes[0].pid' "$RUN/carriers/lineA.json")"
    connect down "$ID"
    nothing_left
    # While it asks: the interface is up and has nothing yet.
    stop_server
    asks() { ip netns pids "$LAB-terminal" | sed 's,.*,/proc/&/comm,' | xargs grep -qsx udhcpc; }
    start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" up "$ID" --no-probe
    wait_for 10 asks
    kill -9 "$started_up" "$(jq '.owned.processes[0].pid' "$RUN/carriers/lineA.json")"
    asks_no_more() { ! asks; }
    wait_for 2 asks_no_more
    connect down "$ID"
    nothing_left
    hostile ip=127.0.0.5
    refused 69 'carrier lineA: the line does not come up: what the DHCP server offers is refused: .* no address that a host can have' ''
    hostile 3=c0000201
    refused 69 'carrier lineA: .* offers is refused: gateway 192.0.2.1 is not on the network' ''
    stop_server
    refused 69 'carrier lineA: .* this modem leaves its address to DHCP, and no server gives a lease on carA' 'mmcli'
}

@test "wwan: a wrong PIN is sent once, however often and for whatever is asked" {
    modem '"pin": "0000"'
    booked
    refused 69 'carrier lineA: the line does not come up: the SIM does not take the PIN; 2 attempts are left' 'correct it in the settings, and unlock'
    assert_equal "$(called SendPin)" 1
    refused 69 "carrier lineA: .* the SIM's PIN was tried before and not taken: it is not sent a second time; 2 attempts are left" 'correct it'
    # Forgotten, as by a restart of the machine: the SIM itself tells.
    rm "$RUN"/pin-*
    refused 69 'carrier lineA: .* somebody gave the SIM a wrong PIN before: none is sent; 2 attempts are left' 'correct it'
    assert_equal "$(called SendPin)" 1
    # One that does not count aloud.
    modem '"pin": "0000", "says_retries": false'
    refused 69 'carrier lineA: .* the SIM does not take the PIN; how many attempts are left it does not say' 'correct it'
    refused 69 'carrier lineA: .* tried before' 'correct it'
    assert_equal "$(called SendPin)" 1
    # Unlocked by hand, it is used, and the next lock may be tried again.
    mm_set Modem/0 Modem '{"State": <3>, "UnlockRequired": <uint32 1>}'
    connect -q up "$ID" >/dev/null
    connect down "$ID"
    assert_equal "$(find "$RUN" -name 'pin-*')" ''
}

@test "wwan: what does not connect is told with its reason, and leaves nothing" {
    booked
    refused 69 'carrier lineA: the line does not come up: ModemManager is not on the system bus' 'apt install modemmanager'
    modem '"modem": false'
    refused 69 'carrier lineA: .* there is no modem' 'is it plugged in'
    modem '"interface": "wwan7"'
    refused 69 'carrier lineA: .* has interface wwan7, not carA' 'terminal.toml'
    modem '"failed": 2'
    refused 69 'carrier lineA: .* the modem has no SIM' 'put one in'
    modem '"registration": 3'
    refused 69 'carrier lineA: .* the network denies the registration' 'ask the access side'
    modem '"apn": "another"'
    refused 69 'carrier lineA: .* connect: wrong apn' ''
    modem '"method": 1'
    refused 69 'carrier lineA: .* this modem wants PPP to be spoken on carA' 'type ppp'
    modem '"address": "127.0.0.5"'
    refused 69 'carrier lineA: .* 127.0.0.5/24 is no address that a host can have' ''
    modem '"gateway": "192.0.2.1"'
    refused 69 'carrier lineA: .* gateway 192.0.2.1 is not on the network of the address' ''
    modem '"mtu": 60'
    refused 69 'carrier lineA: .* an MTU of 60 bytes' ''
    sed 's/^\[carriers.lineA\]/&\nmodem = "9"/' "$STACK/terminal.toml" >"$BATS_TEST_TMPDIR/terminal.toml"
    run --separate-stderr -69 on terminal carrier-connect --config "$BATS_TEST_TMPDIR/terminal.toml" up "$ID"
    assert_regex "$stderr" 'there is no modem 9'
    nothing_left
}
