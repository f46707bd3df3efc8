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

# by_tls PATH [SECONDS], in the background: what comes back, whose end has to be told: curl takes a cut for an end.
# SECONDS: so long nothing is read after the first bytes.
by_tls() {
    exec python3 -c "import socket, ssl, sys, time
pause = ${2:-0}
raw = socket.socket()
if pause:
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
raw.connect(('127.0.0.1', $TLS_PORT))
tls = ssl.create_default_context(cafile='$CURL_CA_BUNDLE').wrap_socket(raw, server_hostname='127.0.0.1',
    suppress_ragged_eofs=False)
tls.sendall(b'GET $1 HTTP/1.0\\r\\n\\r\\n')
answer = tls.makefile('rb')
while answer.readline() != b'\\r\\n':
    pass
while more := answer.read1(65536):
    sys.stdout.buffer.write(more)
    sys.stdout.flush()
    time.sleep(pause)
    pause = 0"
}
listed() { curl -s "$HTTP/w/$SHORT/index.m3u8"; }
# has_viewers N [ID]
has_viewers() {
    [ "$(curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_viewers{reservation=\"${2:-$SHORT}\"} //p")" = "$1" ]
}
is_over() { listed | grep -q '^#EXT-X-ENDLIST'; }

@test "HTTP, HTTPS, SRT and the disk have the same bytes of an event, from its begin to its end, over three upgrades" {
    start http curl -sN "$HTTP/w/$SHORT/live.ts"
    start secure by_tls "/w/$SHORT/live.ts"
    start srt srt-live-transmit -q "srt://127.0.0.1:$OUT?mode=caller&streamid=$SHORT" file://con
    wait_for 5 has_viewers 3
    upgrade # before the first packet
    publish publisher "$SHORT" "$RELAY/media.ts"
    for _ in 1 2; do
        grows http.out 200000
        upgrade
    done
    wait_for 30 is_over
    done_with http
    done_with secure
    wait_for 10 jq -es 'any(.type == "receipt")' "$RELAY/events"
    assert [ "$(size http.out)" -gt 1000000 ]
    wait_for 10 has_size srt.out "$(size http.out)"
    cmp http.out srt.out
    cmp http.out secure.out
    cat "$SPOOL/$SHORT"/*.ts | cmp - http.out
    run listed
    refute_output --partial EXT-X-GAP
    refute_line '#EXT-X-DISCONTINUITY'
    run jq -s --arg id "$SHORT" '[.[] | select(.reservation == $id and .type == "first_media")] | length' "$RELAY/events"
    assert_output 1
    # The fourth asked for the playlist. What a viewer by SRT had last is told when the receipt is made already.
    run jq -cs --argjson all "$(size http.out)" 'map(select(.type == "receipt").receipt)[0] |
        [.gaps, .peak_viewers, .bytes_out <= 3 * $all and .bytes_out > 3 * $all - 150000]' "$RELAY/events"
    assert_output '[0,4,true]'
}

terminators() { pgrep -P "$(pid)" relay-tls | wc -l; }

@test "viewers by https: notice nothing either: handshake, request, answer and live media go on" {
    local next n half hello segment
    publish publisher "$ID" "$RELAY/media.ts"
    wait_for 15 has_segments "$ID" 1
    segment=$(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1)
    curl -sf -o before.ts "$HTTP/w/$ID/$segment"
    start live by_tls "/w/$ID/live.ts"
    start plain curl -sN "$HTTP/w/$ID/live.ts"
    start slow by_tls "/w/$ID/live.ts" 8 # its socket is full meanwhile
    for n in live plain slow; do wait_for 10 test -s "$n.out"; done
    for n in 1 2; do
        next=$(($(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1 | sed 's/-.*//') + 2))
        start "blocked$n" curl -s -w '%{http_code}' "$SECURE/w/$ID/ll.m3u8?_HLS_msn=$next"
        # Half a request, and one that comes in pieces from its first byte on.
        mkfifo "half$n"
        exec {half}<>"half$n"
        start "half$n" sh -c "exec openssl s_client -quiet -CAfile '$RELAY/tls.crt' -connect 127.0.0.1:$TLS_PORT <half$n"
        printf 'GET /healthz HTTP/1.1\r\nHo' >&"$half"
        # A handshake that has not begun.
        exec {hello}<>"/dev/tcp/127.0.0.1/$TLS_PORT"
        sleep 0.5
        [ "$n" != 1 ] || curl -sf -o poster.jpg "$HTTP/w/$ID/poster.jpg" # made now, and not again for ten seconds
        upgrade
        [ "$n" != 1 ] || curl -sf "$HTTP/w/$ID/poster.jpg" | cmp - poster.jpg
        assert_equal "$(terminators)" "$n"
        is_running "blocked$n"
        printf 'st: relay\r\nConnection: close\r\n\r\n' >&"$half"
        wait_for 5 grep -q '200 OK' "half$n.out"
        exec {half}>&-
        done_with "blocked$n"
        run tail -n 1 "blocked$n.out"
        assert_output --partial 200
        grep -q "^$next-" "blocked$n.out"
        # The port speaks TLS to it still.
        printf 'GET / HTTP/1.0\r\n\r\n' >&"$hello"
        run timeout 5 cat <&"$hello"
        assert_output --partial 'this port takes https: URLs only'
        exec {hello}>&-
        grows live.out 200000
    done
    curl -sf "$SECURE/w/$ID/$segment" | cmp - before.ts
    # One that is good when it is tried, and then gone: who has no terminator yet needs none.
    start fresh by_tls "/w/$ID/live.ts"
    wait_for 10 test -s fresh.out
    printf '#!/bin/sh\nrm -- "$0"\nexec "%s" "$@"\n' "$SLOTCAST_BUILD/bin/relay-serve" | replace
    kill -USR2 "$(pid)"
    wait_for 20 grep -q "error: upgrade: start .*going on as before" "$RELAY/err"
    install_relay
    assert_equal "$(terminators)" 1
    for n in live fresh; do grows "$n.out" 200000; done
    grows slow.out 200000
    kill "$started_live" "$started_slow" "$started_fresh"
    for n in live fresh slow; do
        python3 -c 'import sys; part, whole = (open(f, "rb").read() for f in sys.argv[1:]); assert part in whole, len(part)' \
            "$n.out" "$RELAY/media.ts"
    done
    ended() { [ "$(terminators)" = 0 ]; }
    wait_for 5 ended
    wait_for 5 has_viewers 1 "$ID"
}

