# How relay-serve ends at a signal, with viewers there.

load ../lib/common
export PORT=19680
load ../lib/relay

setup_file() {
    export MEDIA=$BATS_FILE_TMPDIR/media.ts
    # Padded, so that an answer is more than a socket ever takes.
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi -i sine -t 20 -c:v libx264 \
        -preset ultrafast -g 25 -b:v 500k -c:a aac -muxrate 30M -f mpegts "$MEDIA"
}
setup() {
    cd "$BATS_TEST_TMPDIR" || return
    ID=$(make-relay id)
    relay_up -- "$ID,0,300,rate=60M"
    send publisher "$ID" "$MEDIA" 394800
    wait_for 15 has_segments "$ID" 2
    SEGMENT=$(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1)
    curl -sf -o whole.ts "$HTTP/w/$ID/$SEGMENT"
    mkfifo go
    start download reluctant "$PORT" "/w/$ID/$SEGMENT" go
    wait_for 5 test -s download.out
}
teardown() {
    end_started
    relay_down
}
pid() { cat "$RELAY/pid"; }
is_gone() { ! kill -0 "$(pid)" 2>/dev/null; }
# ended_with CODE: the relay, by itself.
ended_with() {
    local code=0
    wait "$(pid)" || code=$?
    assert_equal "$code" "$1"
}
is_refused() { [ "$(curl -s -m 2 -o /dev/null -w '%{exitcode}' "$HTTP/healthz")" = 7 ]; }

@test "SIGTERM: who is being answered gets the rest, who watches live what there is, and nobody else comes in" {
    local next idle half
    next=$(($(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1 | sed 's/-.*//') + 2))
    start live curl -sN "$HTTP/w/$ID/live.ts"
    start blocked curl -s -w '%{http_code}' "$HTTP/w/$ID/ll.m3u8?_HLS_msn=$next"
    exec {idle}<>"/dev/tcp/127.0.0.1/$PORT"
    exec {half}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /healthz HTTP/1.1\r\nHo' >&"$half"
    wait_for 5 test -s live.out
    sleep 1
    kill "$(pid)"
    wait_for 5 is_refused
    run -0 timeout 5 cat <&"$idle" # its end, not timeout's
    assert_output ''
    wait "$started_live" # whole, for curl knows a cut by a reset
    assert_equal "$(($(stat -c %s live.out) % 188))" 0
    wait "$started_blocked"
    assert_equal "$(tr -d '\n' <blocked.out)" 'this server is going away503'
    run ! is_gone # two are not through
    printf 'st: relay\r\n\r\n' >&"$half"
    run -0 timeout 5 cat <&"$half"
    assert_output --partial '200 OK'
    assert_output --partial 'Connection: close'
    echo >go
    wait "$started_download"
    cmp whole.ts download.out
    ended_with 143
    run ! grep 'viewers\? cut' "$RELAY/err"
    exec {idle}>&- {half}>&-
}

@test "a second signal ends it at once, and ten seconds without one, whatever viewers do" {
    kill "$(pid)"
    wait_for 5 is_refused
    run ! is_gone
    kill -INT "$(pid)"
    wait_for 3 is_gone
    ended_with 143
    grep -q 'warning: 1 viewer cut' "$RELAY/err"
    end_started

    ID=$(make-relay id)
    relay_up -- "$ID,0,300,rate=60M"
    send publisher "$ID" "$MEDIA" 394800
    wait_for 15 has_segments "$ID" 2
    start download reluctant "$PORT" "/w/$ID/$(curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1)" go
    wait_for 5 test -s download.out
    kill -INT "$(pid)"
    wait_for 20 is_gone
    ended_with 130
    grep -q 'warning: 1 viewer cut' "$RELAY/err"
}
