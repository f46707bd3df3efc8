#!/usr/bin/env bats
# The processes that face publishers: what they may do, and that their death costs viewers nothing.

export PORT=18960
load ../lib/common
load ../lib/relay

setup_file() {
    export MEDIA=$BATS_FILE_TMPDIR/media.ts ID
    make_media "$MEDIA" 40
    ID=$(make-relay id)
    relay_up -- "$ID,0,180"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

children() { pgrep -P "$(cat "$RELAY/pid")" relay-ingest; }
both_run() { [ "$(children | wc -l)" = 2 ]; }
# confined PID: as the kernel says it. A build with a sanitizer is not, and check says so.
confined() {
    local filters=2
    ! relay-serve --config "$RELAY/relay.toml" check | grep 'has a sanitizer' || filters=0
    grep -x "Seccomp:.$filters" "/proc/$1/status" && grep -xE 'NoNewPrivs:.1' "/proc/$1/status" &&
        [ "$(grep -cxE 'Cap(Inh|Prm|Eff|Amb):.0+' "/proc/$1/status")" = 4 ] &&
        grep -xE "Uid:(.$(id -u nobody)){4}" "/proc/$1/status"
}

@test "real media is taken in by a process without files, programs and privileges" {
    publish push "$ID" "$MEDIA"
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 12 has_segments "$ID" 1
    both_run
    local child
    for child in $(children); do wait_for 5 confined "$child"; done
    [ "$(stat -c %u "/proc/$(children | head -n 1)/mem")" = 0 ]
    # Every thread: libsrt's too.
    assert_equal "$(grep -h '^Seccomp:' /proc/"$child"/task/*/status | sort -u | wc -l)" 1
    relay-serve --config "$RELAY/relay.toml" check >check.json || true # the addresses are taken
    jq -es 'any(.what == "confinement" and .ok and .note != "")' check.json
    assert_matches_schema relay-serve <check.json
}

# gaps: discontinuities that the playlist lists so far.
gaps() { curl -s "$HTTP/w/$ID/index.m3u8" | grep -cx '#EXT-X-DISCONTINUITY'; }
grew() { [ "$(stat -c %s viewer.out)" -gt "$1" ]; }

@test "however the ingest process dies, the publisher comes back and viewers stay" {
    local signal child before
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    for signal in KILL SYS SEGV; do
        publish "push_$signal" "$ID" "$MEDIA"
        grew_some() { grew $((${before:-0} + 100000)); }
        wait_for 15 grew_some
        before=$(stat -c %s viewer.out)
        child=$(children | head -n 1)
        kill "-$signal" "$child"
        ended() { jq -es --arg s "SIG$signal" 'any(.type == "ingest_ended" and (.reason | contains($s)))' "$RELAY/events"; }
        wait_for 5 ended
        kill "$started" || true # the publisher: one that is connected to nobody any more
        wait_for 5 both_run
    done
    publish last "$ID" "$MEDIA"
    wait_for 15 grew_some
    kill -0 "$started_viewer"
    three_gaps() { [ "$(gaps)" -ge 3 ]; }
    wait_for 15 three_gaps
    jq -es 'any(.reason | strings | contains("a forbidden system call"))' "$RELAY/events"
    assert_matches_schema relay-serve <"$RELAY/events"
}
