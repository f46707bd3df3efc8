#!/usr/bin/env bats
# relay-ingest between a program that plays relay-serve and real publishers, over the loopback.

load ../lib/common

A=0000000001040g000000000000
B=0000000002040g000000000000

setup_file() {
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 1.5 \
        -c:v mpeg2video -g 12 -b:v 1M -c:a mp2 -f mpegts "$BATS_FILE_TMPDIR/in.ts"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    mkfifo relay_in
    exec 7<>relay_in
    start relay sh -c 'exec timeout 50 play-relay serve . <relay_in 7>&-'
    wait_for 5 grep -q '"child"' relay.out
    port=$(jq .port <(head -n 1 relay.out))
    echo=$(jq .echo <(head -n 1 relay.out))
    child=$(jq .pid <(head -n 1 relay.out))
}

teardown() {
    exec 7>&-
    end_started
}

tell() { echo "$*" >&7; }
# heard TYPE [JQ]: a message of that type came, of which JQ is true.
heard() { jq -e -s --arg t "$1" "any(.[]; .type == \$t and (${2:-true}))" <(grep '^{' relay.out); }
ticket() { read -r ticket passphrase < <(play-relay ticket "$@"); }
url() { echo "srt://127.0.0.1:$port?mode=caller&streamid=$ticket&passphrase=$passphrase&latency=20"; }
listening() { play-relay echo "$echo"; } # the echo is bound before the listener, and at once

# publish NAME [SECONDS]: a live source by ffmpeg, in the background.
publish() {
    start "$1" timeout 20 ffmpeg -nostdin -v error -re -f lavfi -i testsrc2=size=160x90:rate=25 \
        -t "${2:-15}" -c:v mpeg2video -b:v 300k -f mpegts "$(url | sed s/latency=20/latency=20000/)"
}

# refused REASON: the publisher fails and the relay says why.
refused() {
    run timeout 10 ffmpeg -nostdin -v error -i "$BATS_FILE_TMPDIR/in.ts" -c copy -f mpegts "$(url)"
    assert_failure
    wait_for 3 heard refused ".reason == \"$1\""
}

@test "ffmpeg publishes with a URL, and every byte arrives" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    timeout 10 ffmpeg -nostdin -v verbose -re -i "$BATS_FILE_TMPDIR/in.ts" -c copy -f mpegts \
        "$(url | sed s/latency=20/latency=20000/)&linger=2" 2>ffmpeg.err # else it leaves before its last burst
    wait_for 5 heard closed '.reason == "lost"'
    grep " $(stat -c %s 1.ts) bytes written" ffmpeg.err
    run ffprobe -v error -show_entries stream=codec_name -of csv=p=0 1.ts
    assert_line --partial mpeg2video
    assert_line mp2
    heard opened ".reservation == \"$A\" and .instance == \"AAAAAAAAAAA\" and .generation == 1"
    heard part '.cuts | length > 0'
    run ! grep violation relay.out
}

@test "media is told of as soon as the parent wants to hear of it" {
    local many few
    # Parts of a second of media that comes packet by packet, one each 5 ms.
    parts() {
        tell "admit $1 -1000 30000 5 5 1 20M"
        sleep 0.2 # it acknowledges nothing, and refuses who is earlier
        ticket "$1"
        timeout 10 send-stamps "127.0.0.1:$port" "$BATS_FILE_TMPDIR/in.ts" --rate 2000000 --latency 20 \
            <<<"$ticket $passphrase"
        wait_for 5 heard closed ".stream == $2"
        jq -s "[.[] | select(.type == \"part\" and .stream == $2)] | length" <(grep '^{' relay.out)
    }
    few=$(parts $A 1)
    tell 'raw {"type":"pace","part_ms":2}'
    many=$(parts $B 2)
    echo "$few parts, then $many"
    [ "$many" -gt $((few * 3 / 2)) ]
}

@test "it is not woken for each packet while media may wait" {
    local at_once gathered i
    for ((i = 0; i < 12; i++)); do cat "$BATS_FILE_TMPDIR/in.ts"; done >many.ts
    wakes() { awk '/^voluntary/ {print $2}' "/proc/$child/status"; }
    # How often it waits while 2000 packets a second come.
    waits() {
        local before
        tell "admit $1 -1000 30000 5 5 1 40M"
        sleep 0.2 # as above
        ticket "$1"
        before=$(wakes)
        timeout 10 send-stamps "127.0.0.1:$port" many.ts --rate 20000000 --latency 20 <<<"$ticket $passphrase"
        wait_for 5 heard closed ".stream == $2"
        echo $(($(wakes) - before))
    }
    gathered=$(waits $A 1)
    tell 'raw {"type":"pace","part_ms":4}'
    at_once=$(waits $B 2)
    echo "$gathered times, at once $at_once times, for $(($(stat -c %s many.ts) / 1316)) packets"
    [ "$gathered" -lt $((at_once / 2)) ]
    [ "$(stat -c %s 1.ts)" -ge "$(stat -c %s many.ts)" ]
}

