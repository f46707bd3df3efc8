# A carrier of type link whose address comes by DHCP, from busybox' server behind line A; and from one that
# means ill.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() { carriers_up; }
teardown_file() { lab_down; }
setup() {
    carriers_reset
    ip -n "$LAB-terminal" -4 address flush dev carA
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/terminal.toml"
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/terminal.toml
    sed -i '/gateway4 = "10.2.0.1"/s/.*/dhcp = true/' "$SLOTCAST_CONFIG"
    RUN=$CARRIERS/run
    # The settings' own gateway is not that of today's lease.
    event --connection 'link={"gateway4":"10.2.0.200","gateway6":""}'
}
teardown() {
    connect -q down "$ID"
    end_started
}

# server FIRST LAST ROUTER: begins anew, with those addresses to give.
server() {
    local conf=$BATS_TEST_TMPDIR/udhcpd
    [ -z "${started_server:-}" ] || stop_server
    rm -f "$conf.leases"
    touch "$conf.leases"
    cat >"$conf" <<-END
	start $1
	end $2
	interface linA
	lease_file $conf.leases
	pidfile $conf.pid
	option subnet 255.255.255.0
	option router $3
	option lease 3600
	option mtu 1400
	option dns 192.0.2.53
	option domain elsewhere.example
	END
    start server nsenter --net="/run/netns/$LAB-relay" busybox udhcpd -f "$conf"
    wait_for 5 listens
}
listens() { on relay ss -Hlun 'sport = :67' | grep -q .; }
stop_server() {
    kill "$started_server"
    wait "$started_server" || true
}
hostile() {
    [ -z "${started_server:-}" ] || stop_server
    start server nsenter --net="/run/netns/$LAB-relay" hostile-dhcp linA "$@"
    wait_for 5 listens
}
said() { grep -c "$1" "$BATS_TEST_TMPDIR/server.$2" || true; }
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
address() { ip -n "$LAB-terminal" -4 -j address show carA | jq -r '.[0].addr_info[]? | "\(.local)/\(.prefixlen)"'; }
has_address() { [ "$(address)" = "$1" ]; }
client() { jq -r '.owned.processes[0].pid' "$RUN/carriers/lineA.json"; }
mtu() { ip -n "$LAB-terminal" -j link show carA | jq '.[0].mtu'; }
others() {
    on terminal ip -4 route show table main
    ip -n "$LAB-terminal" -4 address show carB
    ip -n "$LAB-terminal" -4 address show inet0
    on terminal hostname
    cat /etc/resolv.conf /etc/hosts
}
nothing_left() {
    assert_equal "$(ls "$RUN/carriers")" ''
    assert_equal "$(find "$RUN" -name 'line-*')" ''
    assert_equal "$(rules -4)$(rules -6)" ''
    assert_equal "$(address)" ''
    assert_equal "$(mtu)" 1500
}
refused() {
    run --separate-stderr "-$1" connect up "$ID"
    assert_regex "$stderr" "error: $2"
    nothing_left
}

@test "dhcp: the lease's address and gateway go into the carrier's own table, and nothing else changes" {
    before=$(others)
    server 10.2.0.50 10.2.0.50 10.2.0.1
    run --separate-stderr -0 connect up "$ID" --dry-run
    assert_equal "$(jq -r 'select(.action == "connect line").command' <<<"$output")" 'udhcpc -f -n -R -i carA -s carrier-lease'
    run --separate-stderr -0 connect up "$ID"
    assert_matches_schema carrier-connect <<<"$output"
    assert_equal "$(jq -c '[.carrier,.driver,.active,.intact]' <<<"$output")" '["lineA","dhcp",true,true]'
    assert_equal "$(jq -r '.sources | join(" ")' <<<"$output")" '10.2.0.50 fd00:10:2::2'
    assert_equal "$(address)" 10.2.0.50/24
    assert_equal "$(mtu)" 1400
    run on terminal ip route show table 4000
    assert_output --partial 'default via 10.2.0.1 dev carA proto 151 src 10.2.0.50 metric 10'
    assert_equal "$(others)" "$before"
    # Again, and for another reservation: it is there.
    pid=$(client)
    connect -q up "$ID" >/dev/null
    assert_equal "$(client)" "$pid"
    first=$ID
    event
    connect -q up "$ID" >/dev/null
    connect down "$first"
    kill -0 "$pid"
    assert_equal "$(address)" 10.2.0.50/24
    connect down "$ID"
    run ! kill -0 "$pid"
    nothing_left
    assert_equal "$(others)" "$before"
}

