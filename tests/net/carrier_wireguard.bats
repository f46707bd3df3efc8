# A carrier of type wireguard, over a line: the whole flow with wireguard-go at both ends, accounts by
# export-carrier, and its outer packets, which never leave by the Internet.

load ../lib/common
load ../lib/lab
load ../lib/stack

# Interfaces of wireguard-go are known by a socket that all namespaces see: names of this run's own.
TUNNEL=wt${LAB#sc} PEER=wr${LAB#sc}
INGEST_T=203.0.113.12 ENDPOINT=203.0.113.13

stack_edit() {
    local relay="$STACK/relay.key"
    (umask 077 && wg genkey >"$relay")
    sed -i "s/^lineB = .*:9000\"/&\ntunA = \"$INGEST_T:9000\"/" "$STACK/control.toml"
    cat >>"$STACK/control.toml" <<-END
	[carriers.tunA]
	type = "wireguard"
	lines = 2
	capacity = "50M"
	peer_public_key = "$(wg pubkey <"$relay")"
	endpoint = "$ENDPOINT:51820"
	allowed = ["$INGEST_T/32"]
	underlay = "lineA"
	pool = ["10.64.0.0/24"]

	[channels.studio2]
	relay = "r1"
	viewers = 20
	max_rate = "10M"

	[channels.studio3]
	relay = "r1"
	viewers = 20
	max_rate = "10M"
	END
    printf '[ingest.tunA]\nlisten = "%s:9000"\n' "$INGEST_T" >>"$STACK/relay.toml"
    printf '[carriers.tunA]\ninterface = "%s"\n' "$TUNNEL" >>"$STACK/terminal.toml"
    # Both are reached by the Internet as well: what leaks arrives.
    for address in "$INGEST_T" "$ENDPOINT"; do
        ip -n "$LAB-relay" address add "$address/32" dev lo
        ip -n "$LAB-internet" route add "$address/32" via 198.51.100.20
    done
}

setup_file() {
    stack_up
    # The access side: this relay itself, with the accounts that control exported.
    on relay wireguard-go "$PEER" >/dev/null 2>&1 3>&- 4>&-
    control resv-control export-carrier tunA --format wireguard --output "$STACK/peers"
    {
        printf '[Interface]\nListenPort = 51820\nPrivateKey = %s\n' "$(cat "$STACK/relay.key")"
        cat "$STACK/peers"
    } >"$STACK/$PEER.conf"
    on relay wg setconf "$PEER" "$STACK/$PEER.conf"
    ip -n "$LAB-relay" link set "$PEER" mtu 1420 up
    ip -n "$LAB-relay" route add 10.64.0.0/24 dev "$PEER" src "$INGEST_T"
    on terminal nft -f - <<-END
	table inet tunnel {
	    counter inside {}
	    counter outer_line {}
	    counter leaked {}
	    chain out { type filter hook postrouting priority 500;
	        oifname "$TUNNEL" ip daddr $INGEST_T counter name inside
	        oifname "carA" udp dport 51820 ip daddr $ENDPOINT counter name outer_line
	        oifname { "inet0", "carB" } ip daddr { $INGEST_T, $ENDPOINT, 10.64.0.0/24 } counter name leaked
	        oifname { "inet0", "carB" } udp dport 51820 counter name leaked
	        oifname { "inet0", "carB" } meta mark & 0xffffff00 == 0x736c6f00 counter name leaked
	        oifname { "inet0", "carB" } meta skuid $MEDIA_UID counter name leaked
	    }
	}
	END
}
teardown_file() { stack_down; }
setup() { RUN=$STACK/run; }
teardown() {
    end_started
    [ -z "${ID:-}" ] || connect -q down "$ID"
    [ -z "${ID:-}" ] || terminal resv-request end "$ID" >/dev/null 2>&1 || terminal resv-request cancel "$ID" >/dev/null 2>&1 || true
}

connect() { terminal carrier-connect "$@"; }
# book_tunnel START DURATION CHANNEL: over the tunnel alone; sets $ID and $URL.
book_tunnel() {
    local booking=$BATS_TEST_TMPDIR/booking
    terminal resv-request book --start "$(in_seconds "$1")" --duration "$2s" --rate 4M --title Test \
        --channel "$3" --carrier tunA >"$booking"
    terminal resv-store add <"$booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$booking")
    URL=$(jq -r 'select(.type == "reservation").viewer_url' "$booking")
    URL=${URL%/}
}
counted() { on terminal nft -j list counter inet tunnel "$1" | jq '[.nftables[].counter.bytes? // empty] | add'; }
more() { [ "$(counted "$1")" -gt "$2" ]; }
flows() { wait_for 20 more inside $(($(counted inside) + 300000)); }
start_carrier() {
    local name=$1
    shift
    start "$name" nsenter --net="/run/netns/$LAB-terminal" carrier-connect --config "$STACK/terminal.toml" "$@"
}
tunnel_pid() { jq -r '.owned.processes[0].pid' "$RUN/carriers/tunA.json"; }
nothing_left() {
    assert_equal "$(ls "$RUN/carriers")" ''
    assert_equal "$(on terminal ip rule | grep -c 'proto 151\|fwmark' || true)" 0
    run ! ip -n "$LAB-terminal" link show "$TUNNEL"
    run ! on terminal nft list table inet slotcast
}