@test "a relay that is killed after an upgrade is no end for viewers by https:, and leaves no process" {
    local id tls toml=$BATS_TEST_TMPDIR/relay.toml first
    id=$(make-relay id)
    RELAY=$BATS_TEST_TMPDIR PORT=$((PORT + 20)) TLS_PORT=$((PORT + 27))
    printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:%s"\nhttps = "127.0.0.1:%s"\ntls_certificate = "%s"\ntls_key = "%s"\ndata = "%s"\n[ingest.lineA]\nlisten = "127.0.0.1:%s"\n' \
        "$PORT" "$TLS_PORT" "$CURL_CA_BUNDLE" "${CURL_CA_BUNDLE%.crt}.key" "$RELAY/data" $((PORT + 1)) >"$toml"
    make-relay data "$RELAY/data" r1 "$id,0,100"
    start relay bash -c 'exec relay-serve --config "$1" --ready-fd 7 7>ready 2>err' - "$toml"
    echo "$started" >pid
    first=$started
    wait_for 5 test -s ready
    start viewer by_tls "/w/$id/live.ts"
    wait_for 5 sh -c "curl -s http://127.0.0.1:$PORT/metrics | grep -q '^slotcast_relay_viewers.* 1$'"
    upgrade
    tls=$(pgrep -P "$first" relay-tls)
    kill -KILL "$first"
    if done_with viewer; then false; fi
    grep -qE 'SSLEOFError|ConnectionResetError' viewer.err
    wait_for 5 test ! -e "/proc/$tls"
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
