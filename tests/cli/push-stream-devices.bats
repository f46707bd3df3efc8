# push-stream: cameras and sound: RTSP from a real server, ALSA without a card, PulseAudio's own daemon.
# shellcheck disable=SC2154 # run --separate-stderr sets $stderr

load ../lib/common
load ../lib/push

export PUSH_LIMIT=40

ID=01hzzzzzzzzzzzzzzzzzzzzzzz
PORT=31554

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    echo 'me:correct-horse' >credentials
}

teardown() { end_started; }

codecs() { ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$1" | sort -u | xargs; }
# shellcheck disable=SC2317 # called by wait_for
larger() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }
# shellcheck disable=SC2317 # called by wait_for
says() { grep -qF -e "$2" "$1" 2>/dev/null; }

# stop PID: of a timeout with a fake-sender: ends the push-stream beside that.
stop() {
    kill -TERM "$(pgrep -P "$(pgrep -P "$1")")"
    wait "$1" || true
}

camera() {
    start camera "$SLOTCAST_ROOT/tests/lib/rtsp-server" $PORT "$@"
    wait_for 20 says camera.out ready
}

@test "push-stream: a camera passes as it is by RTSP, with its credentials from a file, and comes back when it restarts" {
    camera me correct-horse
    start push timeout 60 fake-sender --rate 1M --out live.ts -- \
        push-stream --source-credentials-file credentials $ID rtsp://127.0.0.1:$PORT/camera
    echo 'me:battery' >wrong
    push --duration 20 -- --source-credentials-file wrong $ID rtsp://127.0.0.1:$PORT/camera
    assert_equal "$status" 77
    [[ $stderr == *Unauthorized*'hint: --source-credentials-file'* ]]
    wait_for 20 larger live.ts 20000
    kill "$started_camera"
    wait "$started_camera" || true
    wait_for 20 says push.err 'it is tried again each second'
    kill -0 "$started_push"
    before=$(stat -c %s live.ts)
    camera me correct-horse
    wait_for 20 larger live.ts $((before + 20000))
    stop "$started_push"
    assert_equal "$(codecs live.ts)" 'aac h264'
    refute grep encoded push.err
    says push.err ': is back'
    refute grep -rF -e correct-horse -e battery --include='*.err' --include='*.out' .
    # Its clock begins anew there, once, and its counters go on.
    assert_equal "$(ffmpeg -v warning -i live.ts -c copy -f null - 2>&1 | grep -ci 'continuity')" 0
}

@test "push-stream: credentials on the command line are refused and not repeated; options need what they are for" {
    for url in rtsp://me:correct-horse@camera/1 rtsps://me@camera/1; do
        run --separate-stderr -64 push-stream $ID "$url"
        [[ $stderr == *'hint: --source-credentials-file'* ]]
        refute grep -F -e correct-horse -e me@ <<<"$stderr"
    done
    for wrong in '--size 1280 v4l2:' '--size 0x720 v4l2:' '--framerate fast v4l2:' '--framerate 5000 v4l2:' '--audio x v4l2:' \
        '--audio rtsp://h v4l2:' '--audio pulse: alsa:' '--size 1280x720 rtsp://h/1' '--rtsp-transport sctp rtsp://h/1' \
        '--source-credentials-file credentials v4l2:' '--size 1280x720 test:' '--loop v4l2:' '--caps video/x-raw alsa:' rtsp:///1; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr push-stream ${wrong% *} $ID "${wrong##* }"
        assert_equal "$status $wrong" "64 $wrong"
    done
    echo nonsense >nothing
    run --separate-stderr -78 push-stream --source-credentials-file nothing $ID rtsp://h/1
    refute grep -F nonsense <<<"$stderr"
    push -- --size 1280x720 --framerate 30000/1001 --audio alsa: $ID v4l2:/dev/video77
    assert_equal "$status" 66
    [[ $stderr == *'error: open /dev/video77: no such file'*'hint: ls -l /dev/video*'* ]]
    push -- $ID v4l2:credentials
    assert_equal "$status" 65
    push -- $ID alsa:nosuch
    assert_equal "$status" 74
    [[ $stderr == *'error: alsa:nosuch: '* ]]
}

# loudness FILE: mean, dB, rounded.
loudness() { ffmpeg -v info -i "$1" -af astats -f null - 2>&1 | sed -n 's/.*RMS level dB: \(-*[0-9]*\).*/\1/p' | tail -1; }

@test "push-stream: sound comes from ALSA and from PulseAudio" {
    ffmpeg -v error -f lavfi -i sine=r=48000:d=20 -ac 2 -f s16le tone.raw
    cat >asoundrc <<EOF
pcm.nothing { type null }
pcm.tone { type file slave.pcm "nothing" file "/dev/null" infile "$PWD/tone.raw" format "raw" }
EOF
    # No daemon of this machine's: one of its own, of a tone.
    export HOME=$PWD XDG_RUNTIME_DIR=$PWD PULSE_SERVER=unix:$PWD/pulse.sock
    start daemon pulseaudio -n --daemonize=no --use-pid-file=no --exit-idle-time=-1 \
        -L "module-native-protocol-unix socket=$PWD/pulse.sock auth-anonymous=1" \
        -L 'module-null-sink sink_name=desk' -L 'module-sine sink=desk frequency=440'
    wait_for 10 test -S pulse.sock
    start from_alsa env ALSA_CONFIG_PATH="$PWD/asoundrc" timeout 60 fake-sender --rate 1M --out alsa.ts -- push-stream $ID alsa:tone
    start from_pulse timeout 60 fake-sender --rate 1M --out pulse.ts -- push-stream $ID pulse:desk.monitor
    wait_for 20 larger alsa.ts 10000
    wait_for 20 larger pulse.ts 10000
    stop "$started_from_alsa"
    stop "$started_from_pulse"
    for name in alsa pulse; do
        assert_equal "$(codecs $name.ts)" aac
        [ "$(loudness $name.ts)" -gt -40 ]
    done
    push -- $ID pulse:nosuch
    assert_equal "$status" 74
}
