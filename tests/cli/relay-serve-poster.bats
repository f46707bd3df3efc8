# The picture of an event: what it shows, who gets it, and what a process costs that decodes strangers' media.

load ../lib/common
export PORT=18900
load ../lib/relay

setup_file() {
    export RED HEVC SECRET SOUND
    RED=$(make-relay id) HEVC=$(make-relay id) SECRET=$(make-relay id) SOUND=$(make-relay id)
    relay_up -- "$RED,0,900" "$HEVC,0,900,channel=b" "$SECRET,0,900,channel=c,disclosure=password,password=open,vid=0123456789abcdef" \
        "$SOUND,0,900,channel=d"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

# colours FILE SECONDS COLOUR… -- ENCODER…: a picture of each colour for so long.
colours() {
    local file=$1 seconds=$2 inputs=() n=0
    shift 2
    while [ "$1" != -- ]; do
        inputs+=(-f lavfi -t "$seconds" -i "color=c=$1:size=${SIZE:-640x360}:rate=25")
        n=$((n + 1))
        shift
    done
    shift
    ffmpeg -nostdin -loglevel error -y "${inputs[@]}" -filter_complex "concat=n=$n:v=1:a=0" -g 25 "$@" -f mpegts "$file"
}
# shows FILE R G B: its one colour, as far as the encoders keep it.
shows() {
    ffmpeg -nostdin -loglevel error -i "$1" -vf scale=1:1 -f rawvideo -pix_fmt rgb24 - | od -An -tu1 |
        awk -v r="$2" -v g="$3" -v b="$4" 'function far(x, y) { return x - y > 24 || y - x > 24 }
            { exit far($1, r) || far($2, g) || far($3, b) }'
}
now_shows() { curl -sf -o now.jpg "$HTTP/w/$1/poster.jpg" && shows now.jpg "${@:2}"; }
started() { curl -s "$HTTP/metrics" | sed -n 's/^slotcast_relay_posters_total //p'; }

@test "poster.jpg shows the newest key frame, is cached, and made at most every ten seconds" {
    assert_equal "$(status_of "$HTTP/w/$RED/poster.jpg")" 404
    assert_equal "$(started)" 0
    colours red.ts 12 red 0x20c040 -- -c:v libx264 -preset ultrafast
    publish red "$RED" red.ts
    picture() { [ "$(status_of "$HTTP/w/$RED/poster.jpg")" = 200 ]; }
    wait_for 20 picture
    run -0 curl -si -o /dev/null -D - -H 'Accept-Encoding: gzip' "$HTTP/w/$RED/poster.jpg"
    assert_equal "$(header content-type)" image/jpeg
    assert_equal "$(header cache-control)" 'public, max-age=5'
    assert_equal "$(header content-encoding)" ''
    assert_equal "$(header access-control-allow-origin)" '*'
    local tag
    tag=$(header etag)
    assert_equal "$(status_of -H "If-None-Match: $tag" "$HTTP/w/$RED/poster.jpg")" 304
    curl -sf -o red.jpg "$HTTP/w/$RED/poster.jpg"
    assert_equal "$(ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 red.jpg)" mjpeg,640,360
    shows red.jpg 255 0 0
    # However often one asks.
    for _ in $(seq 20); do curl -sf -o again.jpg "$HTTP/w/$RED/poster.jpg"; done
    assert [ "$(started)" -le 2 ]
    wait_for 40 now_shows "$RED" 32 192 64
    assert [ "$(started)" -le 5 ]
    # Nobody asks: nothing is made.
    curl -s "$HTTP/w/$RED/" | grep -q 'poster="poster.jpg"'
}

@test "of H.265 and of large pictures; under the token of a password only" {
    colours hevc.ts 25 0x3060c0 -- -c:v libx265 -preset ultrafast -x265-params log-level=error
    publish hevc "$HEVC" hevc.ts
    SIZE=2560x1080 colours wide.ts 25 0xc0c020 -- -c:v libx264 -preset ultrafast
    publish wide "$SECRET" wide.ts
    wait_for 30 now_shows "$HEVC" 48 96 192
    assert_equal "$(status_of "$HTTP/w/0123456789abcdef/poster.jpg")" 403
    local token
    token=$(curl -s -o /dev/null -w '%{redirect_url}' -d password=open "$HTTP/w/0123456789abcdef/" | sed 's,.*/w/,,; s,/$,,')
    wait_for 30 now_shows "$token" 192 192 32
    run -0 curl -si -o /dev/null -D - "$HTTP/w/$token/poster.jpg"
    assert_equal "$(header cache-control)" 'private, max-age=5'
    run -0 ffprobe -v error -show_entries stream=width,height -of csv=p=0 now.jpg
    assert_regex "$output" '^1280,5[34][0-9]$'
}

@test "sound alone has no picture" {
    ffmpeg -nostdin -loglevel error -f lavfi -i sine=frequency=440 -t 25 -c:a aac -f mpegts sound.ts
    publish sound "$SOUND" sound.ts
    wait_for 20 has_segments "$SOUND" 1
    none() { [ "$(status_of "$HTTP/w/$SOUND/poster.jpg")" = 404 ]; }
    wait_for 30 none
    run -0 curl -s "$HTTP/w/$SOUND/poster.jpg"
    assert_output 'not found'
    assert [ "$(started)" -ge 1 ]
}

@test "the process makes a picture of garbage or says that there is none, and writes nothing else" {
    colours good.ts 2 red blue -- -c:v libx264 -preset ultrafast
    local seed code
    for seed in $(seq 12); do
        # Tables and headers of packets stay; the more of the pictures is noise, the higher the seed.
        SEED=$seed perl -e 'local $/ = \188; binmode STDIN; binmode STDOUT; srand $ENV{SEED};
            while (my $p = <STDIN>) { my $pid = unpack("n", substr $p, 1, 2) & 0x1fff;
                substr($p, 30 + int rand 150, 1) = chr int rand 256 for 1 .. ($pid == 256 ? $ENV{SEED} ** 2 : 0); print $p }' <good.ts >noise.ts
        code=0
        timeout 20 relay-poster <noise.ts >noise.jpg 2>noise.err || code=$?
        case $code in
        0) ffprobe -v error -show_entries stream=codec_name -of csv=p=0 noise.jpg | grep -qx mjpeg ;;
        66) [ ! -s noise.jpg ] && grep -q '^relay-poster: error: no ' noise.err ;;
        *) fail "seed $seed: exit $code: $(<noise.err)" ;;
        esac
    done
    head -c 100000 /dev/urandom >random
    : >empty
    for file in random empty; do
        run -66 timeout 20 relay-poster <"$file"
        assert_output 'relay-poster: error: no video that a picture is made of'
    done
    head -c 600 good.ts >short
    run -66 timeout 20 relay-poster <short
    assert_output 'relay-poster: error: no picture could be decoded'
}

