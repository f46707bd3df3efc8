#!/usr/bin/env bats
# Many who mean no good, or fail again and again: a viewer of the stream loses nothing by them.

export PORT=18940
load ../lib/common
load ../lib/relay

# How often the publisher is killed: tests/run-long does it 20 times.
RUNS=${PUBLISHER_RUNS:-3}

setup_file() {
    export MEDIA=$BATS_FILE_TMPDIR/media.ts KILLED STALLED FLOODED
    KILLED=$(make-relay id) STALLED=$(make-relay id) FLOODED=$(make-relay id)
    relay_up 'connections = 1200' 'connections_per_address = 0' -- "$KILLED,0,900" "$STALLED,0,900,channel=studio2,viewers=1100" \
        "$FLOODED,0,900,channel=studio3"
    make_media "$MEDIA" $((40 + RUNS * 10))
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

memory_kb() { awk '/^VmRSS/ {print $2}' "/proc/$(cat "$RELAY/pid")/status"; }
size() { stat -c %s "$1"; }
grew() { [ "$(size viewer.out)" -gt "$1" ]; }
refusals() {
    curl -s "$HTTP/metrics" | sed -n 's/^slotcast_relay_ingest_refused_total{.*reason="bad_ticket"} //p'
}
# send ID: the media's bytes as they are, at about a megabit a second, in the background.
send() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$1" r1)
    start push sh -c "{ sleep 0.7; split -b 13160 --filter='cat; sleep 0.1' '$MEDIA'; } |
        exec timeout 100 srt-live-transmit -q -a:no -chunk:1316 file://con 'srt://127.0.0.1:$((PORT + 1))?mode=caller&streamid=$ticket&passphrase=$passphrase&latency=120'"
}
# whole FILE: it is a piece of the media, without a byte missing.
whole() {
    python3 -c 'import sys; part, all = (open(f, "rb").read() for f in sys.argv[1:]); n = len(part) // 188 * 188
assert n > 100000 and part[:n] in all' "$1" "$MEDIA"
}

@test "a publisher that is killed and comes back, again and again: the viewer stays" {
    local run before=0
    start viewer curl -sN "$HTTP/w/$KILLED/live.ts"
    for run in $(seq "$RUNS"); do
        # Refused as busy while the one before counts as there, as an encoder it tries again.
        comes_back() {
            kill -0 "${started_push:-none}" || publish push "$KILLED" "$MEDIA"
            grew $((before + 150000))
        }
        wait_for 20 comes_back || { echo "run $run" && false; }
        kill -9 "$started_push"
        wait "$started_push" || true
        before=$(size viewer.out)
    done
    kill -0 "$started_viewer"
    gaps() { [ "$(curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_gaps_total{reservation=\"$KILLED\"} //p")" = $((RUNS - 1)) ]; }
    wait_for 5 gaps
    assert_equal "$(jq -s '[.[] | select(.type == "opened")] | length' "$RELAY/events")" "$RUNS"
    run ! jq -es 'any(.type == "ingest_ended")' "$RELAY/events"
}

@test "a thousand readers that stand still cost no memory, and another viewer nothing" {
    local before after
    send "$STALLED"
    start viewer curl -sN "$HTTP/w/$STALLED/live.ts"
    wait_for 20 grew 150000
    before=$(memory_kb)
    mkfifo hold
    exec 7<>hold
    start stalled sh -c "exec stall-readers 1000 127.0.0.1 $PORT /w/$STALLED/live.ts <hold 7>&-"
    wait_for 20 grep -qx ready stalled.out
    wait_for 30 grew $(($(size viewer.out) + 1000000))
    after=$(memory_kb)
    # What their connections are, 16 KiB each, and the media that comes meanwhile; not what they do not read.
    echo "memory: $before to $after KiB"
    [ $((after - before)) -lt $((16000 + 8000)) ]
    # And it stays so, while a gigabyte and more would be theirs.
    local sample more=0
    for sample in 1 2 3; do
        wait_for 30 grew $(($(size viewer.out) + 500000))
        more=$(($(memory_kb) - after))
        echo "memory: $more KiB more after $sample"
        [ "$more" -lt 4000 ]
    done
    exec 7>&-
    kill "$started_viewer"
    whole viewer.out
}

@test "a thousand refused handshakes a second cost a viewer nothing" {
    local before
    send "$FLOODED"
    start viewer curl -sN "$HTTP/w/$FLOODED/live.ts"
    wait_for 20 grew 150000
    before=$(refusals)
    flood-srt 127.0.0.1 $((PORT + 1)) 1000 5 >flood
    cat flood
    jq -e '.sent >= 4000 and .refused >= .sent * 0.9' flood
    counted() { [ "$(($(refusals) - ${before:-0}))" -ge "$(jq .refused flood)" ]; }
    wait_for 10 counted
    wait_for 20 grew $(($(size viewer.out) + 100000))
    kill "$started_viewer"
    whole viewer.out
    run ! jq -es 'any(.type == "ingest_ended")' "$RELAY/events"
}
