# HTTPS by relay-serve itself: the same bytes as without, what is refused, and the certificate taken up anew.

load ../lib/common
load ../lib/control_files
export PORT=19180
load ../lib/relay

export TLS_PORT=19185
export SECURE=https://127.0.0.1:$TLS_PORT

setup_file() {
    export ID SHORT CURL_CA_BUNDLE=$BATS_FILE_TMPDIR/tls.crt
    ID=$(make-relay id) SHORT=$(make-relay id)
    (cd "$BATS_FILE_TMPDIR" && self_signed)
    make_media "$BATS_FILE_TMPDIR/media.ts" 200 # first: the short event begins with the relay
    relay_up "https = \"127.0.0.1:$TLS_PORT\"" "tls_certificate = \"$BATS_FILE_TMPDIR/tls.crt\"" \
        "tls_key = \"$BATS_FILE_TMPDIR/tls.key\"" -- "$ID,0,300,title=<b>Town & hall" "$SHORT,0,18,channel=studio2,drain=1"
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
}
teardown_file() {
    kill "$(cat "$RELAY/publisher")" || true
    relay_down
}
teardown() { end_started; }

metric() { curl -s "$HTTP/metrics" | awk -v name="slotcast_relay_$1" '$1 == name {print $2}'; }
client() { timeout 10 openssl s_client -connect "127.0.0.1:$TLS_PORT" -CAfile "$RELAY/tls.crt" -verify_return_error "$@" 2>&1; }
presented() { client </dev/null | openssl x509 -noout -serial; }
newest() { curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1; }

@test "live.ts is the same with and without TLS, from the first byte to the end, of which the viewer is told" {
    local out=$BATS_TEST_TMPDIR
    start secure curl -sN "$SECURE/w/$SHORT/live.ts"
    start plain curl -sN "$HTTP/w/$SHORT/live.ts"
    start early curl -sN --tls-max 1.2 "$SECURE/w/$SHORT/live.ts"
    # curl takes a cut for an end.
    cat >"$out/viewer" <<'END'
import socket, ssl, sys
port, path, ca = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca).wrap_socket(socket.create_connection(('127.0.0.1', int(port))),
    server_hostname='127.0.0.1', suppress_ragged_eofs=False)
tls.sendall(f'GET {path} HTTP/1.0\r\n\r\n'.encode())
answer = tls.makefile('rb')
while answer.readline() != b'\r\n':
    pass
sys.stdout.buffer.write(answer.read())
END
    start strict python3 "$out/viewer" "$TLS_PORT" "/w/$SHORT/live.ts" "$RELAY/tls.crt"
    publish short "$SHORT" "$RELAY/media.ts"
    wait "$started_strict" # 0: it was told of the end (RFC 8446, 6.1)
    wait "$started_secure"
    wait "$started_early"
    wait "$started_plain"
    assert [ "$(stat -c %s "$out/plain.out")" -gt 300000 ]
    cmp "$out/plain.out" "$out/secure.out"
    cmp "$out/plain.out" "$out/early.out"
    cmp "$out/plain.out" "$out/strict.out"
}