@test "wireguard: booked, connected, pushed and viewed over the tunnel, and nothing leaves by the Internet" {
    book_tunnel 3 20 studio1
    run --separate-stderr -0 connect up "$ID" --dry-run
    assert_matches_schema carrier-connect <<<"$output"
    run jq -r .command <<<"$output"
    assert_line "ip link add $TUNNEL type wireguard || wireguard-go $TUNNEL"
    assert_line --regexp 'ip -4 rule add pref 40[0-9] fwmark 0x736c6f0[0-9] unreachable'
    assert_line --partial "tunnel to $ENDPOINT port 51820 by carA"
    assert_not_exists "$RUN/carriers/tunA.json"
    start_carrier run exec "$ID" -- push-stream "$ID" test:
    wait_for 20 streaming
    flows
    run connect status
    assert_equal "$(jq -s -c 'map({(.carrier): [.driver, .active, .intact]}) | add' <<<"$output")" \
        '{"lineA":["link",false,true],"tunA":["wireguard",true,true]}'
    inside=$(counted inside)
    [ "$(counted outer_line)" -gt "$inside" ]
    assert_equal "$(counted leaked)" 0
    assert_equal "$(lab_bytes media carA)" 0 # it is inside
    # The keys are in no command line, environment, state file or diagnostics.
    on terminal wg show "$TUNNEL" private-key >"$BATS_TEST_TMPDIR/secrets"
    on terminal wg show "$TUNNEL" preshared-keys | cut -f 2 >>"$BATS_TEST_TMPDIR/secrets"
    assert_equal "$(grep -c '^.\{43\}=$' "$BATS_TEST_TMPDIR/secrets")" 2
    for pid in $(ip netns pids "$LAB-terminal"); do
        cat "/proc/$pid/cmdline" "/proc/$pid/environ" | tr '\0' '\n'
    done >"$BATS_TEST_TMPDIR/seen" 2>/dev/null
    cat "$RUN"/carriers/* "$BATS_TEST_TMPDIR/run.err" "$BATS_TEST_TMPDIR/run.out" >>"$BATS_TEST_TMPDIR/seen"
    run -0 grep -q wireguard-go "$BATS_TEST_TMPDIR/seen"
    run -1 grep -qF -f "$BATS_TEST_TMPDIR/secrets" "$BATS_TEST_TMPDIR/seen"
    kill "$started"
    wait "$started" || true
    nothing_left
}

@test "wireguard: with its line cut or gone, and rules removed, no outer packet goes elsewhere" {
    book_tunnel 3 60 studio2
    start_carrier run exec "$ID" -- push-stream "$ID" test:
    wait_for 20 streaming
    flows
    ip -n "$LAB-terminal" link set carA down
    for family in -4 -6; do
        for pref in $(on terminal ip $family rule | sed -n 's/^\(4[0-9][0-9]\):.*/\1/p'); do
            on terminal ip $family rule delete pref "$pref"
        done
        on terminal ip $family rule add pref 100 lookup main
    done
    sleep 1 # handshakes are tried meanwhile
    ip -n "$LAB-terminal" link delete carA
    on terminal nft delete table inet slotcast
    back() { on terminal nft list table inet slotcast && on terminal ip rule | grep -q fwmark; }
    wait_for 5 back
    sleep 0.5
    assert_equal "$(counted leaked)" 0
    ip -n "$LAB-terminal" -4 rule delete pref 100
    ip -n "$LAB-terminal" -6 rule delete pref 100
    lab_wire terminal carA 10.2.0.2/24 relay linA 10.2.0.1/24
    flows
    # Its program killed: another one takes over, and the stream goes on.
    old=$(tunnel_pid)
    kill -9 "$old"
    another() { [ "$(tunnel_pid)" != "$old" ] && ip -n "$LAB-terminal" link show "$TUNNEL"; }
    wait_for 10 another
    flows
    # Killed ourselves: closed, and down takes away what is there.
    kill -9 "$started"
    wait "$started" || true
    ip -n "$LAB-terminal" link show "$TUNNEL"
    pid=$(tunnel_pid)
    connect down "$ID"
    run ! kill -0 "$pid"
    nothing_left
    assert_equal "$(counted leaked)" 0
}

