# Other people's programs at both ends: encoders that know only a URL publish, players play.

load ../lib/common
load ../lib/lab
load ../lib/stack

setup_file() {
    stack_up
    export MEDIA=$BATS_FILE_TMPDIR/media.ts
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi \
        -i sine=frequency=440 -t 20 -c:v libx264 -preset ultrafast -g 25 -b:v 800k -c:a aac \
        -f mpegts "$MEDIA"
}
teardown_file() { stack_down; }
teardown() {
    terminal resv-request end "$ID" >/dev/null # frees the channel for the next test
    end_started
}

url() { terminal resv-store get "$ID" --url --reveal; }

# frames FILE: how many pictures can be decoded from what a viewer kept.
frames() {
    ffprobe -v error -count_frames -select_streams v -show_entries stream=nb_read_frames -of csv=p=0 "$1" |
        tr -d , | head -n 1
}

# Books an event and brings its carrier up, for an encoder that takes only a URL.
carrier_for_a_url() {
    book 7 20
    terminal carrier-connect up "$ID"
    sleep 5 # until the lead-in: earlier the relay refuses
}

# What the encoder sends reaches a viewer, and only over the carrier.
arrives() {
    start viewer on viewer timeout 15 curl -sN "$URL/live.ts"
    wait_for 12 streaming
    sleep 3
    terminal carrier-connect down "$ID"
    end_started
    [ "$(frames "$BATS_TEST_TMPDIR/viewer.out")" -gt 50 ]
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "ffmpeg publishes with the URL from the vault" {
    carrier_for_a_url
    start ffmpeg terminal timeout 20 ffmpeg -nostdin -loglevel error -re -i "$MEDIA" -c copy -f mpegts "$(url)&linger=2"
    arrives
}

# OBS (plugins/obs-ffmpeg/obs-ffmpeg-srt.h) reads the address of its field Server as ffmpeg does, but undoes no escapes,
# sends seven packets a message, and sets what it has no default for to 0.
@test "OBS' way of publishing takes the URL from the vault as it is" {
    carrier_for_a_url
    run ! grep '[%+]' <<<"$(url)"
    start obs terminal timeout 20 ffmpeg -nostdin -loglevel error -re -i "$MEDIA" -c:v libx264 -preset ultrafast \
        -x264-params repeat-headers=1:keyint=50 -b:v 1M -c:a aac -b:a 128k -metadata service_provider=obs-studio \
        -f mpegts -payload_size 1316 -enforced_encryption 0 -kmrefreshrate 0 -kmpreannounce 0 -snddropdelay 0 "$(url)"
    arrives
    run -0 ffprobe -v fatal -show_entries stream=codec_name -of json "$BATS_TEST_TMPDIR/viewer.out"
    assert_equal "$(jq -r '.streams[].codec_name' <<<"$output" | xargs)" 'h264 aac'
}

@test "srt-live-transmit publishes with the URL from the vault" {
    carrier_for_a_url
    start feed terminal ffmpeg -nostdin -loglevel error -re -i "$MEDIA" -c copy -f mpegts \
        "udp://127.0.0.1:5004?pkt_size=1316"
    start transmit terminal timeout 20 srt-live-transmit -q "udp://127.0.0.1:5004" "$(url)"
    arrives
}

@test "ffmpeg, GStreamer and VLC play HTTP-TS and HLS" {
    book 7 24
    start push terminal carrier-connect exec "$ID" -- push-stream "$ID" "$MEDIA" --loop
    wait_for 20 streaming
    local out=$BATS_TEST_TMPDIR path hls=()
    for path in live.ts index.m3u8; do
        start "ffmpeg.$path" on viewer timeout 15 ffmpeg -nostdin -hide_banner -loglevel error -stats \
            -i "$URL/$path" -frames:v 60 -f null -
        start "gst.$path" on viewer timeout -s INT 12 gst-launch-1.0 -v souphttpsrc location="$URL/$path" ! \
            "${hls[@]}" decodebin ! videoconvert ! fpsdisplaysink text-overlay=false video-sink=fakesink sync=false
        hls=(hlsdemux !) # of the second round, the playlist; examples/demo.sh says why no uridecodebin
        # VLC decodes and writes the pictures again as raw video: what arrives was decoded.
        start "vlc.$path" on viewer setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/tmp \
            timeout 12 cvlc -q --no-audio --run-time 8 "$URL/$path" \
            --sout "#transcode{vcodec=I420,acodec=none}:std{access=file,mux=raw,dst=/tmp/vlc.$$.$path}" vlc://quit
    done
    sleep 13
    for path in live.ts index.m3u8; do
        run grep -ao 'frame= *60' "$out/ffmpeg.$path.err"
        assert_success
        [ "$(grep -ao 'rendered: [0-9]*' "$out/gst.$path.out" | tail -n 1 | grep -o '[0-9]*$')" -gt 50 ]
        [ "$(stat -c %s "/tmp/vlc.$$.$path")" -gt $((320 * 180 * 50 * 3 / 2)) ]
        rm -f "/tmp/vlc.$$.$path"
    done
}
