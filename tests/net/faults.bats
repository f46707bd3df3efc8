# Faults in random order while media flows: lines cut and deleted, addresses lost, rules removed, foreign
# rules put before ours, the relay and carrier-connect killed. Not one packet of media, IPv4 or IPv6,
# crosses the Internet interface, and when all is repaired the stream flows again.
#
# FAULT_SEQUENCES (5) of them, from seed FAULT_SEED (1) on; each seed is always the same sequence.

load ../lib/common
load ../lib/lab
load ../lib/stack

: "${FAULT_SEQUENCES:=5}" "${FAULT_SEED:=1}"

setup_file() {
    stack_up
    # What leaks has a way, in both families.
    ip -n "$LAB-terminal" -6 route add default via fd00:192:0::1 dev inet0 metric 100
    on terminal nft -f - <<-END
	table inet leaks {
	    counter media {}
	    chain out { type filter hook postrouting priority 500;
	        oifname "inet0" meta skuid $MEDIA_UID counter name media
	        oifname "inet0" meta skuid != $MEDIA_UID ip daddr { $INGEST_A, $INGEST_B } counter name media
	    }
	}
	END
    book 4 $((40 + 12 * FAULT_SEQUENCES))
}
teardown_file() { stack_down; }
teardown() { end_started; }

leaked() { on terminal nft -j list counter inet leaks media | jq '[.nftables[].counter.packets? // empty] | add'; }
as_media() { on terminal setpriv --reuid "$MEDIA_UID" --regid "$MEDIA_UID" --clear-groups "$@"; }
# Datagrams of the media user to the relay and to anywhere, ten times a second: not only what the
# sender sends may not leave.
probes() {
    # shellcheck disable=SC2016 # for the inner shell
    as_media bash -c 'while sleep 0.1; do
        for to in "$@"; do echo x >"/dev/udp/$to/9000"; done 2>/dev/null
    done' probes "$INGEST_A" 192.0.2.1 fd00:198:51::20
}
media() { echo $(($(lab_bytes media carA) + $(lab_bytes media carB))); }
more_than() { [ "$(media)" -gt "$1" ]; }
alive() { [ -n "${started_push:-}" ] && kill -0 "$started_push" 2>/dev/null; }
push() { alive || start push nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
    carrier-connect exec "$ID" -- push-stream "$ID" test:; }
# Twice what is in flight when a line is cut.
flows() { wait_for 20 more_than $(($(media) + 300000)); }

# --- What befalls a terminal ---------------------------------------------------------------------
line() { echo "car$([ $((RANDOM % 3)) = 0 ] && echo B || echo A)"; } # the active one more often
on_line() { ip -n "$LAB-terminal" "$@" 2>/dev/null || true; }       # it may be gone already
cut() { on_line link set "$(line)" down; }
delete() { on_line link delete "$(line)"; }
lose_address() { on_line address flush dev "$(line)" scope global; }
remove_rules() {
    local family pref
    for family in -4 -6; do
        for pref in $(on terminal ip $family rule | sed -n 's/^\([5-7][0-9][0-9]\):.*/\1/p'); do
            [ $((RANDOM % 3)) = 0 ] || on_line $family rule delete pref "$pref"
        done
    done
}
add_rules() {
    on_line -4 rule add pref 100 lookup main
    on_line -6 rule add pref 100 lookup main
}
restart_relay() {
    kill -9 "$(cat "$STACK/relay.pid")"
    wait_for 10 eval '[ -z "$(ip netns pids "$LAB-relay")" ]'
    daemon relay relay-serve --events -
}
kill_connect() {
    local pid
    for pid in $(ip netns pids "$LAB-terminal"); do
        # Its children die with it, perhaps before it is their turn.
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != carrier-connect ] || kill -9 "$pid" 2>/dev/null || true
    done
    wait "${started_push:-}" 2>/dev/null || true
}
move() { terminal timeout 5 carrier-connect -q up "$ID" --carrier "line$([ $((RANDOM % 2)) = 0 ] && echo A || echo B)" >/dev/null 2>&1 || true; }
resume() { push; }
faults=(cut cut delete lose_address remove_rules add_rules restart_relay kill_connect move resume)

repair() {
    local line net=2
    for line in A B; do
        ip -n "$LAB-terminal" link show "car$line" >/dev/null 2>&1 ||
            lab_wire terminal "car$line" "10.$net.0.2/24" relay "lin$line" "10.$net.0.1/24"
        on_line link set "car$line" up
        on_line address add "10.$net.0.2/24" dev "car$line"
        on_line -6 address add "fd00:10:$net::2/64" dev "car$line" nodad
        net=$((net + 1))
    done
    # It is better than the Internet's: a careless program would use it.
    on_line route add default via 10.3.0.1 dev carB metric 50
    on_line -4 rule delete pref 100
    on_line -6 rule delete pref 100
    push
    # Where it says so: media waits for its line, or for this.
    terminal carrier-connect -q up "$ID" --carrier lineA >/dev/null
}

@test "faults: what leaks is counted" {
    as_media bash -c "echo x >/dev/udp/192.0.2.1/9000"
    as_media bash -c "echo x >/dev/udp/fd00:198:51::20/9000"
    assert_equal "$(leaked)" 2
    on terminal nft reset counter inet leaks media >/dev/null
    assert_equal "$(leaked)" 0
}

@test "faults: without rules and guard the same media leaks, and that is seen" {
    push
    flows
    kill_connect
    on terminal nft delete table inet slotcast
    on terminal ip rule flush protocol 151
    on terminal ip -6 rule flush protocol 151
    ip -n "$LAB-terminal" route del default dev carB # it would go there, which is no leak
    start prober probes
    leaks() { [ "$(leaked)" -ge 3 ]; } # to the relay, to anywhere, and by IPv6
    wait_for 5 leaks
    kill "$started_prober"
    repair
    on terminal nft reset counter inet leaks media >/dev/null
    flows
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
}

@test "faults: in any order, and no packet of media crosses the Internet interface" {
    local seed fault steps
    push
    flows
    start prober probes
    for ((seed = FAULT_SEED; seed < FAULT_SEED + FAULT_SEQUENCES; ++seed)); do
        RANDOM=$seed steps=
        for _ in 1 2 3 4; do
            fault=${faults[RANDOM % ${#faults[@]}]}
            steps+=" $fault"
            echo "seed $seed:$steps"
            "$fault"
            sleep "0.$((RANDOM % 6))"
        done
        repair
        flows
        assert_equal "seed $seed:$steps: $(leaked)" "seed $seed:$steps: 0"
    done
    kill "$started_prober"
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(on terminal ip rule | grep -c '^[5-7][0-9][0-9]:' || true)" 0
}
