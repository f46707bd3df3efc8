# The media goes over IPv6: a relay whose ingest address is an IPv6 one, and another way there, by the Internet, that
# the terminal's main table takes. It works, keeps to its line, and comes over none when the line is cut.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/paths

INGEST6=2001:db8::10

stack_edit() {
    sed -i "s/203.0.113.10:9000/[$INGEST6]:9000/" "$STACK"/{control,relay}.toml
    grep -q "$INGEST6" "$STACK/control.toml" && grep -q "$INGEST6" "$STACK/relay.toml"
    sed -i '/^\[carriers.lineA\]/a gateway6 = "fd00:10:2::1"' "$STACK/terminal.toml"
    ip -n "$LAB-relay" -6 address add "$INGEST6/128" dev lo nodad
    ip -n "$LAB-relay" -6 route add default via fd00:198:51::17
    ip -n "$LAB-internet" -6 route add "$INGEST6/128" via fd00:198:51::20
    ip -n "$LAB-terminal" -6 route add default via fd00:192:0::1 dev inet0 metric 100
}
# Without a link-local address of its own, which takes a second or two, the relay asks for no neighbour.
has_addresses() { [ -z "$(on relay ip -6 address show tentative)$(on terminal ip -6 address show tentative)" ]; }
setup_file() {
    stack_up
    line_stream 4
    wait_for 10 has_addresses
}
teardown_file() { stack_down; }
teardown() {
    terminal resv-request end "$ID" >/dev/null 2>&1 || true
    mend_all
    end_started
}

# What leaves on the line, counted by its interface: from isolation it passes no table of ours.
sent() { on terminal ip -s -j link show carA | jq '.[].stats64.tx.bytes'; }
grows() { # within a second
    local before
    before=$(sent)
    sleep 1
    [ "$(sent)" -gt $((before + 100000)) ]
}
bound_to_its_line() {
    on terminal ss -Hunap | grep push-sender >"$BATS_TEST_TMPDIR/sockets"
    run grep -v '%carA' "$BATS_TEST_TMPDIR/sockets"
    refute_output
}

@test "media over IPv6 goes by its line alone, from sockets that are bound to it" {
    book 4 40
    start send nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
        carrier-connect exec "$ID" -- push-stream --paths single --loop "$ID" "$STACK/in.ts"
    wait_for 20 streaming
    grows
    bound_to_its_line
    cut lineA
    sleep 2
    assert_equal "$(lab_bytes media inet0)" 0
    mend lineA
    wait_for 15 grows
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "isolated, media over IPv6 goes by its line alone, too" {
    book 8 30
    start send nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
        carrier-connect exec --isolate netns "$ID" -- push-stream --paths single --loop "$ID" "$STACK/in.ts"
    wait_for 20 streaming
    grows
    assert_equal "$(lab_bytes media inet0)" 0
}
