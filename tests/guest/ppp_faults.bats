# Runs in a guest (tests/lib/guest); host.bats starts it. Faults in random order while media flows over PPPoE:
# pppd killed, the line cut and silent, addresses lost, rules removed, foreign ones added, the relay and
# carrier-connect killed. Not one packet of media crosses the Internet interface, and it flows again afterwards.
#
# FAULT_SEQUENCES (3) of them, from seed FAULT_SEED (1) on; each seed is always the same sequence.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/dialled
: "${FAULT_SEQUENCES:=3}"
load ../lib/faults

# shellcheck disable=SC2034 # for lib/faults
MOVES=(dsl lineA)
# shellcheck disable=SC2034
FLOWS_WITHIN=90 # an emulated processor, and a line that is dialled anew

setup_file() { dialled_up; }
teardown() { end_started; }

media() {
    local sum=0 line
    for line in ppp-dsl carA; do
        sum=$((sum + $(ip -n "$LAB-terminal" -s -j link show "$line" 2>/dev/null | jq '.[0].stats64.tx.bytes // 0' || echo 0)))
    done
    echo "$sum"
}
push() { alive || start push nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
    carrier-connect exec "$ID" -- push-stream --loop "$ID" "$GUEST_MEDIA"; }

# What else befalls a line that is dialled.
kill_pppd() { kill_all pppd; }
cut_vlan() { ip -n "$LAB-terminal" link set dsl0 down; }
silence() { line loss 100%; }
lose_address() { on_line address flush dev ppp-dsl; }
repair_lines() {
    ip -n "$LAB-terminal" link set dsl0 up
    ip -n "$LAB-terminal" link set dsl0.7 up
    line delay 10ms loss 1%
    on_line -4 rule delete pref 100
    on_line -6 rule delete pref 100
}

@test "faults, ppp: what leaks is counted" {
    as_media bash -c "echo x >/dev/udp/192.0.2.1/9000"
    assert_equal "$(leaked)" 1
    on terminal nft reset counter inet leaks media >/dev/null
}

@test "faults, ppp: in any order, and no packet of media crosses the Internet interface" {
    push
    wait_for 180 streaming
    start prober probes
    run_sequences kill_pppd kill_pppd cut_vlan silence lose_address remove_rules add_rules restart_relay kill_connect move resume
    kill "$started_prober"
    kill "$started_push"
    wait "$started_push" || true
    assert_equal "$(leaked)" 0
    assert_equal "$(ls "$STACK/run/carriers")" ''
}
