#!/usr/bin/env bats
# push-sender between programs that play carrier-connect with a reader, and relay-serve, over the
# loopback; a real relay-ingest answers.

load ../lib/common

R=00000000010400000000000000 # the reservation of play-carrier's plans

setup_file() {
    # 1.5 s at 4 Mbit/s, packets that all differ.
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25 -t 1.5 -c:v mpeg2video \
        -b:v 3500k -muxrate 4M -f mpegts "$BATS_FILE_TMPDIR/in.ts"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkfifo relay_in carrier_in
    exec 7<>relay_in 8<>carrier_in
    begin
}

# begin [PREFIX...]: both sides, with a command to start them through.
begin() {
    start relay "$@" sh -c 'exec timeout 50 play-relay serve . <relay_in 7>&- 8>&-'
    start carrier "$@" sh -c 'exec timeout 50 play-carrier <carrier_in 7>&- 8>&-'
    wait_for 5 grep -q '"child"' relay.out
    wait_for 5 grep -q 'pid' carrier.out
    port=$(jq .port <(head -n 1 relay.out))
    sender=$(sed -n 's/^E pid //p' carrier.out)
    read -r ticket passphrase < <(play-relay ticket $R)
}

teardown() {
    exec 7>&- 8>&-
    end_started
}

relay() {
    echo "$*" >&7
    sleep 0.2 # a child acknowledges nothing; a publisher that is earlier is refused for a second
}
carrier() { echo "$*" >&8; }
heard() { jq -e -s --arg t "$1" "any(.[]; .type == \$t and (${2:-true}))" <(grep '^{' relay.out); }
# told WHO JQ: a status of which JQ is true went to M, the master, or R, the reader.
told() { jq -e -s "any(.[]; .type == \"status\" and ($2))" <(sed -n "s/^$1 //p" carrier.out); }
said() { grep -q "$1" carrier.out; }

# A plan with a reader that has offered its pipe.
plan() {
    carrier offer
    carrier "plan $*"
}

@test "without a reader the relay is not called: the ticket may be in use by an encoder" {
    relay "admit $R -1000 30000 5 5 1 6M"
    carrier "plan -1000 30000 5 5 6M $port $ticket $passphrase"
    sleep 1.5
    run ! heard opened
    carrier offer
    wait_for 5 heard opened
}

@test "what the reader writes arrives byte for byte, and its end ends the sender" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 told M '.state == "live" and .carrier == "lineA"'
    carrier "source $BATS_FILE_TMPDIR/in.ts 4M"
    carrier finish
    wait_for 8 said '^E exit 0'
    cmp "$BATS_FILE_TMPDIR/in.ts" 1.ts
    for who in M R; do
        told $who ".state == \"ended\" and .bytes == $(stat -c %s 1.ts) and .dropped_packets == 0"
        told $who '.rate_bps > 1000000 and .rate_bps < 6000000'
    done
    grep -q '^R {"type":"hello".*"max_rate_bps":6000000' carrier.out
    run ! grep violation relay.out
}

@test "it connects before the start, and sends nothing before it" {
    relay "admit $R 1500 30000 1 5 1 6M"
    plan "1500 30000 1 5 6M $port $ticket $passphrase"
    carrier "source $BATS_FILE_TMPDIR/in.ts 4M"
    wait_for 2 told M '.state == "waiting"'
    wait_for 3 heard opened
    run ! heard part
    wait_for 3 heard part
    carrier finish
    wait_for 8 said '^E exit 0'
    cmp "$BATS_FILE_TMPDIR/in.ts" 1.ts
}

@test "at the end of the window it stops, drains and ends, whatever the reader does" {
    relay "admit $R -1000 1500 5 3 1 6M"
    plan "-1000 1500 5 3 6M $port $ticket $passphrase"
    carrier "source $BATS_FILE_TMPDIR/in.ts 2M" # would take 3 s
    wait_for 5 said '^E exit 0'
    [ "$(stat -c %s 1.ts)" -gt 188000 ]
    cmp -n "$(stat -c %s 1.ts)" "$BATS_FILE_TMPDIR/in.ts" 1.ts
}

@test "a longer window is followed, and a cancelled reservation ends at once" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 2000 5 5 6M $port $ticket $passphrase"
    wait_for 5 heard opened
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    sleep 2
    run ! said '^E exit'
    carrier cancel
    wait_for 3 told M '.state == "ended" and .detail == "cancelled"'
    wait_for 3 said '^E exit 0'
}

