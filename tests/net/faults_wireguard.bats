# The same faults where the lines are tunnels (WireGuard, by wireguard-go), one over line A by IPv4 and one over line
# B by IPv6; and the tunnels' own: programs killed, interfaces deleted. Neither media nor an outer packet, IPv4 or
# IPv6, crosses the Internet interface, nor what the kernel answers to one that nobody takes any more.
#
# FAULT_SEQUENCES (3) of them, from seed FAULT_SEED (1) on; each seed is always the same sequence.

load ../lib/common
load ../lib/lab
load ../lib/stack
: "${FAULT_SEQUENCES:=3}"
load ../lib/faults

# Interfaces of wireguard-go are known by a socket that all namespaces see: names of this run's own.
TUNNEL=wf${LAB#sc} PEER=wg${LAB#sc}
INGEST_T=203.0.113.12 INGEST_U=203.0.113.14 # inside
OUTER=203.0.113.13 OUTER6=2001:db8::13      # outside
# shellcheck disable=SC2034 # for lib/faults
MOVES=(tunA tunB)
# shellcheck disable=SC2034 # for lib/faults
NO_LEAK=
# shellcheck disable=SC2034
FLOWS_WITHIN=40 # a handshake that is lost is repeated after five seconds

# tunnel NAME INGEST ENDPOINT UNDERLAY POOL: in the configurations.
tunnel() {
    (umask 077 && wg genkey >"$STACK/$1.key")
    sed -i "s/^lineB = .*:9000\"/&\n$1 = \"$2:9000\"/" "$STACK/control.toml"
    cat >>"$STACK/control.toml" <<-END
	[carriers.$1]
	type = "wireguard"
	lines = 2
	capacity = "50M"
	peer_public_key = "$(wg pubkey <"$STACK/$1.key")"
	endpoint = "$3"
	allowed = ["$2/32"]
	underlay = "$4"
	pool = ["$5"]

	END
    printf '[ingest.%s]\nlisten = "%s:9000"\n' "$1" "$2" >>"$STACK/relay.toml"
    printf '[carriers.%s]\ninterface = "%s%s"\n' "$1" "$TUNNEL" "${1#tun}" >>"$STACK/terminal.toml"
}
stack_edit() {
    sed -i 's/^gateway4 = "10.3.0.1"/&\ngateway6 = "fd00:10:3::1"/' "$STACK/control.toml"
    tunnel tunA "$INGEST_T" "$OUTER:51820" lineA 10.64.0.0/24
    tunnel tunB "$INGEST_U" "[$OUTER6]:51821" lineB 10.65.0.0/24
    sed -i 's/^preset.*/preset = "tunA"/' "$STACK/terminal.toml"
    # All are reached by the Internet as well: what leaks arrives.
    for address in "$INGEST_T" "$INGEST_U" "$OUTER"; do
        ip -n "$LAB-relay" address add "$address/32" dev lo
        ip -n "$LAB-internet" route add "$address/32" via 198.51.100.20
    done
    ip -n "$LAB-relay" -6 address add "$OUTER6/128" dev lo nodad
    ip -n "$LAB-internet" -6 route add "$OUTER6/128" via fd00:198:51::20
}
# peer NAME PORT POOL INGEST: the access side's end, with the accounts that control exported.
peer() {
    local interface=$PEER${1#tun}
    on relay wireguard-go "$interface" >/dev/null 2>&1 3>&- 4>&-
    control resv-control export-carrier "$1" --format wireguard --output "$STACK/$1.peers"
    {
        printf '[Interface]\nListenPort = %s\nPrivateKey = %s\n' "$2" "$(cat "$STACK/$1.key")"
        cat "$STACK/$1.peers"
    } >"$STACK/$1.conf"
    on relay wg setconf "$interface" "$STACK/$1.conf"
    ip -n "$LAB-relay" link set "$interface" mtu 1420 up
    ip -n "$LAB-relay" route add "$3" dev "$interface" src "$4"
}
setup_file() {
    stack_up
    ip -n "$LAB-terminal" -6 route add default via fd00:192:0::1 dev inet0 metric 100
    # Where whoever is not held back goes.
    for address in "$INGEST_T" "$INGEST_U" "$OUTER"; do ip -n "$LAB-terminal" route add "$address" via 192.0.2.1; done
    ip -n "$LAB-terminal" -6 route add "$OUTER6" via fd00:192:0::1
    peer tunA 51820 10.64.0.0/24 "$INGEST_T"
    peer tunB 51821 10.65.0.0/24 "$INGEST_U"
    on terminal nft -f - <<-END
	table inet leaks {
	    counter inside {}
	    counter outer4 {}
	    counter outer6 {}
	    counter leak_user {}
	    counter leak_user6 {}
	    counter leak_inside {}
	    counter leak_mark {}
	    counter leak_outer {}
	    counter leak_outer6 {}
	    counter leak_icmp {}
	    counter leak_icmp6 {}
	    counter leak_other {}
	    chain out { type filter hook postrouting priority 500;
	        oifname { "${TUNNEL}A", "${TUNNEL}B" } ip daddr { $INGEST_T, $INGEST_U } counter name inside
	        oifname "carA" ip daddr $OUTER udp dport 51820 counter name outer4
	        oifname "carB" ip6 daddr $OUTER6 udp dport 51821 counter name outer6
	        oifname != "inet0" accept
	        meta skuid $MEDIA_UID meta nfproto ipv4 counter name leak_user accept
	        meta skuid $MEDIA_UID counter name leak_user6 accept
	        ip daddr { $INGEST_T, $INGEST_U, 10.64.0.0/15 } counter name leak_inside accept
	        meta mark & 0xffffff00 == 0x736c6f00 counter name leak_mark accept
	        meta nfproto ipv4 udp dport { 51820, 51821 } counter name leak_outer accept
	        udp dport { 51820, 51821 } counter name leak_outer6 accept
	        ip daddr $OUTER icmp type destination-unreachable counter name leak_icmp accept
	        ip6 daddr $OUTER6 icmpv6 type destination-unreachable counter name leak_icmp6 accept
	        ip daddr $OUTER counter name leak_other accept
	        ip6 daddr $OUTER6 counter name leak_other accept
	    }
	}
	END
    terminal resv-request book --start "$(in_seconds 4)" --duration $((60 + 25 * FAULT_SEQUENCES))s --rate 2M \
        --carrier tunA --carrier tunB >"$STACK/booking"
    terminal resv-store add <"$STACK/booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$STACK/booking")
    export ID
}
teardown_file() { stack_down; }
teardown() { end_started; }

counted() { on terminal nft -j list counter inet leaks "$1" | jq '[.nftables[].counter.bytes? // empty] | add'; }
media() { counted inside; }
# What leaked, each packet once, by what gave it away; nothing for none.
leaked() {
    on terminal nft -j list counters table inet leaks |
        jq -r '[.nftables[].counter? // empty | select((.name | startswith("leak_")) and .packets > 0) | "\(.name) \(.packets)"] | join(", ")'
}

kill_tunnel() { kill_all wireguard-go; }
delete_tunnel() { on_line link delete "$TUNNEL$([ $((RANDOM % 2)) = 0 ] && echo A || echo B)"; }

@test "faults, wireguard: what leaks is counted, in both families" {
    on terminal bash -c "echo x >/dev/udp/$OUTER/51820"
    on terminal bash -c "echo x >/dev/udp/$OUTER6/51821"
    assert_equal "$(leaked)" 'leak_outer 1, leak_outer6 1'
    on terminal ping -c 1 -W 1 "$OUTER"
    as_media bash -c "echo x >/dev/udp/192.0.2.1/9000; echo x >/dev/udp/fd00:198:51::20/9000"
    assert_equal "$(leaked)" 'leak_user 1, leak_user6 1, leak_outer 1, leak_outer6 1, leak_other 1'
    on terminal nft reset counters table inet leaks >/dev/null
    assert_equal "$(leaked)" ''
}

@test "faults, wireguard: in any order, and neither media nor an outer packet crosses the Internet interface" {
    push
    flows
    start prober probes
    run_sequences cut delete lose_address remove_rules add_rules restart_relay kill_connect move resume kill_tunnel delete_tunnel
    kill "$started_prober"
    [ "$(counted outer4)" -gt 100000 ]
    # The other tunnel too, whose outer packets are IPv6.
    terminal carrier-connect -q up "$ID" --carrier tunB >/dev/null
    outer=$(counted outer6)
    more_outer6() { [ "$(counted outer6)" -gt "$((outer + 300000))" ]; }
    wait_for 20 more_outer6
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" ''
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(on terminal ip rule | grep -c 'proto 151\|fwmark' || true)" 0
    for tunnel in A B; do run ! ip -n "$LAB-terminal" link show "$TUNNEL$tunnel"; done
}
