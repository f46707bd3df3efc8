# Runs in a guest (tests/lib/guest), whose kernel encrypts TLS (kTLS); host.bats starts it. What viewers get over
# HTTPS is the same, byte by byte, and this process does not touch it.

load ../lib/common
load ../lib/control_files
export PORT=19180
load ../lib/relay

TLS_PORT=19185
SECURE=https://127.0.0.1:$TLS_PORT

setup_file() {
    modprobe tls
    export ID SHORT CURL_CA_BUNDLE=$BATS_FILE_TMPDIR/tls.crt
    ID=$(make-relay id) SHORT=$(make-relay id)
    (cd "$BATS_FILE_TMPDIR" && self_signed)
    relay_up "https = \"127.0.0.1:$TLS_PORT\"" "tls_certificate = \"$BATS_FILE_TMPDIR/tls.crt\"" \
        "tls_key = \"$BATS_FILE_TMPDIR/tls.key\"" -- "$ID,0,600" "$SHORT,0,60,channel=studio2,drain=1"
}
teardown_file() { relay_down; }
teardown() { end_started; }

in_kernel() { curl -s "$HTTP/metrics" | awk '$1 == "slotcast_relay_tls_in_kernel_total" {print $2}'; }
kernel_sends() { awk '$1 == "TlsTxSw" {print $2}' /proc/net/tls_stat; }

@test "ktls: live.ts is the same by TLS 1.3, TLS 1.2 and without, from the first byte to the end" {
    local out=$BATS_TEST_TMPDIR before
    before=$(in_kernel)
    start plain curl -sN "$HTTP/w/$SHORT/live.ts"
    start new curl -sN "$SECURE/w/$SHORT/live.ts"
    start old curl -sN --tls-max 1.2 "$SECURE/w/$SHORT/live.ts"
    publish short "$SHORT" "$GUEST_MEDIA"
    wait "$started_new"
    wait "$started_old"
    wait "$started_plain"
    assert [ "$(stat -c %s "$out/plain.out")" -gt 300000 ]
    cmp "$out/plain.out" "$out/new.out"
    cmp "$out/plain.out" "$out/old.out"
    assert_equal "$(in_kernel)" $((before + 2))
    assert [ "$(kernel_sends)" -ge 2 ]
}

@test "ktls: segments, ranges, playlists, and many answers to one who reads late" {
    local name out=$BATS_TEST_TMPDIR
    publish push "$ID" "$GUEST_MEDIA"
    wait_for 120 has_segments "$ID" 2
    name=$(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1)
    curl -s "$HTTP/w/$ID/$name" >"$out/whole"
    curl -s "$SECURE/w/$ID/$name" | cmp - "$out/whole"
    curl -s -r 188-375 "$SECURE/w/$ID/$name" | cmp - <(tail -c +189 "$out/whole" | head -c 188)
    curl -sf --compressed "$SECURE/w/$ID/index.m3u8" | grep -q '^#EXTM3U'
    timeout 120 read-late "$TLS_PORT" "/w/$ID/$name" "$out/whole" "$RELAY/tls.crt" 3000000
}