@test "a new plan moves the stream to another carrier at once, with the same instance" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    carrier "source $BATS_FILE_TMPDIR/in.ts 2M"
    wait_for 5 heard part
    plan "-1000 30000 5 5 6M $port $ticket $passphrase lineB"
    wait_for 3 told M '.state == "live" and .carrier == "lineB" and .reconnects == 1'
    wait_for 3 heard part '.stream == 2'
    heard closed '.stream == 1'
    [ "$(jq -s 'map(select(.type == "opened").instance) | unique | length' <(grep '^{' relay.out))" = 1 ]
    [ $(($(stat -c %s 2.ts) % 188)) = 0 ]
}

@test "without a path it closes, waits, and drops what is live" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 heard opened
    plan "-1000 30000 5 5 6M"
    wait_for 3 told M '.state == "waiting" and .carrier == ""'
    wait_for 3 heard closed
    carrier "source $BATS_FILE_TMPDIR/in.ts 8M"
    wait_for 4 said '^E played' # the reader was not kept waiting
    wait_for 3 told R '.dropped_packets > 200'
}

@test "what was lost still counts when the connection breaks" {
    start line long-line "$port" 10 20
    wait_for 5 grep -q . line.out
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $(cat line.out) $ticket $passphrase"
    carrier "source $BATS_FILE_TMPDIR/in.ts 4M"
    wait_for 8 told M '.state == "live" and .lost_packets > 10'
    kill "$started_line"
    wait_for 8 told M '.state == "lost"'
    wait_for 3 told R '.state == "lost"'
    for who in M R; do run ! told $who '.state == "lost" and .lost_packets <= 10'; done
}

@test "a refusal is told by its name, and tried again" {
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 told M '.state == "refused" and .detail == "unknown"'
    relay "admit $R -1000 30000 5 5 1 6M"
    wait_for 5 told M '.state == "live"'
}

# is_refused LINE REASON: the sender's call over LINE, a carrier of its own for each, since after what is final it waits.
is_refused() {
    carrier "plan -1000 30000 5 5 6M $port $ticket $passphrase $1"
    wait_for 5 told M ".carrier == \"$1\" and .state == \"refused\" and (.detail | test(\"^$2(, by 1[0-9]s)?$\"))"
    wait_for 5 heard refused ".reason == \"$2\""
}

@test "each reason why the relay refuses comes to the sender by its name" {
    carrier offer
    relay "admit $R 20000 30000 5 5 1 6M"
    is_refused line1 too_early
    told M '.detail | test("^too_early, by 1[0-9]s$")'
    relay "admit $R -30000 -10000 5 5 1 6M"
    is_refused line2 ended
    relay "admit $R -1000 30000 5 5 2 6M"
    is_refused line3 withdrawn
    relay "admit $R -1000 30000 5 5 1 6M"
    relay "withdraw $R revoked"
    is_refused line4 withdrawn
    relay "admit $R -1000 30000 5 5 1 6M"
    start encoder timeout 30 ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=160x90:rate=25 -c:v mpeg2video \
        -b:v 300k -f mpegts "srt://127.0.0.1:$port?streamid=$ticket&passphrase=$passphrase&latency=20000"
    wait_for 5 heard part
    is_refused line5 busy
    read -r ticket passphrase < <(play-relay ticket $R r2)
    is_refused line6 wrong_relay
    read -r ticket passphrase < <(play-relay ticket $R r1 1 2)
    is_refused line7 wrong_use
    ticket=Z${ticket#?}
    is_refused line8 bad_ticket
    [ "$(jq -s 'map(select(.type == "opened")) | length' <(grep '^{' relay.out))" = 1 ] # the encoder's
}

@test "a publisher over the reserved rate is told so when it calls again, and goes on when it has room" {
    relay "admit $R -1000 30000 5 5 1 2M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 heard opened
    ffmpeg -nostdin -v error -stream_loop 3 -i "$BATS_FILE_TMPDIR/in.ts" -c copy -muxrate 4M -f mpegts long.ts
    carrier "source long.ts 4M"
    wait_for 8 heard closed '.reason == "over_rate"'
    wait_for 5 told R '.state == "refused" and .detail == "over_rate"'
    relay "admit $R -1000 30000 5 5 1 6M"
    wait_for 5 heard opened '.stream == 2'
    wait_for 3 told R '.state == "live" and .reconnects > 0'
}

@test "a wrong passphrase is no connection, and never told" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    wait_for 5 told M '.state == "lost" and .detail != ""'
    run grep -r aaaaaaaaaaaaaaaa carrier.out carrier.err relay.out relay.err
    assert_failure
    run grep -a -e aaaaaaaaaaaaaaaa "/proc/$sender/cmdline"
    assert_failure
}

