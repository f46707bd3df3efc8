# What a playlist keeps: the window, dates, discontinuities, and what stays on demand after the end.

load ../lib/common
export PORT=18880
load ../lib/relay

LONG=${PLAYLIST_SECONDS:-32} # of the event with reconnects: check-long has it last ten minutes

setup_file() {
    export ID SHORT
    ID=$(make-relay id) SHORT=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" $((LONG + 8)) # first: the event begins with the relay
    relay_up 'dvr = "1m"' 'memory = "64M"' 'segments = 3' -- "$ID,0,$LONG,drain=1,retention=600" "$SHORT,0,100,channel=studio2,rate=60M"
}
teardown_file() { relay_down; }
teardown() { end_started; }

@test "through two reconnects to the end: two other readers accept every playlist, and all stays on demand" {
    local out=$BATS_TEST_TMPDIR begun list
    begun=$(date +%s)
    publish one "$ID" "$RELAY/media.ts"
    wait_for 12 has_segments "$ID" 1
    for list in plain=index parts=ll; do
        start "${list%=*}" timeout $((LONG + 28)) node "$SLOTCAST_ROOT/tests/web/playlists.mjs" "$HTTP/w/$ID/${list#*=}.m3u8" $((LONG + 18))
    done
    local next
    for next in two three; do
        sleep $(((LONG - 32) / 3 + 1))
        kill -9 "$started_one"
        sleep 3 # until then its place is held for it
        publish one "$ID" "$RELAY/media.ts"
        # Those that left the window are counted in its tag.
        broken() {
            [ "$(curl -s "$HTTP/w/$ID/index.m3u8" | awk -F : '/^#EXT-X-DISCONTINUITY$/ {++n} /^#EXT-X-DISCONTINUITY-SEQUENCE/ {n += $2} END {print n + 0}')" \
                -ge "$(if [ "$next" = two ]; then echo 1; else echo 2; fi)" ]
        }
        wait_for 10 broken
    done
    wait "$started_plain" || cat "$out/plain.err"
    wait "$started_parts" || cat "$out/parts.err"
    jq -e '.ended and .discontinuities == 2 and .segments >= 7' "$out/plain.out"
    jq -e '.ended and .discontinuities == 2 and .parts > 30' "$out/parts.out"

    run -0 curl -si "$HTTP/w/$ID/index.m3u8"
    assert_equal "$(header cache-control)" 'public, max-age=60'
    assert_line '#EXT-X-PLAYLIST-TYPE:VOD'
    assert_line '#EXT-X-ENDLIST'
    [ "$LONG" -gt 60 ] || refute_output --partial EXT-X-DISCONTINUITY-SEQUENCE:2
    # The first date is when the first media came, by the clock of control, which is this machine's.
    local first
    first=$(sed -n 's/^#EXT-X-PROGRAM-DATE-TIME://p' <<<"$output" | head -n 1 | tr -d '\r')
    assert [ "$(($(date -d "$first" +%s) - begun))" -ge 0 ]
    assert [ "$(($(date -d "$first" +%s) - begun))" -le $((8 + LONG - 32)) ]
    # From its first picture to its last.
    run -0 timeout 20 ffmpeg -nostdin -hide_banner -loglevel error -stats -live_start_index 0 -i "$HTTP/w/$ID/index.m3u8" -f null -
    assert [ "$(grep -ao 'frame= *[0-9]*' <<<"$output" | tail -n 1 | tr -dc 0-9)" -gt 250 ]
    assert_equal "$(status_of "$HTTP/w/$ID/live.ts")" 410
}

@test "all streams together stay within the memory: what is over goes first, then the oldest of the largest" {
    memory() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_memory_bytes{reservation=\"$1\"} //p"; }
    assert [ "$(memory "$ID")" -gt 200000 ]
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$SHORT" r1)
    start large ffmpeg -nostdin -loglevel error -re -stream_loop 5 -i "$RELAY/media.ts" -c copy -muxrate 45M -f mpegts \
        "srt://127.0.0.1:$((PORT + 1))?streamid=$ticket&passphrase=$passphrase"
    gone() { [ "$(memory "$ID")" = 0 ]; }
    wait_for 30 gone
    assert_equal "$(status_of "$HTTP/w/$ID/index.m3u8")" 410
    moved() { ! curl -s "$HTTP/w/$SHORT/index.m3u8" | grep -q "^$first"; }
    local first
    first=$(curl -s "$HTTP/w/$SHORT/index.m3u8" | grep -m 1 '^[0-9]')
    wait_for 30 moved
    # 64 MB, and what comes in a tenth of a second, and the rest of an extent.
    assert [ "$(memory "$SHORT")" -lt 75000000 ]
    assert [ "$(memory "$SHORT")" -gt 50000000 ]
    # What is listed is there.
    for name in $(curl -s "$HTTP/w/$SHORT/index.m3u8" | grep '^[0-9]'); do
        assert_equal "$(status_of -I "$HTTP/w/$SHORT/$name")" 200
    done
}
