# SIGUSR2: another program takes the place of the running relay, and no viewer and no publisher notices.

load ../lib/common
export PORT=19480
load ../lib/relay
load ../lib/upgrade

setup_file() {
    export ID OTHER THIRD F=$BATS_FILE_TMPDIR
    ID=$(make-relay id) OTHER=$(make-relay id) THIRD=$(make-relay id)
    install_relay
    relay_up -- "$ID,0,300" "$OTHER,0,300,channel=studio2" "$THIRD,0,300,channel=studio3"
    # Padded, so that an answer is more than a socket takes at once.
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi -i sine -t 60 -c:v libx264 \
        -preset ultrafast -g 25 -b:v 500k -c:a aac -muxrate 8M -f mpegts "$F/media.ts"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

refusals() { grep 'error: upgrade: .*going on as before' "$RELAY/err" | grep -c -- "$1"; }
refused() { [ "$(refusals "$1")" -gt "$2" ]; }
# refuses PATTERN: an upgrade now, which is said to have failed so, once more than before.
refuses() {
    local before
    before=$(refusals "$1") || true
    kill -USR2 "$(pid)"
    wait_for 20 refused "$1" "$before"
}
# is_piece FILE: what a viewer got is a piece of what was sent, from a packet on, without a byte missing.
is_piece() {
    python3 -c 'import sys; part, whole = (open(f, "rb").read() for f in sys.argv[1:])
assert len(part) > 1000000 and part in whole, len(part)' "$1" "$F/media.ts"
}
metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1{reservation=\"$ID\"} //p"; }
is() { [ "$(metric "$1")" = "$2" ]; }
newest() { curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1; }
# descriptors: of the relay, but for media, of which there is more and more.
descriptors() { find "/proc/$(pid)/fd" -type l -printf '%l\n' | grep -vc slotcast-extent; }

@test "viewers, waiting requests and the publisher go on over three upgrades" {
    local n half ingest segment next first=
    ingest=$(pgrep -P "$(pid)" relay-ingest | xargs)
    send publisher "$ID" "$F/media.ts"
    wait_for 12 has_segments "$ID" 1
    for n in 1 2 3; do start "viewer$n" curl -sN "$HTTP/w/$ID/live.ts"; done
    start slow curl -sN --limit-rate 900K "$HTTP/w/$ID/live.ts"
    for n in 1 2 3; do wait_for 10 test -s "viewer$n.out"; done
    segment=$(newest)
    curl -sf -o before.ts "$HTTP/w/$ID/$segment"
    for n in 1 2 3; do
        install_relay
        grows viewer1.out 100000
        next=$(($(newest | sed 's/-.*//') + 2))
        start "blocked$n" curl -s -w '%{http_code}' "$HTTP/w/$ID/ll.m3u8?_HLS_msn=$next"
        mkfifo "go$n"
        start "download$n" reluctant "$PORT" "/w/$ID/$segment" "go$n"
        exec {half}<>"/dev/tcp/127.0.0.1/$PORT"
        printf 'GET /healthz HTTP/1.1\r\nHo' >&"$half"
        wait_for 5 test -s "download$n.out"
        upgrade
        is_running "blocked$n"
        is_running "download$n"
        printf 'st: relay\r\n\r\n' >&"$half"
        echo >"go$n"
        run timeout 5 head -n 1 <&"$half"
        assert_output --partial '200 OK'
        exec {half}>&-
        done_with "blocked$n"
        run tail -n 1 "blocked$n.out"
        assert_output --partial 200
        grep -q "^$next-" "blocked$n.out"
        done_with "download$n"
        cmp before.ts "download$n.out"
        curl -sf "$HTTP/w/$ID/$segment" | cmp - before.ts
        grows viewer2.out 1000000
        assert_equal "$(metric viewers)" 4
        first=${first:-$(descriptors)}
        [ "$(descriptors)" -le "$first" ] || { find "/proc/$(pid)/fd" -printf '%l\n' && false; }
    done
    assert_equal "$(pgrep -P "$(pid)" relay-ingest | xargs)" "$ingest"
    assert_equal "$(jq -s 'map(select(.type == "opened")) | length' "$RELAY/events")" 1
    run ! jq -es 'any(.type == "closed" or .type == "lost")' "$RELAY/events"
    run ! grep -q '#EXT-X-DISCONTINUITY$' <(curl -s "$HTTP/w/$ID/index.m3u8")
    kill "$started_viewer1" "$started_viewer2" "$started_viewer3" "$started_slow"
    wait_for 5 is viewers 0
    for n in viewer1 viewer2 viewer3 slow; do is_piece "$n.out"; done
    pkill -P "$started_publisher" timeout
    wait_for 10 happened closed "$ID"
}

@test "a program that cannot go on, and a configuration that is wrong, leave all as it was" {
    local toml before
    send publisher "$OTHER" "$F/media.ts"
    start viewer curl -sN "$HTTP/w/$OTHER/live.ts"
    wait_for 15 test -s viewer.out
    before=$(changes) || true
    printf '#!/bin/sh\nexit 3\n' | replace
    refuses 'it ended with 3'
    printf '#!/bin/sh\nexec sleep 300\n' | replace
    kill -USR2 "$(pid)"
    grows viewer.out 1000000 # while the other one hangs
    kill -USR2 "$(pid)"
    wait_for 5 grep -q 'an upgrade is under way' "$RELAY/err"
    wait_for 20 grep -q 'it takes too long' "$RELAY/err"
    run ! pgrep -P "$(pid)" sleep
    replace </bin/true
    refuses 'it is another program'
    echo 'not a program' | replace
    refuses 'it cannot be started'
    rm "$F/bin/relay-serve"
    refuses 'it cannot be started'
    install_relay
    # One that is good when it is tried, and then gone.
    printf '#!/bin/sh\nrm -- "$0"\nexec "%s" "$@"\n' "$SLOTCAST_BUILD/bin/relay-serve" | replace
    refuses "start $F/bin/relay-serve: "
    install_relay
    grows viewer.out 1000000
    toml=$(cat "$RELAY/relay.toml")
    sed -i '1i nonsense = 1' "$RELAY/relay.toml"
    refuses 'it ended with 78'
    grep -q 'nonsense' "$RELAY/err"
    echo "${toml/http = \"127.0.0.1:$PORT/http = \"127.0.0.1:$((PORT + 7))}" >"$RELAY/relay.toml"
    refuses 'it ended with 78'
    grep -q "http has changed: from 127.0.0.1:$PORT to 127.0.0.1:$((PORT + 7))" "$RELAY/err"
    echo "$toml" >"$RELAY/relay.toml"
    assert_equal "$(changes)" "$before"
    grows viewer.out 1000000
    # Now it can, and two at once are one.
    kill -USR2 "$(pid)"
    kill -USR2 "$(pid)"
    wait_for 20 changed "$before"
    grows viewer.out 1000000
    kill "$started_viewer"
    is_piece viewer.out
}

@test "HUP: a changed configuration takes effect, a wrong one changes nothing, and no viewer notices" {
    local toml before
    toml=$(cat "$RELAY/relay.toml")
    send publisher "$THIRD" "$F/media.ts"
    start viewer curl -sN "$HTTP/w/$THIRD/live.ts"
    wait_for 15 test -s viewer.out
    exec {idle}<>"/dev/tcp/127.0.0.1/$PORT"
    assert_equal "$(status_of "$HTTP/healthz")" 200
    reload() { # reload PATTERN: once more than before
        local before
        before=$(grep -c -- "$1" "$RELAY/err") || true
        kill -HUP "$(pid)"
        reloaded() { [ "$(grep -c -- "$1" "$RELAY/err")" -gt "$2" ]; }
        wait_for 20 reloaded "$1" "$before"
    }
    before=$(changes) || true
    reload 'nothing to reload: the configuration is as it was'
    sed -i '1i connections_per_address = -1' "$RELAY/relay.toml"
    reload 'error: reload: .*relay.toml:1: connections_per_address.*going on as before'
    rm "$RELAY/relay.toml"
    reload 'error: reload: .*relay.toml.*going on as before'
    echo "${toml/http = \"127.0.0.1:$PORT/http = \"127.0.0.1:$((PORT + 7))}" >"$RELAY/relay.toml"
    reload 'error: upgrade: .*it ended with 78; going on as before'
    assert_equal "$(changes)" "$before"
    assert_equal "$(status_of "$HTTP/healthz")" 200

    printf 'connections_per_address = 2\n%s\n' "$toml" >"$RELAY/relay.toml"
    reload 'goes on in place of the former program'
    assert_equal "$(status_of "$HTTP/healthz")" 503 # the viewer and the idle one have both places
    grows viewer.out 1000000
    echo "$toml" >"$RELAY/relay.toml"
    reload 'goes on in place of the former program'
    assert_equal "$(status_of "$HTTP/healthz")" 200
    exec {idle}>&-
    grows viewer.out 1000000
    kill "$started_viewer"
    is_piece viewer.out
    pkill -P "$started_publisher" timeout
}
