# Runs in a guest (tests/lib/guest), whose kernel has WireGuard; host.bats starts it. The whole flow over a tunnel
# of the kernel's own at both ends, and its outer packets, which never leave by the Internet.

load ../lib/common
load ../lib/lab
load ../lib/stack

TUNNEL=wg-tun
INGEST_T=203.0.113.12 ENDPOINT=203.0.113.13

stack_edit() {
    (umask 077 && wg genkey >"$STACK/relay.key")
    sed -i "s/^lineB = .*:9000\"/&\ntunA = \"$INGEST_T:9000\"/" "$STACK/control.toml"
    cat >>"$STACK/control.toml" <<-END
	[carriers.tunA]
	type = "wireguard"
	lines = 2
	capacity = "50M"
	peer_public_key = "$(wg pubkey <"$STACK/relay.key")"
	endpoint = "$ENDPOINT:51820"
	allowed = ["$INGEST_T/32"]
	underlay = "lineA"
	pool = ["10.64.0.0/24"]
	END
    printf '[ingest.tunA]\nlisten = "%s:9000"\n' "$INGEST_T" >>"$STACK/relay.toml"
    printf '[carriers.tunA]\ninterface = "%s"\n' "$TUNNEL" >>"$STACK/terminal.toml"
    for address in "$INGEST_T" "$ENDPOINT"; do
        ip -n "$LAB-relay" address add "$address/32" dev lo
        ip -n "$LAB-internet" route add "$address/32" via 198.51.100.20 # a leak would arrive
    done
}
setup_file() {
    modprobe wireguard
    stack_up
    control resv-control export-carrier tunA --format wireguard --output "$STACK/peers"
    {
        printf '[Interface]\nListenPort = 51820\nPrivateKey = %s\n' "$(cat "$STACK/relay.key")"
        cat "$STACK/peers"
    } >"$STACK/wg.conf"
    ip -n "$LAB-relay" link add wg-relay type wireguard
    on relay wg setconf wg-relay "$STACK/wg.conf"
    ip -n "$LAB-relay" link set wg-relay mtu 1420 up
    ip -n "$LAB-relay" route add 10.64.0.0/24 dev wg-relay src "$INGEST_T"
    on terminal nft -f - <<-END
	table inet tunnel {
	    counter inside {}
	    counter outer_line {}
	    counter leaked {}
	    chain out { type filter hook postrouting priority 500;
	        oifname "$TUNNEL" ip daddr $INGEST_T counter name inside
	        oifname "carA" udp dport 51820 ip daddr $ENDPOINT counter name outer_line
	        oifname { "inet0", "carB" } ip daddr { $INGEST_T, $ENDPOINT, 10.64.0.0/24 } counter name leaked
	        oifname { "inet0", "carB" } meta skuid $MEDIA_UID counter name leaked
	    }
	}
	END
    terminal resv-request book --now --duration 10m --rate 2M --carrier tunA >"$STACK/booking"
    terminal resv-store add <"$STACK/booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$STACK/booking")
    URL=$(jq -r 'select(.type == "reservation").viewer_url' "$STACK/booking")
    URL=${URL%/}
    export ID URL
}
teardown() { end_started; }

counted() { on terminal nft -j list counter inet tunnel "$1" | jq '[.nftables[].counter.bytes? // empty] | add'; }
more() { [ "$(counted "$1")" -gt "$2" ]; }

@test "wireguard: the kernel's own, booked, connected, pushed and viewed; no outer packet goes elsewhere" {
    start push nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" \
        exec "$ID" -- push-stream --loop "$ID" "$GUEST_MEDIA"
    wait_for 180 streaming
    assert_equal "$(ip -n "$LAB-terminal" -d -j link show "$TUNNEL" | jq -r '.[0].linkinfo.info_kind')" wireguard
    assert_equal "$(jq -c .owned.processes "$STACK/run/carriers/tunA.json")" '[]'
    assert_equal "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx wireguard-go || true)" 0
    more outer_line 100000
    assert_equal "$(counted leaked)" 0
    # Its line is cut, and there is another way: nothing takes it. It comes back, and so does media.
    ip -n "$LAB-terminal" link set carA down
    sleep 3
    assert_equal "$(counted leaked)" 0
    ip -n "$LAB-terminal" link set carA up
    wait_for 60 more inside $(($(counted inside) + 300000))
    # Deleted, it is made again.
    ip -n "$LAB-terminal" link delete "$TUNNEL"
    wait_for 60 more inside $(($(counted inside) + 300000))
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(counted leaked)" 0
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(on terminal ip rule | grep -c 'proto 151\|fwmark' || true)" 0
    run ! ip -n "$LAB-terminal" link show "$TUNNEL"
}
