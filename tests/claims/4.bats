# Claim 4: network 1 is the Internet; network 2 is dedicated to sending content to the relay.
# Proof: while an event runs and the terminal works on the Internet as well, line A carries packets to
# and from the relay's ingest address and no others, and the Internet carries none of those.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

# Everything on carA that is not to or from the ingest address (ARP is no IP packet).
count_others() {
    on terminal nft -f - <<EOF
table inet others {
    counter others {}
    chain out { type filter hook postrouting priority 400;
        oifname carA ip daddr != $INGEST_A counter name others
        oifname carA meta nfproto ipv6 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, mld2-listener-report } counter name others
    }
}
EOF
}
others() { on terminal nft -j list counter inet others others | jq '[.nftables[].counter.packets? // empty] | add'; }

@test "claim 4: the line carries content to the relay and nothing else" {
    count_others
    book 5 9
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    push=$started
    wait_for 20 has_bytes media carA 100000
    terminal resv-request list >/dev/null
    on terminal curl -sf --interface inet0 -o /dev/null "http://$RELAY_ADDRESS:8080/healthz"
    wait "$push"
    has_bytes media carA 200000
    assert_equal "$(others)" 0
    assert_equal "$(lab_bytes media inet0)" 0
    has_bytes reservation inet0 0
}