@test "one that lies, writes without end or never ends is stopped, and the stream goes on" {
    relay_down
    local id bin=$PWD/bin
    id=$(make-relay id)
    mkdir bin
    cp "$SLOTCAST_BUILD/bin/relay-serve" "$SLOTCAST_BUILD/bin/relay-ingest" bin/
    echo 'int main(void) { for (;;) ; }' | cc -x c -O0 -o spin -
    colours red.ts 60 red -- -c:v libx264 -preset ultrafast
    make-relay data "$RELAY/data" r1 "$id,0,900"
    local program
    for program in "$(type -P cat)" "$(type -P yes)" "$PWD/spin"; do
        cp "$program" bin/relay-poster
        start relay "$bin/relay-serve" --config "$RELAY/relay.toml"
        wait_for 5 curl -sf "$HTTP/healthz"
        publish push "$id" red.ts
        wait_for 20 has_segments "$id" 1
        refused() { [ "$(status_of "$HTTP/w/$id/poster.jpg")" = 404 ]; }
        wait_for 30 refused
        assert [ "$(started)" -ge 1 ]
        gone() { ! pgrep -P "$started_relay" relay-poster; }
        wait_for 15 gone
        has_segments "$id" 1
        end_started
        wait "$started_relay" || true
    done
    # A relay whose process is killed by somebody does without, then with the next.
    cp "$SLOTCAST_BUILD/bin/relay-poster" bin/relay-poster
    start relay "$bin/relay-serve" --config "$RELAY/relay.toml"
    wait_for 5 curl -sf "$HTTP/healthz"
    publish push "$id" red.ts
    wait_for 20 has_segments "$id" 1
    caught() { kill -9 "$(pgrep -P "$started_relay" relay-poster)"; }
    curl -s -o /dev/null "$HTTP/w/$id/poster.jpg" &
    wait_for 10 caught
    wait_for 30 now_shows "$id" 255 0 0
}