@test "srt-live-transmit publishes with a URL, byte for byte" {
    tell "admit $A -1000 30000 5 5 1 20M"
    ticket $A
    head -c $((1316 * 200)) "$BATS_FILE_TMPDIR/in.ts" >whole.ts # it drops what fills no payload
    # It sends as fast as it reads, connected or not, so the writer is late and slow; and it does
    # not end by itself.
    { sleep 0.7; split -b 13160 --filter='cat; sleep 0.02' whole.ts; } |
        timeout 2.5 srt-live-transmit -q -a:no -chunk:1316 file://con "$(url)" || true
    wait_for 5 heard closed
    cmp whole.ts 1.ts
    run ! grep violation relay.out
}

@test "a publisher of 6 Mbit/s with one TS packet a message loses none, however rarely media is told of" {
    tell 'raw {"type":"pace","part_ms":40}'
    tell "admit $A -1000 30000 5 5 1 8M"
    ticket $A
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -t 3 -c:v mpeg2video -b:v 1M -muxrate 6M \
        -f mpegts whole.ts
    head -c $((188 * 400 * 29)) whole.ts >six.ts # it drops what does not fill its buffer
    { sleep 0.7; date +%s%6N >first; split -b $((188 * 400)) --filter='cat; sleep 0.1' six.ts; date +%s%6N >last; } |
        timeout 6 srt-live-transmit -q -a:no -chunk:188 file://con "$(url | sed s/latency=20/latency=500/)" || true
    wait_for 5 heard closed
    cmp six.ts 1.ts
    # It took in as long as it was sent, and not as long as naps are.
    jq -es --argjson sent $(($(cat last) - $(cat first))) \
        '[.[] | select(.type == "part").received_us] | max - min < $sent * 5 / 4' <(grep '^{' relay.out)
    run ! heard stats '.dropped_packets > 0'
    run ! grep violation relay.out
}

@test "a wrong passphrase or none does not publish" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    passphrase=${passphrase//[a-m]/x}x
    for url in "$(url)" "srt://127.0.0.1:$port?streamid=$ticket"; do
        run timeout 10 ffmpeg -nostdin -v error -i "$BATS_FILE_TMPDIR/in.ts" -c copy -f mpegts "$url"
        assert_failure
    done
    run ! heard opened
}

@test "each refusal has its reason" {
    tell "admit $A 20000 30000 5 5 2 6M"
    ticket $A
    refused withdrawn # the generation of before
    ticket $A r1 2
    refused too_early
    tell "clock 16000"
    tell "admit $A 20000 30000 5 5 2 6M"
    tell "clock 60000"
    refused ended
    ticket $A r2 2
    refused wrong_relay
    ticket $A r1 2 2
    refused wrong_use
    ticket $B
    refused unknown
    tell "admit $B -1000 90000 5 5 1 6M"
    tell "withdraw $B cancelled"
    refused withdrawn
    ticket=nothing
    refused bad_ticket
    run ! heard opened
}

@test "a second publisher is busy, and takes over with a higher generation" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    publish first
    wait_for 5 heard part
    ticket $A
    refused busy
    ticket $A r1 2
    publish second 2
    wait_for 5 heard closed '.stream == 1 and .reason == "replaced"'
    wait_for 5 heard part '.stream == 2'
}

@test "a live session ends with its window, and goes on when that is extended" {
    tell "admit $A -1000 30000 5 0 1 6M"
    ticket $A
    publish first
    wait_for 8 heard part
    tell "admit $A -1000 1000 5 0 1 6M"
    tell "admit $A -1000 2000 5 0 1 6M"
    sleep 1.4
    run ! heard closed
    wait_for 5 heard closed '.reason == "ended"'
}

@test "a live session ends when the parent closes it, and no other" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    publish first
    wait_for 5 heard part
    tell "close 7 busy" # gone already, for all the parent knows
    tell "close 1 replaced"
    wait_for 2 heard closed '.stream == 1 and .reason == "replaced"'
    ended() { ! kill -0 "$started_first"; }
    wait_for 3 ended
}

@test "a publisher who leaves after the programme's end has ended" {
    tell "admit $A -1000 1500 5 20 1 6M"
    ticket $A
    publish first 3
    wait_for 8 heard closed
    heard closed '.reason == "ended"'
}

@test "a live session ends when it is withdrawn" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    publish first
    wait_for 5 heard part
    tell "withdraw $A revoked"
    wait_for 2 heard closed '.reason == "withdrawn"'
}