@test "playlists, segments, ranges and refusals are the same" {
    wait_for 12 has_segments "$ID" 2
    local name path out=$BATS_TEST_TMPDIR
    name=$(newest)
    curl -s "$HTTP/w/$ID/$name" | cmp - <(curl -s "$SECURE/w/$ID/$name")
    curl -s -r 188-375 "$HTTP/w/$ID/$name" | cmp - <(curl -s -r 188-375 "$SECURE/w/$ID/$name")
    for path in "w/$ID/$name" "w/$ID/" "w/$ID/none.ts" nowhere w/x/index.m3u8 healthz; do
        curl -si "$HTTP/$path" | sed '/^Date:/d; s/"now[^,]*,//; s/&quot;now&quot[^,]*,//' >"$out/a"
        curl -si "$SECURE/$path" | sed '/^Date:/d; s/"now[^,]*,//; s/&quot;now&quot[^,]*,//' >"$out/b"
        cmp "$out/a" "$out/b"
    done
    curl -sf --compressed "$SECURE/w/$ID/index.m3u8" | grep -q '^#EXTM3U'
    # A request that waits, and two on one connection.
    next=$(curl -s "$HTTP/w/$ID/ll.m3u8" | sed -n 's/.*HINT.*URI="\([0-9]*\)\..*/\1/p')
    curl -sf -m 15 "$SECURE/w/$ID/ll.m3u8?_HLS_msn=$next" | grep -q "^$next-"
    run -0 curl -s -w '%{num_connects} %{http_version}\n' -o /dev/null "$SECURE/healthz" -o /dev/null "$SECURE/w/$ID/$name"
    assert_output $'1 1.1\n0 1.1'
}

@test "many answers to one who asks for all at once and reads late are whole" {
    wait_for 12 has_segments "$ID" 2
    local name
    name=$(newest)
    curl -s "$HTTP/w/$ID/$name" >"$BATS_TEST_TMPDIR/whole"
    # More than the kernel holds of one connection, so that records are left over again and again.
    timeout 60 read-late "$TLS_PORT" "/w/$ID/$name" "$BATS_TEST_TMPDIR/whole" "$RELAY/tls.crt" 6000000
}

@test "TLS 1.2 and 1.3, HTTP/1.1 by ALPN, tickets; no older version, no other protocol, no renegotiation" {
    client -tls1_3 </dev/null | grep -q '^New, TLSv1.3'
    run -0 client -tls1_2 -alpn h2,http/1.1 </dev/null
    assert_line 'ALPN protocol: http/1.1'
    assert_line --regexp 'Verify return code: 0'
    run ! client -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null
    assert_line --partial 'alert protocol version'
    run ! client -alpn h2 </dev/null
    assert_line --partial 'alert no application protocol'
    # Who has a ticket of before needs no new agreement.
    client -tls1_2 -sess_out "$BATS_TEST_TMPDIR/session" </dev/null
    client -tls1_2 -sess_in "$BATS_TEST_TMPDIR/session" </dev/null | grep -q '^Reused'
    run client -tls1_2 < <(
        echo R
        sleep 2
    )
    assert_line RENEGOTIATING
    assert_line --partial 'no renegotiation'
}

@test "who speaks without TLS is told, who speaks nonsense or nothing is ended, and others do not wait for him" {
    local before
    before=$(metric tls_failed_total)
    run -0 curl -si "http://127.0.0.1:$TLS_PORT/w/$ID/"
    assert_line --partial 'HTTP/1.1 400'
    assert_line 'this port takes https: URLs only'
    run -0 curl -si -d password=x "http://127.0.0.1:$TLS_PORT/w/$ID/"
    assert_line --partial 'HTTP/1.1 400'
    run -0 bash -c "exec 5<>/dev/tcp/127.0.0.1/$TLS_PORT; head -c 3000 /dev/urandom >&5; timeout 10 cat <&5 | head -c 1000 | wc -c"
    assert [ "$output" -le 200 ] # an alert at the most
    # Without TLS: half a head, and one that never ends; who has had an answer may be silent for longer.
    cat >"$BATS_TEST_TMPDIR/half" <<'END'
import socket, sys, time
def ask(text):
    s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    s.sendall(text)
    return s
def is_over(s, more):
    try:
        s.setblocking(False)
        s.sendall(more)
        return s.recv(100) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True
whole = b'GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n'
kept = ask(whole)
assert kept.recv(4096).startswith(b'HTTP/1.1 200')
left = {ask(whole[:30]): b'', ask(b'GET / HTTP/1.1\r\nX: '): b'x', ask(b''): b''}
until = time.monotonic() + 25
while left and time.monotonic() < until:
    left = {s: more for s, more in left.items() if not is_over(s, more)}
    time.sleep(0.5)
assert not left, f'{len(left)} are still connected'
kept.sendall(whole)
assert kept.recv(4096).startswith(b'HTTP/1.1 200')
END
    start half python3 "$BATS_TEST_TMPDIR/half" "$PORT"
    # The beginning of a ClientHello, and no more; and nothing at all.
    start slow bash -c "exec 5<>/dev/tcp/127.0.0.1/$TLS_PORT; printf '\\x16\\x03\\x01\\x02\\x00\\x01' >&5; timeout 30 cat <&5"
    start silent bash -c "exec 5<>/dev/tcp/127.0.0.1/$TLS_PORT; timeout 30 cat <&5"
    assert_equal "$(status_of "$SECURE/healthz")" 200
    wait "$started_slow" # by the relay: else timeout's 124
    wait "$started_silent"
    wait "$started_half" || { cat "$BATS_TEST_TMPDIR/half.err" && false; }
    assert_equal "$(($(metric tls_failed_total) - before))" 5
}

