# push-stream: raw media by its caps, pipelines of the user's own, datagrams and SRT of others.
# shellcheck disable=SC2154,SC2016 # run --separate-stderr sets $stderr; a shell inside

load ../lib/common
load ../lib/push

export PUSH_LIMIT=30 # it waits for media that others send

ID=01hzzzzzzzzzzzzzzzzzzzzzzz
PORTS=31000 # and the next ones

setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit 1
    ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=0.6 -f lavfi -i sine=r=48000:d=0.6 \
        -c:v libx264 -preset ultrafast -g 25 -b:v 400k -c:a aac -b:a 64k -f mpegts show.ts
    ffmpeg -v error -i show.ts -c copy late.mp4
    ffmpeg -v error -i show.ts -c copy -movflags +faststart fast.mp4
    ffmpeg -v error -f lavfi -i testsrc2=s=160x90:r=25:d=0.6 -pix_fmt yuv420p -f rawvideo raw.yuv
    ffmpeg -v error -f lavfi -i sine=r=48000:d=0.6 -ac 2 -f s16le raw.pcm
    echo 'correct-horse-battery' >passphrase
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    media=$BATS_FILE_TMPDIR
    show=$media/show.ts
}

teardown() { end_started; }

codecs() { ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$1" | sort -u | xargs; }
frames() { ffprobe -v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$1" | head -1; }

@test "push-stream: raw pictures and sound are told by --caps, from a pipe or a file" {
    local picture=video/x-raw,format=I420,width=160,height=90,framerate=25/1
    push --rate 1M --out video.ts -- --caps $picture $ID - < <(cat "$media/raw.yuv")
    assert_equal "$status" 0
    assert_equal "$(codecs video.ts) $(frames video.ts)" 'h264 15'
    push --rate 1M --out sound.ts -- --caps audio/x-raw,format=S16LE,rate=48000,channels=2 $ID "$media/raw.pcm"
    assert_equal "$status" 0
    assert_equal "$(codecs sound.ts)" aac
    for wrong in 'nonsense,' "$picture,depth={1,2}" video/x-h264 "${picture/,width=160/}"; do
        push -- --caps "$wrong" $ID "$media/raw.yuv"
        assert_equal "$status $wrong" "64 $wrong"
        [[ $stderr == *"error: --caps '$wrong'"*'hint: such as video/x-raw'* ]]
    done
    run -64 push-stream --caps $picture $ID test:
}

@test "push-stream: a pipeline of the user's own is passed, remuxed or encoded like a file" {
    push --out ts.ts -- $ID "gst:filesrc location=$show"
    assert_equal "$status" 0
    assert_equal "$(codecs ts.ts)" 'aac h264'
    push --out as-is.ts -- $ID "gst:filesrc location=$show ! video/mpegts,systemstream=true,packetsize=188 ! identity"
    assert_equal "$status" 0
    cmp as-is.ts "$show"
    push --rate 1M --codec h265 --codec aac --out other.ts -- $ID "gst:filesrc location=$show ! video/mpegts,systemstream=true,packetsize=188 ! identity"
    assert_equal "$status" 0
    assert_equal "$(codecs other.ts)" 'aac hevc'
    [[ $stderr == *'h264 may not be sent'* ]]
    push --rate 1M --out both.ts -- $ID 'gst:videotestsrc num-buffers=15 ! video/x-raw,width=160,height=90,framerate=25/1 ! queue audiotestsrc num-buffers=28'
    assert_equal "$status" 0
    assert_equal "$(codecs both.ts) $(frames both.ts)" 'aac h264 15'
    push --duration 1 --out coded.ts -- $ID 'gst:videotestsrc is-live=true ! video/x-raw,width=160,height=90 ! x264enc tune=zerolatency bitrate=300'
    assert_equal "$status" 0
    assert_equal "$(codecs coded.ts)" h264
    refute grep encoded <<<"$stderr"
    push -- $ID 'gst:nosuchelement ! fakesink'
    assert_equal "$status" 69
    [[ $stderr == *'nosuchelement'*'hint: gst-launch-1.0'* ]]
    for wrong in 'gst:videotestsrc ! ! x' gst: 'gst:videotestsrc ! fakesink'; do
        push -- $ID "$wrong"
        assert_equal "$status $wrong" "64 $wrong"
    done
}

@test "push-stream: an MP4 file with its index at the end is refused on a pipe, and sent from a file" {
    push -- $ID - < <(cat "$media/late.mp4")
    assert_equal "$status" 65
    [[ $stderr == *'the index of this MP4 file'*'hint: '*faststart* ]]
    push --out fast.ts -- $ID - < <(cat "$media/fast.mp4")
    assert_equal "$status" 0
    assert_equal "$(codecs fast.ts)" 'aac h264'
    push --out late.ts -- $ID - <"$media/late.mp4"
    assert_equal "$status" 0
    assert_equal "$(codecs late.ts)" 'aac h264'
}

# shellcheck disable=SC2317 # called by wait_for
has_begun() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 20000 ]; }

