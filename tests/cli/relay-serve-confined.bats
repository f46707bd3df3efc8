#!/usr/bin/env bats
# The processes that face publishers and their media: what they may do, and that their death costs viewers nothing.

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
# The one that the publishers of these tests reach.
of_line_a() { ss -Hlunp "sport = :$((PORT + 1))" | sed -n 's/.*pid=\([0-9]*\).*/\1/p'; }
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

@test "a picture is decoded by a process without files, programs and privileges" {
    # It waits where it gives the picture away, with all that it decoded by: the pipe is full.
    mkfifo picture
    exec 7<>picture
    head -c 65536 /dev/zero >&7
    start poster sh -c 'exec relay-poster <"$MEDIA" >picture 7>&-'
    local status=/proc/$started_poster/status
    decodes() { [ "$(awk '/^Threads/ {print $2}' "$status")" -gt 1 ]; }
    wait_for 20 decodes
    if ! relay-serve --config "$RELAY/relay.toml" check | grep 'has a sanitizer'; then
        grep -xE 'NoNewPrivs:.1' "$status"
        assert_equal "$(grep -cxE 'Cap(Inh|Prm|Eff|Amb):.0+' "$status")" 4
        assert_equal "$(grep -h '^Seccomp:' /proc/"$started_poster"/task/*/status | sort -u)" $'Seccomp:\t2'
    fi
    head -c 65536 <&7 >/dev/null
    start reader sh -c 'exec cat <&7'
    wait "$started_poster"
    has_picture() { [ "$(ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 reader.out)" = mjpeg,320,180 ]; }
    wait_for 5 has_picture
    exec 7>&-
}

of_line_a_runs() { [ -n "$(of_line_a)" ]; }
# gaps: discontinuities that the playlist lists so far.
gaps() { curl -s "$HTTP/w/$ID/index.m3u8" | grep -cx '#EXT-X-DISCONTINUITY'; }
# Bytes of media of all its sessions so far.
taken_in() { relay-serve --config "$RELAY/relay.toml" status | jq -r --arg id "$ID" 'select(.reservation == $id).ingest_bytes'; }
took_in() { [ "$(taken_in)" -gt "$1" ]; }
grew() { [ "$(stat -c %s viewer.out)" -gt "$1" ]; }
# The publisher's media arrives, and then reaches the viewer, who may first have got what was there before.
media_flows() {
    wait_for 15 took_in $(($1 + 100000))
    wait_for 15 grew $(($(stat -c %s viewer.out) + 100000))
}

@test "however the ingest process dies, the publisher comes back and viewers stay" {
    local signal child taken
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    for signal in KILL SYS SEGV; do
        taken=$(taken_in)
        publish "push_$signal" "$ID" "$MEDIA"
        media_flows "$taken"
        child=$(of_line_a)
        kill "-$signal" "$child"
        ended() { jq -es --arg s "SIG$signal" 'any(.type == "ingest_ended" and (.reason | contains($s)))' "$RELAY/events"; }
        wait_for 5 ended
        kill "$started" || true # the publisher: one that is connected to nobody any more
        wait_for 5 of_line_a_runs
    done
    taken=$(taken_in)
    publish last "$ID" "$MEDIA"
    media_flows "$taken"
    kill -0 "$started_viewer"
    three_gaps() { [ "$(gaps)" -ge 3 ]; }
    wait_for 15 three_gaps
    # Each session is told of once, at its end, on standard output and in the log.
    jq -es 'map(select(.type == "closed" and .reason == "ingest_ended")) |
        length == 3 and all(.bytes > 50000 and .duration_ms > 0 and .carrier == "lineA" and .peer != "")' "$RELAY/events"
    assert_equal "$(grep -cE "^relay-serve: info: closed reservation=$ID carrier=lineA .* reason=ingest_ended$" "$RELAY/err")" 3
    relay-serve --config "$RELAY/relay.toml" status --table >table
    # Who looked at the playlist counts as well, for a while.
    grep -E "^$ID +yes +[12] +2 .*bit/s +[0-9.]+ ms +[0-9]+$" table
    relay-serve --config "$RELAY/relay.toml" status | jq -es 'any(.type == "event" and .live and .viewers == 1 and .peak_viewers == 2 and
        .gaps >= 3 and .ingest_bytes > 0 and .egress_bytes > 0 and (.paths | length) == 1)'
    jq -es 'any(.reason | strings | contains("a forbidden system call"))' "$RELAY/events"
    assert_matches_schema relay-serve <"$RELAY/events"
}