@test "HUP: new connections see the new certificate, those that are there go on; a broken one changes nothing" {
    local before after errors
    before=$(presented)
    cp "$RELAY/tls.crt" "$BATS_TEST_TMPDIR/old.crt"
    start viewer curl -sN "$SECURE/w/$ID/live.ts"
    started_well() { [ -s "$BATS_TEST_TMPDIR/viewer.out" ]; }
    wait_for 10 started_well
    reloads() { [ "$(grep -c "$1" "$RELAY/err")" = "$2" ]; }
    cp "$RELAY"/tls.* "$BATS_TEST_TMPDIR"
    mkdir "$BATS_TEST_TMPDIR/next"
    (cd "$BATS_TEST_TMPDIR/next" && self_signed)

    errors=0
    broken() { # after FILE was changed
        kill -HUP "$(cat "$RELAY/pid")"
        errors=$((errors + 1))
        wait_for 5 reloads 'error: reload: .*; the former certificate stays in use' "$errors"
        assert_equal "$(presented)" "$before"
    }
    cp "$BATS_TEST_TMPDIR/next/tls.crt" "$RELAY/new.crt"
    cp "$BATS_TEST_TMPDIR/next/tls.key" "$RELAY/tls.key" # not the certificate's
    presented() { timeout 10 openssl s_client -connect "127.0.0.1:$TLS_PORT" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
    broken
    cp "$BATS_TEST_TMPDIR/tls.key" "$RELAY/tls.key"
    echo nonsense >"$RELAY/tls.crt"
    broken
    rm "$RELAY/tls.crt"
    broken
    cp "$BATS_TEST_TMPDIR/tls.crt" "$RELAY/tls.crt"
    chmod 644 "$RELAY/tls.key"
    broken
    chmod 600 "$RELAY/tls.key"

    cp "$BATS_TEST_TMPDIR"/next/tls.* "$RELAY"
    kill -HUP "$(cat "$RELAY/pid")"
    wait_for 5 reloads 'reloaded .*tls.crt, valid until' 1
    after=$(presented)
    assert_not_equal "$after" "$before"
    assert_equal "$after" "$(openssl x509 -noout -serial -in "$RELAY/tls.crt")"
    assert_equal "$(status_of "$SECURE/healthz")" 200
    run -60 curl -s --cacert "$BATS_TEST_TMPDIR/old.crt" "$SECURE/healthz"
    # The viewer who was there has lost nothing.
    local size
    size=$(stat -c %s "$BATS_TEST_TMPDIR/viewer.out")
    grown() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/viewer.out")" -gt $((size + 100000)) ]; }
    wait_for 10 grown
    kill -0 "$started_viewer"
    # The numbers say when it has to be followed by another.
    assert_equal "$(metric certificate_not_after_seconds)" "$(date -d "$(openssl x509 -noout -enddate -in "$RELAY/tls.crt" | cut -d = -f 2)" +%s)"
    # This kernel encrypts for nobody, or for all.
    run metric tls_in_kernel_total
    assert [ "$output" = 0 ] || assert_equal "$output" "$(metric tls_connections_total)"
}

