#!/usr/bin/env bats
# The machine's clock is set, an hour ahead and back, while an event runs: control's counts, against one that
# cannot be set.

export PORT=18640
load ../lib/common
load ../lib/relay

setup_file() {
    export MEDIA=$BATS_FILE_TMPDIR/media.ts ID LATER
    make_media "$MEDIA" 30
    ID=$(make-relay id) LATER=$(make-relay id)
    echo +0 >"$BATS_FILE_TMPDIR/step"
    # Its processes for publishers are started without the environment, and go by what they are told.
    LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
        FAKETIME_TIMESTAMP_FILE=$BATS_FILE_TMPDIR/step relay_up -- "$ID,0,600" "$LATER,1200,1800,channel=studio2"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1 //p"; }

@test "a step of an hour, either way, ends nothing, opens nothing, and stalls nobody" {
    local step size
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    publish push "$ID" "$MEDIA"
    wait_for 12 has_segments "$ID" 1
    for step in +1h -1h +0; do
        echo "$step" >"$BATS_FILE_TMPDIR/step"
        off() { [ "$(metric clock_offset_milliseconds)" -lt -3500000 ] || [ "$(metric clock_offset_milliseconds)" -gt 3500000 ]; }
        [ "$step" = +0 ] || wait_for 5 off # it took effect
        size=$(stat -c %s viewer.out)
        grew() { [ "$(stat -c %s viewer.out)" -gt $((size + 150000)) ]; }
        wait_for 10 grew
        assert_equal "$(status_of -m 2 "$HTTP/w/$LATER/live.ts")" 503 # before its time, whatever the clock shows
        kill -0 "$started_push"
    done
    run ! jq -es 'any(.type == "closed" or .type == "ended" or .type == "lost")' "$RELAY/events"
    curl -s "$HTTP/w/$ID/index.m3u8" >list
    run ! grep -E 'ENDLIST|DISCONTINUITY$' list
}