@test "it ends when the master is killed" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 heard opened
    kill -9 "$(ps -o ppid= -p "$sender" | tr -d ' ')"
    wait_for 3 eval "! kill -0 $sender"
    wait_for 8 heard closed
}

@test "a reader that leaves ends the sender, one that talks nonsense does not" {
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 heard opened
    carrier 'say {"type":"sour'
    carrier 'say {"type":"source"}' # without its pipe
    carrier 'say {"type":"hello"}'
    wait_for 3 eval '[ $(grep -c "warning: reader" carrier.err) = 3 ]'
    run ! said '^E exit'
    carrier leave
    wait_for 3 said '^E exit 0'
}

@test "a plan that is none ends it as a broken peer" {
    carrier 'raw {"type":"plan"'
    wait_for 3 said '^E exit 65\|^E exit 76'
    run cat carrier.err
    assert_output --partial 'push-sender: error: plan: '
}

@test "it does not run as root, nor without its sockets" {
    run push-sender
    assert_failure 64
    run push-sender --plan-fd 3 --reader-fd x
    assert_failure 64
    if [ "$(id -u)" = 0 ]; then
        run push-sender --plan-fd 3 --reader-fd 4
        assert_failure 77
        assert_output --partial 'carrier-connect starts it'
    fi
}

statuses() { grep -c '^M {"type":"status"' carrier.out; }
more_statuses() { [ "$(statuses)" -gt "$1" ]; }

@test "a step of the machine's clock in the middle of an event changes nothing, on neither side" {
    end_started
    echo +0 >step
    begin env LD_PRELOAD="$(echo /usr/lib/*/faketime/libfaketime.so.1)" FAKETIME_NO_CACHE=1 \
        FAKETIME_TIMESTAMP_FILE="$PWD/step" FAKETIME_DONT_FAKE_MONOTONIC=1
    relay "admit $R -1000 30000 5 5 1 6M"
    plan "-1000 30000 5 5 6M $port $ticket $passphrase"
    wait_for 5 told M '.state == "live"'
    echo +1h >step
    carrier "source $BATS_FILE_TMPDIR/in.ts 4M"
    wait_for 8 told M ".state == \"live\" and .bytes == $(stat -c %s "$BATS_FILE_TMPDIR/in.ts")"
    echo -1h >step
    wait_for 5 more_statuses $(($(statuses) + 1))
    carrier finish
    wait_for 5 said '^E exit 0'
    cmp "$BATS_FILE_TMPDIR/in.ts" 1.ts
    told M '.state == "ended" and .reconnects == 0 and .dropped_packets == 0'
    wait_for 5 heard closed '.reason == "lost"'
}

@test "a preflight leaves before the window, by its own ticket, and fills the reserved rate" {
    relay "admit $R 60000 90000 5 5 1 2M"
    read -r trial passphrase < <(play-relay ticket $R r1 1 3)
    carrier "plan 60000 90000 5 5 2M $port $ticket $passphrase lineA $trial"
    carrier 'offer preflight'
    wait_for 5 heard preflight
    grep -q '^R {"type":"hello","preflight":true' carrier.out
    head -c $((188 * 1600)) "$BATS_FILE_TMPDIR/in.ts" >part.ts
    carrier "source part.ts 1M"
    wait_for 8 told R '.bytes > 300000 and .interface == "lo" and .rate_bps > 1900000 and .rate_bps < 2050000'
    carrier finish
    wait_for 20 said '^E exit 0'
    wait_for 5 heard preflight_done '.reason == "gone" and .bytes > 500000 and .rtt_us > 0 and .bytes * 8 < .duration_ms * 2100 + 500000'
    run ! heard opened
    run ! heard refused
}

@test "without a preflight's ticket a preflight does not leave" {
    relay "admit $R -1000 90000 5 5 1 2M"
    carrier "plan -1000 90000 5 5 2M $port $ticket $passphrase"
    carrier 'offer preflight'
    sleep 1
    run ! heard opened
    run ! heard refused
    grep '^R {"type":"hello","preflight":false' carrier.out
}