@test "ffmpeg plays live.ts over HTTPS, and Chromium the watch page" {
    run -0 timeout 60 ffmpeg -nostdin -hide_banner -loglevel error -stats -tls_verify 1 -ca_file "$RELAY/tls.crt" \
        -i "$SECURE/w/$ID/live.ts" -frames:v 50 -f null -
    assert_output --regexp 'frame= *50'
    run env HOME="$BATS_TEST_TMPDIR" timeout 100 node "$SLOTCAST_ROOT/tests/web/watch.mjs" live "$SECURE/w/$ID/"
    assert_success
    assert_line "the page's policy was not violated"
}

@test "the configuration: all of it or nothing, addresses of their own; check says what is wrong" {
    cd "$BATS_TEST_TMPDIR"
    self_signed
    conf() {
        printf '%s\n' "$@" >relay.toml
        printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:19190"\ndata = "%s"\n[ingest.lineA]\nlisten = "127.0.0.1:19191"\n' "$PWD/data" >>relay.toml
    }
    make-relay data "$PWD/data" r1
    local three=('https = "127.0.0.1:19195"' "tls_certificate = \"$PWD/tls.crt\"" "tls_key = \"$PWD/tls.key\"")
    conf "${three[@]}"
    relay-serve --config relay.toml --print-config >again.toml
    grep -qx 'https = "127.0.0.1:19195"' again.toml
    diff again.toml <(relay-serve --config again.toml --print-config)
    run -0 relay-serve --config relay.toml check
    assert_line --partial '"what":"https","ok":true'
    assert_line --partial '"what":"tls","ok":true'

    conf "${three[0]}" "${three[2]}"
    run -78 relay-serve --config relay.toml check
    assert_output --partial tls_certificate
    conf "${three[2]}"
    run -78 relay-serve --config relay.toml check
    assert_output --partial 'relay.toml:1: tls_key: there is no https'
    conf 'https = "127.0.0.1:19190"' "${three[@]:1}"
    run -78 relay-serve --config relay.toml check
    assert_output --partial 'relay.toml:1: https'
    conf 'https = "192.0.2.7:443"' "${three[@]:1}"
    sed -i 's/127.0.0.1:19191/192.0.2.7:9000/' relay.toml
    run -78 relay-serve --config relay.toml check
    assert_output --partial "viewers' address"

    conf "${three[@]}"
    chmod 644 tls.key
    run -78 relay-serve --config relay.toml check
    assert_line --partial 'lets others read'
    run -78 timeout 10 relay-serve --config relay.toml
    assert_output --partial 'lets others read'
    chmod 600 tls.key
    faketime '9 days ago' bash -c "$(declare -f self_signed); self_signed"
    run -78 relay-serve --config relay.toml check
    assert_line --partial expired
    rm tls.crt
    run -78 timeout 10 relay-serve --config relay.toml
    assert_output --partial "$PWD/tls.crt"
}

@test "HUP without HTTPS ends nothing" {
    cd "$BATS_TEST_TMPDIR"
    printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:19190"\ndata = "%s"\n[ingest.lineA]\nlisten = "127.0.0.1:19191"\n' "$PWD/data" >relay.toml
    make-relay data "$PWD/data" r1
    start other relay-serve --config relay.toml
    wait_for 5 curl -sf http://127.0.0.1:19190/healthz
    kill -HUP "$started"
    wait_for 5 grep -q 'nothing to reload' other.err
    assert_equal "$(status_of http://127.0.0.1:19190/healthz)" 200
    refute_regex "$(curl -s http://127.0.0.1:19190/metrics)" slotcast_relay_tls
}
