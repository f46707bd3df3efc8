# What is over is on demand as far as the node's line is not promised to events that are open.

load ../lib/common
export PORT=19710
load ../lib/relay

setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() {
    end_started
    relay_down
}
metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1 //p"; }
is_metric() { [ "$(metric "$1")" = "$2" ]; }
# answers_to VIEWER PATH: the status.
answers_to() { status_of -A "$1" "$HTTP/w/$2"; }
# listed VID N: N segments at least, to the first viewer.
listed() { [ "$(curl -s -A one "$HTTP/w/$1/index.m3u8" | grep -c '^#EXTINF')" -ge "$2" ]; }
# watching: how many of the first five get the segment.
watching() {
    local n=0 viewer
    for viewer in one two three four five; do
        [ "$(answers_to $viewer "$OLD/$segment")" != 200 ] || n=$((n + 1))
    done
    echo $n
}

@test "viewers of what is over share what the open events were not promised, and no more" {
    OLD=$(make-relay id) NEXT=$(make-relay id)
    make_media media.ts 6
    relay_up 'egress = "50M"' -- "$OLD,0,7,drain=0,viewers=3,rate=10M,retention=600" \
        "$NEXT,16,60,lead_in=0,viewers=4,rate=10M,channel=studio2"
    publish first "$OLD" media.ts
    wait_for 8 listed "$OLD" 2
    is_metric egress_limit_bits 50000000
    wait_for 3 is_metric egress_promised_bits 30000000
    wait_for 10 happened ended "$OLD"
    wait_for 3 is_metric egress_promised_bits 0
    segment=$(curl -s -A one "$HTTP/w/$OLD/index.m3u8" | grep -m 1 '\.ts$')
    for viewer in one two three four five; do
        assert_equal "$(answers_to $viewer "$OLD/index.m3u8")" 200
    done
    is_metric egress_on_demand_bits 50000000
    assert_equal "$(answers_to six "$OLD/index.m3u8")" 503
    assert_equal "$(answers_to six "$OLD/$segment")" 503
    assert_equal "$(answers_to six "$OLD/")" 200
    is_metric egress_refused_total 2
    assert_equal "$(watching)" 5
    # The next one opens: it was promised 40 of the 50 Mbit/s.
    wait_for 12 is_metric egress_promised_bits 40000000
    wait_for 3 is_metric egress_on_demand_bits 10000000
    assert_equal "$(watching)" 1
    publish second "$NEXT" media.ts
    wait_for 8 listed "$NEXT" 1
    for viewer in one two three four; do
        assert_equal "$(answers_to $viewer "$NEXT/index.m3u8")" 200
    done
    assert_equal "$(answers_to five "$NEXT/index.m3u8")" 503
    start viewer curl -sN -A one "$HTTP/w/$NEXT/live.ts"
    gives() { [ "$(metric egress_bits)" -gt 100000 ]; }
    wait_for 8 gives
}

@test "the watch page says so, and plays when there is room" {
    OLD=$(make-relay id)
    make_media media.ts 6
    relay_up 'egress = "10M"' -- "$OLD,0,7,drain=0,viewers=1,rate=10M,retention=600"
    publish first "$OLD" media.ts
    wait_for 8 listed "$OLD" 2
    wait_for 10 happened ended "$OLD"
    wait_for 3 is_metric egress_promised_bits 0
    start other sh -c "while curl -s -A one -o /dev/null '$HTTP/w/$OLD/index.m3u8'; do sleep 1; done"
    start browser env HOME="$BATS_TEST_TMPDIR" timeout 100 node "$SLOTCAST_ROOT/tests/web/watch.mjs" kept_out "$HTTP/w/$OLD/"
    wait_for 30 grep -qx 'kept out' browser.out
    kill "$started_other"
    wait "$started_browser" || { cat browser.out browser.err && false; }
}