@test "who sends more than was reserved is closed" {
    tell "admit $A -1000 30000 5 5 1 100K"
    ticket $A
    publish first
    wait_for 8 heard closed '.reason == "over_rate"'
    refused over_rate # it is told why when it calls again
    sleep 3
    publish second
    wait_for 3 heard opened '.stream == 2'
    wait_for 8 heard closed '.stream == 2 and .reason == "over_rate"'
    refused over_rate
    [ "$(jq -s 'map(select(.type == "refused" and .reason == "over_rate").count) | add' <(grep '^{' relay.out))" -ge 2 ]
    tell "admit $A -1000 30000 5 5 1 6M" # more was reserved: it may come at once
    publish third
    wait_for 2 heard opened '.stream == 3'
}

@test "a publisher waits for an extent, and leaves even if none comes" {
    tell stingy
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    publish first 1
    wait_for 5 heard opened
    wait_for 12 heard closed
    run ! heard part
}

@test "a publisher for whom no memory can be mapped is lost, and no other" {
    tell "admit $A -1000 30000 5 5 1 6M"
    tell "admit $B -1000 30000 5 5 1 6M"
    ticket $A
    publish first
    wait_for 8 heard part
    tell unmappable 2
    ticket $B
    publish second
    wait_for 8 heard closed '.stream == 2 and .reason == "lost"'
    seen=$(grep -c '"part"' relay.out)
    goes_on() { [ "$(grep -c '"part"' relay.out)" -gt "$seen" ]; }
    wait_for 5 goes_on
    run ! heard closed '.stream == 1'
    run ! grep '"exit"' relay.out
}

@test "the echo answers those who have the key" {
    wait_for 5 play-relay echo "$echo"
    run play-relay echo "$echo" other
    assert_failure 1
}

@test "garbage and truncated messages of the parent end it as a broken peer" {
    tell 'raw {"type":"admit","reservation":"'
    wait_for 5 grep -q '"exit","code":76\|"exit","code":65' relay.out
    run cat relay.err
    assert_output --partial 'relay-ingest: error: '
}

@test "an extent that nobody described ends it, a message that is a child's too" {
    tell 'raw {"type":"closed","stream":1,"reason":"x"}'
    wait_for 5 grep -q '"exit","code":76' relay.out
}

@test "it ends when its parent is killed" {
    kill -0 "$child"
    parent=$(ps -o ppid= -p "$child" | tr -d ' ')
    kill -9 "$parent"
    wait_for 5 eval "! kill -0 $child"
}

@test "it neither gains privileges nor lets its memory be read" {
    wait_for 5 listening
    grep -q 'NoNewPrivs:.*1' "/proc/$child/status"
    [ "$(stat -c %u "/proc/$child/mem")" = 0 ]
    run grep -a passphrase "/proc/$child/cmdline" "/proc/$child/environ"
    assert_failure
}

@test "without a socket, or with another descriptor, it says so" {
    run relay-ingest
    assert_failure 64
    run relay-ingest --fd 2
    assert_failure 64
    run relay-ingest --fd 9 9<&-
    assert_failure
    run relay-ingest --fd 9 9</dev/null
    assert_failure 74
}

@test "a preflight before the window is measured and discarded, and over with its ticket" {
    tell "admit $A 20000 30000 5 5 1 6M"
    ticket $A r1 1 3 -1000 2500
    publish first
    wait_for 5 heard preflight ".reservation == \"$A\""
    wait_for 5 heard preflight_done '.reason == "ended"'
    heard preflight_done '.bytes > 20000 and .duration_ms >= 500 and .duration_ms < 3500'
    run ! heard opened
    run ! heard part
    assert [ ! -e 1.ts ]
    refused ended
    ticket $A r1 1 3 60000 90000
    refused too_early
    ticket $A r1 0 3
    refused withdrawn
    ticket $B r1 1 3
    refused unknown
}

@test "a preflight and a publisher do not see each other; two preflights do" {
    tell "admit $A -1000 30000 5 5 1 6M"
    ticket $A
    publish publisher
    wait_for 5 heard opened
    ticket $A r1 1 3
    publish trial
    wait_for 5 heard preflight
    refused busy # by the preflight that runs, though the publisher is older
    wait_for 5 heard part
    tell "admit $A -1000 30000 5 5 2 6M" # its tickets are void
    wait_for 5 heard preflight_done '.reason == "withdrawn"'
    wait_for 5 heard closed '.reason == "withdrawn"'
    run ! heard preflight_done '.reason != "withdrawn"'
    assert [ -s 1.ts ]
    assert [ ! -e 2.ts ]
}

@test "a preflight that sends more than was reserved is ended" {
    tell "admit $A 20000 30000 5 5 1 50000"
    ticket $A r1 1 3
    publish greedy
    wait_for 8 heard preflight_done '.reason == "over_rate"'
}