@test "dhcp: a renewal with another address and another gateway is followed while exec runs" {
    server 10.2.0.50 10.2.0.50 10.2.0.1
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" -- sleep 60
    active() { on terminal ip route show table 4000 | grep -q "default via $2 dev carA proto 151 src $1 "; }
    wait_for 10 active 10.2.0.50 10.2.0.1
    ip -n "$LAB-relay" address add 10.2.0.3/24 dev linA
    server 10.2.0.60 10.2.0.60 10.2.0.3
    kill -USR1 "$(client)"
    wait_for 15 has_address 10.2.0.60/24
    wait_for 5 active 10.2.0.60 10.2.0.3
    # Its own rules, so that what is bound to it keeps to the line.
    from() { rules -4 | grep -q "from 10.2.0.60 "; }
    wait_for 5 from
    assert_equal "$(leaked)" 0
    # Somebody takes the address away, and the client's process: both come back.
    ip -n "$LAB-terminal" -4 address flush dev carA
    wait_for 15 has_address 10.2.0.60/24
    pid=$(client)
    kill -9 "$pid"
    another() { [ "$(client)" != "$pid" ] && has_address 10.2.0.60/24; }
    wait_for 15 another
    wait_for 5 active 10.2.0.60 10.2.0.3
    kill "$started_run"
    wait "$started_run" || true
    nothing_left
}

@test "dhcp: without a server, or a line, it ends with the reason, in a bounded time" {
    SECONDS=0
    refused 69 'carrier lineA: the line does not come up: no DHCP server gives a lease on carA'
    assert_regex "$stderr" 'hint: is the cable in'
    [ "$SECONDS" -le 20 ]
    ip -n "$LAB-terminal" link set carA down
    refused 69 'carrier lineA: interface carA is down'
    ip -n "$LAB-terminal" link delete carA
    run --separate-stderr -66 connect up "$ID"
    assert_regex "$stderr" 'there is no interface carA'
    assert_equal "$(ls "$RUN/carriers")" ''
}

@test "dhcp: what a hostile server offers is refused, or never looked at" {
    before=$(others)
    for offer in ip=127.0.0.1:'127.0.0.1/24 is no address that a host can have' \
        ip=10.2.0.255:'10.2.0.255/24 is no address' \
        ip=224.0.0.9:'224.0.0.9/24 is no address' \
        1=00000000:'10.2.0.7/0 is no address' \
        1=:'no address, or no mask' \
        3=0a030001:'gateway 10.3.0.1 is not on the network of the address' \
        3=0a020007:'gateway 10.2.0.7 is not on the network' \
        26=0044:'an MTU of 68 bytes' \
        26=ffff:'an MTU of 65535 bytes'; do
        hostile "${offer%%:*}"
        refused 69 "carrier lineA: .* what the DHCP server offers is refused: ${offer#*:}"
    done
    # Words for a shell as host name, domain, root path, message, boot file and search list; routes for the machine.
    for option in 12 15 17 56 67 119 121=00c0000201 33=c0000200c0000201 6=c0000235; do
        words="\$(touch $BATS_TEST_TMPDIR/shell);\`touch $BATS_TEST_TMPDIR/shell\`|'\"
	ip=127.0.0.1"
        [[ $option = *=* ]] || option+=$(hex "=$words" | sed 's/^3d/=/')
        hostile "$option"
        connect -q up "$ID" >/dev/null
        assert_equal "$(address)" 10.2.0.7/24
        run on terminal ip route show table 4000
        assert_output --partial 'default via 10.2.0.1 dev carA'
        refute_output --partial 192.0.2
        connect down "$ID"
        wait_for 5 eval '[ "$(said release out)" = 1 ]'
        nothing_left
    done
    assert_not_exists "$BATS_TEST_TMPDIR/shell"
    assert_equal "$(others)" "$before"
    # A name longer than what may be said at all.
    hostile "15=$(hex "$(printf '%900s' x)")"
    refused 69 'carrier lineA: the line does not come up: no DHCP server gives a lease on carA'
}

@test "dhcp: killed at any moment, down takes address and client away" {
    server 10.2.0.50 10.2.0.50 10.2.0.1
    for after in 0.02 0.1 0.3 1; do
        killed_after "$after" start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$ID"
        connect down "$ID"
        nothing_left
    done
    # The client killed: its address is ours to take away.
    connect -q up "$ID" >/dev/null
    kill -9 "$(client)"
    connect down "$ID"
    nothing_left
}
