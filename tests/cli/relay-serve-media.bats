#!/usr/bin/env bats
# Streams as they really come: broken, incomplete, and of every kind. None ends the relay or disturbs another.

export PORT=18920
load ../lib/common
load ../lib/relay

KINDS=(truncated garbage misaligned no-pmt no-flags tables wrap audio many h265 av1 ac3 ac3-alone)

setup_file() {
    local events=() kind id n=0
    export F=$BATS_FILE_TMPDIR GOOD
    GOOD=$(make-relay id)
    for kind in "${KINDS[@]}"; do
        n=$((n + 1)) id=$(make-relay id)
        echo "$id" >"$F/$kind.id"
        events+=("$id,0,200,channel=c$n")
    done
    relay_up -- "$GOOD,0,200" "${events[@]}"
    cd "$F" || return
    make_media good.ts 30
    make_media short.ts 8
    for kind in truncated garbage misaligned no-pmt no-flags tables; do break-ts $kind <short.ts >$kind.ts; done
    make_ts wrap.ts -c:v libx264 -preset ultrafast -g 25 -b:v 300k -c:a aac -output_ts_offset 95440 # 33 bits end 3.7 s later
    make_ts audio.ts -vn -c:a aac
    make_ts many.ts -map 0:v -map 1:a -map 1:a -map 2:s -c:v libx264 -preset ultrafast -g 25 -b:v 300k -c:a aac -c:s copy
    make_ts h265.ts -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25 -b:v 300k -c:a aac
    make_ts av1.ts -c:v libsvtav1 -preset 12 -g 25 -b:v 300k -c:a aac
    make_ts ac3-alone.ts -vn -c:a ac3
    make_ts ac3.ts -c:v mpeg2video -g 12 -b:v 300k -c:a ac3
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

# make_ts FILE OPTION…: 8 seconds of picture, tone and subtitles.
make_ts() {
    local file=$1
    shift
    [ -e subtitles.srt ] || printf '1\n00:00:01,000 --> 00:00:04,000\nGood evening\n' >subtitles.srt
    SVT_LOG=1 ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi -i sine -i subtitles.srt \
        -t 8 "$@" -f mpegts "$file"
}
# send NAME ID FILE: its bytes as they are, at about a megabit a second, in the background.
send() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$2" r1)
    start "$1" sh -c "{ sleep 0.7; split -b 13160 --filter='cat; sleep 0.1' '$3'; sleep 0.5; } |
        timeout 60 srt-live-transmit -q -a:no -chunk:1316 file://con 'srt://127.0.0.1:$((PORT + 1))?mode=caller&streamid=$ticket&passphrase=$passphrase&latency=120'"
}
received() { # KIND BYTES: so many came at least
    [ "$(relay-serve --config "$RELAY/relay.toml" status | jq --arg id "$(cat "$F/$1.id")" \
        'select(.reservation == $id).ingest_bytes')" -ge "$2" ]
}
# streams FILE: each by its PID and codec.
streams() { ffprobe -v error -show_entries stream=id,codec_name -of csv=p=0 "$1" 2>/dev/null | sed 's/,*$//' | sort -u | xargs; }
# codecs KIND: of its live.ts, or its playlist when there is no segment any more.
codecs() { ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$1.seen" 2>/dev/null | sed 's/,.*//' | sort | uniq | xargs; }

@test "a dozen kinds of streams at a time, and a good one that none of them disturbs" {
    local kind before
    before=$(pgrep -P "$(cat "$RELAY/pid")" relay-ingest | xargs)
    start viewer curl -sN "$HTTP/w/$GOOD/live.ts"
    send good "$GOOD" "$F/good.ts"
    wait_for 12 has_segments "$GOOD" 1
    for kind in "${KINDS[@]}"; do
        start "seen-$kind" curl -sN -o "$kind.seen" "$HTTP/w/$(cat "$F/$kind.id")/live.ts"
        send "$kind" "$(cat "$F/$kind.id")" "$F/$kind.ts"
    done
    for kind in "${KINDS[@]}"; do
        wait_for 40 received "$kind" $(($(stat -c %s "$F/$kind.ts") / 2)) || { echo "$kind" && false; }
    done
    # What can be played is: with its own codecs, from its own beginning.
    plays() { [ "$(codecs "$1")" = "$2" ]; }
    whole() { [ "$(streams "$1.seen")" = "$(streams "$F/$1.ts")" ]; } # none of its streams is missing
    wait_for 10 plays wrap 'aac h264'
    wait_for 10 plays audio aac
    wait_for 10 plays h265 'aac hevc'
    wait_for 10 plays av1 'aac bin_data' # no player knows AV1 in it yet, and it passes
    wait_for 10 plays ac3 'ac3 mpeg2video'
    wait_for 10 plays ac3-alone ac3
    wait_for 10 plays many 'aac bin_data h264'
    for kind in wrap audio h265 av1 ac3 ac3-alone many; do wait_for 10 whole $kind || { echo "$kind" && false; }; done
    assert_equal "$(streams many.seen | wc -w)" 4
    wait_for 10 plays garbage 'aac h264'
    wait_for 10 plays misaligned 'aac h264'
    wait_for 10 plays no-flags 'aac h264'
    wait_for 10 plays tables 'aac h264'
    wait_for 10 plays truncated 'aac h264'
    # Not a program without its table, and none died of it.
    assert [ ! -s no-pmt.seen ]
    assert_equal "$(pgrep -P "$(cat "$RELAY/pid")" relay-ingest | xargs)" "$before"
    run ! jq -es 'any(.type == "ingest_ended")' "$RELAY/events"
    curl -sf "$HTTP/healthz"
    # The good one's viewer has a piece of what was sent, without a byte missing.
    grew() { [ "$(stat -c %s "$BATS_TEST_TMPDIR/viewer.out")" -gt 1000000 ]; }
    wait_for 25 grew
    kill "$started_viewer"
    python3 -c 'import sys; part, whole = (open(f, "rb").read() for f in sys.argv[1:]); n = len(part) // 188 * 188
assert n > 1000000 and part[:n] in whole' viewer.out "$F/good.ts"
}

@test "in each playlist the clock's wrap, other tables and lost flags are segments that play" {
    local kind id
    for kind in wrap tables no-flags h265 ac3 audio ac3-alone many; do
        id=$(cat "$F/$kind.id")
        has_segments "$id" 2 || { echo "$kind" && false; }
        curl -s "$HTTP/w/$id/index.m3u8" >list
        # No segment is longer than the list says.
        awk -F '[:,]' '/^#EXT-X-TARGETDURATION/ {most = $2} /^#EXTINF/ && $2 > most + 0.5 {bad = 1} END {exit bad}' list || { cat list && false; }
        curl -sf -o segment.ts "$HTTP/w/$id/$(grep -v '^#' list | tail -n 1)"
        [ "$kind" = tables ] || assert_equal "$kind: $(streams segment.ts)" "$kind: $(streams "$F/$kind.ts")"
        ffmpeg -nostdin -v fatal -i "$HTTP/w/$id/$(grep -v '^#' list | tail -n 1)" -f null -
    done
}
