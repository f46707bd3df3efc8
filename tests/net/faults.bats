# Faults in random order while media flows: lines cut and deleted, addresses lost, rules removed, foreign
# rules put before ours, the relay and carrier-connect killed. Not one packet of media, IPv4 or IPv6,
# crosses the Internet interface, and when all is repaired the stream flows again.
#
# FAULT_SEQUENCES (5) of them, from seed FAULT_SEED (1) on; each seed is always the same sequence.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/faults

# shellcheck disable=SC2034 # for lib/faults
MOVES=(lineA lineB)

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
media() { echo $(($(lab_bytes media carA) + $(lab_bytes media carB))); }

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
    push
    flows
    start prober probes
    run_sequences cut cut delete lose_address remove_rules add_rules restart_relay kill_connect move resume
    kill "$started_prober"
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
    assert_equal "$(ls "$STACK/run/carriers")" ''
    assert_equal "$(on terminal ip rule | grep -c '^[5-7][0-9][0-9]:' || true)" 0
}