# receive NAME INPUT ARGUMENTS…: push-stream in the background, which sends what comes to NAME.ts.
receive() {
    local name=$1 input=$2
    shift 2
    start "$name" timeout 60 fake-sender --duration 60 --out "$name.ts" -- push-stream "$@" $ID "$input"
}

# arrived NAME: what came of show.ts, which is sent over and over, is part of it, untouched.
arrived() {
    wait_for 20 has_begun "$1.ts" || { cat "$1.err"; return 1; }
    head -c 20000 "$1.ts" | python3 -c '
import sys
came, sent = sys.stdin.buffer.read(), open(sys.argv[1], "rb").read()
packets = {sent[i : i + 188] for i in range(0, len(sent), 188)}
came = [came[i : i + 188] for i in range(0, len(came) - 187, 188)]
wrong = sum(1 for p in came if p not in packets)
sys.exit(f"{wrong} of {len(came)} packets were changed") if wrong or not came else None' "$show"
}

@test "push-stream: TS in datagrams comes untouched: unicast, multicast, IPv6, RTP" {
    ip link set lo up multicast on 2>/dev/null || true
    receive plain udp://127.0.0.1:$PORTS
    receive group "udp://@239.77.1.2:$((PORTS + 1))?iface=lo"
    receive six "udp://[::1]:$((PORTS + 2))"
    receive rtp udp://:$((PORTS + 3))
    start sender python3 -c '
import socket, sys, time
show, port = open(sys.argv[1], "rb").read(), int(sys.argv[2])
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
n = 0
while True:
    for at in range(0, len(show) // 188 * 188, 1316):
        piece, n = show[at : at + 1316], n + 1
        header = bytes([0x80, 33]) + (n & 65535).to_bytes(2, "big") + bytes(8)
        for s, to, data in ((four, ("127.0.0.1", port), piece), (four, ("239.77.1.2", port + 1), piece),
                            (six, ("::1", port + 2), piece), (four, ("127.0.0.1", port + 3), header + piece),
                            (four, ("127.0.0.1", port + 7), piece)):
            try:
                s.sendto(data, to)
            except OSError:
                pass  # nobody listens yet
        time.sleep(0.01)' "$show" $PORTS
    # What is heard before the start shows that it does not fit; on a busy machine that takes a while to begin.
    start narrow timeout 60 fake-sender --start-in 3 --rate 300K --out narrow.ts -- push-stream $ID udp://127.0.0.1:$((PORTS + 7))
    for name in plain group six rtp; do arrived $name; done
    refute grep -l 'left out' ./*.err
    wait_for 20 has_begun narrow.ts
    grep -q 'Mbit/s, more than the 0.30 Mbit/s reserved: it is encoded' narrow.err
    refute cmp -s -n 1316 narrow.ts "$show"
}

# transmit NAME URL: somebody who sends show.ts by SRT, over and over.
transmit() {
    start "$1" bash -c 'exec srt-live-transmit -q -chunk:1316 file://con "$2" < <(python3 -uc "
import sys, time
show = open(sys.argv[1], \"rb\").read()
while True:
    for at in range(0, len(show), 1316):
        sys.stdout.buffer.write(show[at : at + 1316])
        time.sleep(0.01)" "$1")' - "$show" "$2"
}

@test "push-stream: SRT of another is called or answered, with its passphrase from a file" {
    receive answers "srt://127.0.0.1:$((PORTS + 4))?mode=listener" --source-passphrase-file "$media/passphrase"
    receive calls srt://localhost:$((PORTS + 5))?latency=50
    transmit to_answer "srt://127.0.0.1:$((PORTS + 4))?mode=caller&passphrase=correct-horse-battery"
    transmit to_call "srt://127.0.0.1:$((PORTS + 5))?mode=listener"
    arrived answers
    arrived calls
    refute grep -rF 'correct-horse' answers.err answers.out
    echo short >short
    push -- --source-passphrase-file short $ID srt://127.0.0.1:1
    assert_equal "$status" 78
    refute grep -F short <<<"${stderr#*short}"
    run --separate-stderr -64 push-stream $ID "srt://127.0.0.1:1?passphrase=correct-horse"
    refute grep -F correct-horse <<<"$stderr"
    [[ $stderr == *--source-passphrase-file* ]]
    run -64 push-stream --source-passphrase-file "$media/passphrase" $ID test:
    run -64 push-stream --loop $ID udp://:5000
}

@test "push-stream: a network input that cannot be had, or yields nothing, is no success" {
    push -- $ID udp://192.0.2.77:$((PORTS + 6))
    assert_equal "$status" 74
    push -- $ID "udp://@239.77.1.2:$((PORTS + 6))?iface=nonesuch"
    assert_equal "$status" 69
    push --duration 0.5 -- $ID udp://127.0.0.1:$((PORTS + 6))
    assert_equal "$status" 66
    [[ $stderr == *'nothing came from the input'* ]]
    push -- $ID srt://no-such-host.invalid:1
    assert_equal "$status" 69
}
