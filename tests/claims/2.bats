# Claim 2: on acceptance control sends the settings over network 1; the terminal stores them; when the
# event starts they are read back, the connection over network 2 is made from them, and only after
# that does the first content packet leave.
# Proof: control is gone and the Internet is cut before the start, so that what is used can only come
# from the vault; the order of packets is read from a capture on the carrier's interface.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() { stack_up; }
teardown_file() { stack_down; }
teardown() { end_started; }

# data_or_control FILE: for each captured SRT packet, its direction and kind.
srt_packets() {
    tcpdump -nr "$1" -x udp 2>/dev/null | awk -v relay="$INGEST_A.9000" '
        /IP / {out = index($0, "> " relay) > 0}
        /0x0010:/ {kind = ""}
        /0x0010:/ {first = substr($8, 1, 1); kind = first ~ /[89a-f]/ ? "control" : "data";
                   print (out ? "out" : "in"), kind}'
}

@test "claim 2: without the stored settings nothing is connected and nothing leaves" {
    book 5 6
    terminal resv-store rm "$ID"
    before=$(lab_bytes media carA)
    run terminal timeout 10 carrier-connect exec "$ID" -- push-stream "$ID" test:
    assert_equal "$status" 1
    assert_equal "$(lab_bytes media carA)" "$before"
    # The same command with the settings in their place is what sends.
    terminal resv-store add <"$STACK/booking"
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    wait_for 20 has_bytes media carA $((before + 100000))
}

@test "claim 2: the stored settings alone make the connection, and content waits for it" {
    book 14 8 # after what the first event has to drain
    assert_file_exist "$STACK/vault/settings/$ID.json"
    assert_equal "$(stat -c %a "$STACK/vault/settings/$ID.json")" 600
    # Sealed: neither the relay's address nor the ticket can be read in it.
    run grep -c "$INGEST_A" "$STACK/vault/settings/$ID.json"
    assert_output 0

    before=$(lab_bytes media carA)
    kill "$(cat "$STACK/control.pid")"
    run ! on control curl -s --cacert "$STACK/tls.crt" "https://$CONTROL_ADDRESS:8443/healthz"
    ip -n "$LAB-terminal" link set inet0 down
    start capture on terminal tcpdump -i carA --immediate-mode -U -w "$BATS_TEST_TMPDIR/carA.pcap" \
        "udp and host $INGEST_A and port 9000"
    capture=$started
    wait_for 5 test -s "$BATS_TEST_TMPDIR/carA.pcap"
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" test:
    push=$started
    wait_for 25 has_bytes media carA $((before + 200000))
    captured() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/carA.pcap")" -gt 150000 ]; }
    wait_for 10 captured # what the kernel has counted is written a little later
    kill "$capture"
    wait "$capture" || true
    wait "$push" || true

    srt_packets "$BATS_TEST_TMPDIR/carA.pcap" >"$BATS_TEST_TMPDIR/packets"
    # Two questions and two answers of the handshake come before the first packet with content.
    run awk '$2 == "data" {exit} {n[$1]++} END {print (n["out"] >= 2 && n["in"] >= 2) ? "first" : "late"}' \
        "$BATS_TEST_TMPDIR/packets"
    assert_output first
    grep -q 'out data' "$BATS_TEST_TMPDIR/packets"
    assert_equal "$(lab_bytes media inet0)" 0
}
