# Runs in a guest (tests/lib/guest), whose kernel has a camera without hardware (vivid); host.bats starts it. What it
# shows is taken by V4L2, encoded and sent.
# shellcheck disable=SC2154 # run --separate-stderr sets $stderr, start its started_ variables

load ../lib/common
load ../lib/push

ID=01hzzzzzzzzzzzzzzzzzzzzzzz

# One webcam, whose colour bars move.
setup_file() { modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0; }
teardown() { end_started; }

# shellcheck disable=SC2317 # called by wait_for
larger() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]; }

@test "camera: its pictures are encoded as it was asked for, within the reserved rate, and move" {
    cd "$BATS_TEST_TMPDIR"
    wait_for 10 test -c /dev/video0
    start push timeout 150 fake-sender --rate 1M --out live.ts -- \
        push-stream --size 320x180 --framerate 15 $ID v4l2:/dev/video0
    wait_for 100 larger live.ts 150000
    # The camera is in use: a second one cannot have it, and says so.
    run --separate-stderr timeout 60 fake-sender --rate 1M --out second.ts -- push-stream --size 320x180 $ID v4l2:/dev/video0
    assert_equal "$status" 74
    [[ $stderr == *'error: v4l2:/dev/video0: '*busy* ]]
    kill -TERM "$(pgrep -P "$(pgrep -P "$started_push")")"
    wait "$started_push" || true
    run -0 ffprobe -v error -show_entries stream=codec_name,width,height,avg_frame_rate -of csv=p=0 live.ts
    assert_output --partial h264,320,180,15/1
    # No two seconds of it are alike.
    ffmpeg -v error -i live.ts -vf fps=1 -f framemd5 - | awk -F, '!/^#/ {print $NF}' >pictures
    assert [ "$(wc -l <pictures)" -ge 3 ]
    assert_equal "$(sort -u pictures | wc -l)" "$(wc -l <pictures)"
}
