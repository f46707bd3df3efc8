# SIGUSR2 with all that a relay may have: recordings, receipts, viewers by SRT and by https:, events with a password.

load ../lib/common
load ../lib/control_files
export PORT=19580
load ../lib/relay
load ../lib/upgrade

export OUT=19586 TLS_PORT=19587
export SECURE=https://127.0.0.1:$TLS_PORT
VID=abcdefgh12345678

setup_file() {
    export ID LOCKED SHORT CURL_CA_BUNDLE=$BATS_FILE_TMPDIR/tls.crt SPOOL=$BATS_FILE_TMPDIR/spool
    ID=$(make-relay id) LOCKED=$(make-relay id) SHORT=$(make-relay id)
    install_relay
    (cd "$BATS_FILE_TMPDIR" && self_signed)
    make_media "$BATS_FILE_TMPDIR/media.ts" 120 # first: the short event begins with the relay
    relay_up "https = \"127.0.0.1:$TLS_PORT\"" "tls_certificate = \"$BATS_FILE_TMPDIR/tls.crt\"" \
        "tls_key = \"$BATS_FILE_TMPDIR/tls.key\"" "srt_out = \"127.0.0.1:$OUT\"" "spool = \"$SPOOL\"" -- \
        "$SHORT,0,25,drain=1" "$ID,0,300,channel=studio2" \
        "$LOCKED,0,300,channel=studio3,disclosure=password,vid=$VID,password=sesame"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

listed() { curl -s "$HTTP/w/$SHORT/index.m3u8"; }
has_viewers() { [ "$(curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_viewers{reservation=\"$SHORT\"} //p")" = "$1" ]; }
is_over() { listed | grep -q '^#EXT-X-ENDLIST'; }

@test "HTTP, SRT and the disk have the same bytes of an event, from its begin to its end, over three upgrades" {
    start http curl -sN "$HTTP/w/$SHORT/live.ts"
    start srt srt-live-transmit -q "srt://127.0.0.1:$OUT?mode=caller&streamid=$SHORT" file://con
    wait_for 5 has_viewers 2
    upgrade # before the first packet
    publish publisher "$SHORT" "$RELAY/media.ts"
    for _ in 1 2; do
        grows http.out 200000
        upgrade
    done
    wait_for 30 is_over
    done_with http
    wait_for 10 jq -es 'any(.type == "receipt")' "$RELAY/events"
    assert [ "$(size http.out)" -gt 1000000 ]
    wait_for 10 has_size srt.out "$(size http.out)"
    cmp http.out srt.out
    cat "$SPOOL/$SHORT"/*.ts | cmp - http.out
    run listed
    refute_output --partial EXT-X-GAP
    refute_line '#EXT-X-DISCONTINUITY'
    run jq -s --arg id "$SHORT" '[.[] | select(.reservation == $id and .type == "first_media")] | length' "$RELAY/events"
    assert_output 1
    # The third asked for the playlist. What a viewer by SRT had last is told when the receipt is made already.
    run jq -cs --argjson all "$(size http.out)" 'map(select(.type == "receipt").receipt)[0] |
        [.gaps, .peak_viewers, .bytes_out <= 2 * $all and .bytes_out > 2 * $all - 150000]' "$RELAY/events"
    assert_output '[0,3,true]'
}

@test "answers by https: come to their end, live.ts there is cut, and who comes new is served" {
    local next before
    before=$(changes) || true
    publish publisher "$ID" "$RELAY/media.ts"
    wait_for 15 has_segments "$ID" 1
    # curl takes a cut for an end.
    cat >strict <<'END'
import socket, ssl, sys
port, path, ca = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection(('127.0.0.1', int(port))),
    server_hostname='127.0.0.1', suppress_ragged_eofs=False)
tls.sendall(f'GET {path} HTTP/1.0\r\n\r\n'.encode())
while more := tls.recv(65536):
    sys.stdout.buffer.write(more)
    sys.stdout.flush()
END
    start live python3 strict "$TLS_PORT" "/w/$ID/live.ts" "$RELAY/tls.crt"
    start plain curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 10 test -s live.out
    next=$(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1 | sed 's/-.*//')
    start blocked curl -s -w '%{http_code}' "$SECURE/w/$ID/ll.m3u8?_HLS_msn=$((next + 1))"
    sleep 0.2
    kill -USR2 "$(pid)"
    done_with blocked
    grep -q "^$((next + 1))-" blocked.out
    wait_for 10 changed "$before"
    if done_with live; then false; fi
    grep -qE 'SSLEOFError|ConnectionResetError' live.err
    curl -sf "$SECURE/healthz"
    grows plain.out 200000
}

@test "a viewer's token stays good" {
    local place
    place=$(curl -s -o /dev/null -w '%{redirect_url}' -d password=sesame "$HTTP/w/$VID/")
    assert_equal "$(status_of "$place")" 200
    upgrade
    assert_equal "$(status_of "$place")" 200
}

@test "--once and --ready-fd mean after an upgrade what they did" {
    local id toml=$BATS_TEST_TMPDIR/relay.toml
    id=$(make-relay id)
    RELAY=$BATS_TEST_TMPDIR PORT=$((PORT + 10))
    printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:%s"\ndata = "%s"\n[ingest.lineA]\nlisten = "127.0.0.1:%s"\n' \
        "$PORT" "$RELAY/data" $((PORT + 1)) >"$toml"
    make-relay data "$RELAY/data" r1 "$id,0,8,drain=1"
    start once bash -c 'exec relay-serve --config "$1" --once --ready-fd 7 7>ready 2>err' - "$toml"
    echo "$started" >pid
    wait_for 5 test -s ready
    upgrade
    done_with once
    assert_equal "$(size ready)" 1
}