@test "wireguard: a tunnel is connected as a spare where there is no second line, and media moves to it" {
    terminal resv-request book --start "$(in_seconds 8)" --duration 40s --rate 4M --title Test --channel studio2 \
        --carrier lineB --carrier tunA >"$BATS_TEST_TMPDIR/booking"
    terminal resv-store add <"$BATS_TEST_TMPDIR/booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$BATS_TEST_TMPDIR/booking")
    start_carrier run exec "$ID" --carrier lineB -- push-stream --stats "$BATS_TEST_TMPDIR/stats" "$ID" test:
    stats_say() { [ -s "$BATS_TEST_TMPDIR/stats" ] && tail -n 1 "$BATS_TEST_TMPDIR/stats" | jq -e "$1"; }
    wait_for 20 stats_say '[.paths[] | select(.state == "live").carrier] | sort == ["lineB", "tunA"]'
    grep -q 'info: carrier tunA: connecting its line, as a spare' "$BATS_TEST_TMPDIR/run.err"
    run ! grep -q 'tunA: interface .* is gone' "$BATS_TEST_TMPDIR/run.err"
    stats_say 'any(.paths[]; .active and .carrier == "lineB")'
    ip -n "$LAB-terminal" link set carB down
    flows # over the tunnel
    stats_say 'any(.paths[]; .active and .carrier == "tunA")'
    assert_equal "$(lab_bytes media inet0)" 0
    ip -n "$LAB-terminal" link set carB up
    kill "$started"
    wait "$started" || true
    nothing_left
}

@test "wireguard: what cannot be connected is refused with the reason, and nothing is left" {
    book_tunnel 5 30 studio3
    # Nobody answers at the other end.
    on relay nft -f - <<-'END'
	table inet deaf { chain in { type filter hook input priority 0; udp dport 51820 drop
	}
	}
	END
    run --separate-stderr -69 connect up "$ID"
    assert_regex "$stderr" 'error: carrier tunA: the line is not up after'
    assert_regex "$stderr" 'hint: '
    nothing_left
    on relay nft delete table inet deaf
    # There is an interface of that name, which is not ours.
    ip -n "$LAB-terminal" link add "$TUNNEL" type veth peer name other0
    run --separate-stderr -1 connect up "$ID"
    assert_regex "$stderr" "error: make interface $TUNNEL: there is one of that name"
    ip -n "$LAB-terminal" link show "$TUNNEL"
    assert_equal "$(ls "$RUN/carriers")" ''
    ip -n "$LAB-terminal" link delete "$TUNNEL"
    # The line below is not there.
    ip -n "$LAB-terminal" link set carA down
    run --separate-stderr -69 connect up "$ID"
    assert_regex "$stderr" 'error: carrier lineA: interface carA is down'
    nothing_left
    ip -n "$LAB-terminal" link set carA up
}

@test "wireguard: over the Internet only where the settings allow it, and it says that it is not dedicated" {
    sed -i 's/^underlay = "lineA"/allow_internet_underlay = true/' "$STACK/control.toml"
    kill -HUP "$(cat "$STACK/control.pid")"
    # Until control has read it, and the channel is free again.
    book_late() {
        book_tunnel 5 30 studio3
        [ -n "$ID" ] || return 1
        [ "$(terminal resv-store get "$ID" | jq '.carriers | length')" = 1 ] && return
        terminal resv-request cancel "$ID"
        return 1
    }
    wait_for 20 book_late
    run --separate-stderr -0 connect up "$ID" --dry-run
    assert_equal "$(jq -r 'select(.action == "warn").command' <<<"$output")" \
        'not a dedicated network: the tunnel goes over the Internet'
    run --separate-stderr -0 connect up "$ID"
    assert_regex "$stderr" 'warning: carrier tunA: its tunnel goes over the Internet: not a dedicated network'
    assert_equal "$(jq -c '[.carrier,.dedicated]' <<<"$output")" '["tunA",false]'
    run -0 connect status --table
    assert_output --partial '(not a dedicated network)'
    sed -i '/^allow_internet_underlay/d' "$STACK/control.toml"
    run -78 control resv-control --print-config
    assert_output --partial 'carriers.tunA.underlay: missing'
}
