# push-stream: what arrives at the sender, for each kind of input: the bytes, their pace, their rate.
# shellcheck disable=SC2016 # jq's variables are not the shell's

load ../lib/common

ID=01hzzzzzzzzzzzzzzzzzzzzzzz

setup_file() {
    cd "$BATS_FILE_TMPDIR" || exit 1
    local picture='testsrc2=s=320x180:r=25:d=1.6' sound='sine=r=48000:d=1.6'
    ffmpeg -v error -f lavfi -i "$picture" -f lavfi -i "$sound" -c:v libx264 -preset veryfast \
        -g 20 -bf 2 -b:v 400k -c:a aac -b:a 64k show.mp4
    ffmpeg -v error -i show.mp4 -c copy -f mpegts show.ts
    ffmpeg -v error -i show.mp4 -c:a copy -c:v libx265 -preset ultrafast -s 160x90 \
        -x265-params log-level=none:keyint=20:bframes=2 h265.mp4
    ffmpeg -v error -i h265.mp4 -c copy -f mpegts h265.ts
    ffmpeg -v error -f lavfi -i "$picture" -f lavfi -i "$sound" -c:v mpeg2video -b:v 4M \
        -c:a mp2 old.mkv
    ffmpeg -v error -i old.mkv -c copy -f mpegts old.ts
    ffmpeg -v error -f lavfi -i "$sound" -c:a pcm_s16le tone.wav
    ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i sine=r=48000:d=3 -c:v libx264 -preset ultrafast \
        -g 20 -b:v 2M -minrate 2M -maxrate 2M -bufsize 500k -x264-params nal-hrd=cbr -c:a aac -b:a 64k -f mpegts fat.ts
    ffmpeg -v error -i fat.ts -c copy fat.mp4
    ffmpeg -v error -i fat.ts -c:a copy -c:v libx264 -preset ultrafast -g 250 -sc_threshold 0 -b:v 300k -f mpegts sparse.ts
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    media=$BATS_FILE_TMPDIR
}

# push NAME [fake-sender's options] -- ARGUMENTS of push-stream: begins; what arrives is in NAME.ts.
push() {
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    timeout 30 fake-sender --out "$name.ts" --report "$name.json" "${options[@]}" -- \
        push-stream "$@" <&0 >"$name.stats" 2>"$name.err" 3>&- &
    printf -v "pid_$name" %s $!
}

# done_with NAME: it ended with success.
done_with() {
    local pid=pid_$1 code=0
    wait "${!pid}" || code=$?
    [ "$code" = 0 ] || { cat "$1.err"; return 1; }
}

says() { grep -qF -e "$2" "$1.err" || { cat "$1.err"; return 1; }; }
report() { jq -e "$2" "$1.json" >/dev/null || { cat "$1.json"; return 1; }; }

# The coded pictures of a file without what each container adds: delimiters and parameter sets.
pictures() {
    ffmpeg -v error -i "$1" -map 0:v -c copy -bsf:v h264_mp4toannexb,filter_units=remove_types=6-9 -f md5 -
}
pictures_h265() {
    ffmpeg -v error -i "$1" -map 0:v -c copy -f md5 \
        -bsf:v "hevc_mp4toannexb,filter_units=remove_types=32-35|39-40" -
}
# A hash of each coded frame of sound, without the headers that a transport stream puts before it.
sound() {
    ffmpeg -v error -i "$1" -map 0:a -c copy -bsf:a aac_adtstoasc -f framemd5 - |
        awk -F', *' '/^[0-9]/ { print $6 }' | xargs
}
codecs() { ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$1" | sort -u | xargs; }
frames() { ffprobe -v error -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0 "$1" | head -1; }

@test "push-stream: a transport stream passes byte by byte, at its own speed, from wherever it comes" {
    mkfifo camera
    start writer sh -c "cat '$media/show.ts' >camera"
    push file -- $ID "$media/show.ts"
    push pipe -- $ID - < <(cat "$media/show.ts")
    push redirected -- $ID - <"$media/show.ts"
    push fifo -- $ID camera
    # A pipe is not read before the start, so nothing of it is lost.
    push early --start-in 1 -- $ID - < <(cat "$media/show.ts")
    for name in file pipe redirected fifo early; do
        done_with $name
        cmp $name.ts "$media/show.ts"
        report $name '(.last_ms - .first_ms) as $took | $took > 1200 and $took < 2600'
    done
    report early '.first_ms >= 998'
}

@test "push-stream: neither a jump of the stream's clock nor a pause of the sender costs a byte" {
    cat "$media/show.ts" "$media/show.ts" >doubled
    push jump -- $ID doubled
    push pause --stall-at 0.4 --stall-for 1 -- $ID "$media/show.ts"
    done_with jump
    cmp jump.ts doubled
    report jump '(.last_ms - .first_ms) as $took | $took > 2400 and $took < 4800'
    done_with pause
    cmp pause.ts "$media/show.ts"
}

@test "push-stream: MP4 is remuxed, pictures and sound untouched; only what may not pass is encoded" {
    push whole -- $ID "$media/show.mp4"
    push part --codec h264 -- $ID "$media/show.mp4" # and not AAC
    done_with whole
    done_with part
    assert [ -n "$(pictures whole.ts)" ]
    assert_equal "$(pictures whole.ts)" "$(pictures "$media/show.mp4")"
    # The encoder's priming before 0, which MP4's edit list hides, and the last frame may be missing.
    came=$(sound whole.ts)
    was=$(sound "$media/show.mp4")
    [[ $was == *"$came"* ]]
    assert [ "$(wc -w <<<"$came")" -ge $(($(wc -w <<<"$was") - 2)) ]
    assert_equal $(($(stat -c %s whole.ts) % 188)) 0
    report whole '(.last_ms - .first_ms) as $took | $took > 1000 and $took < 2600'
    refute says whole encoded
    assert_equal "$(pictures part.ts)" "$(pictures "$media/show.mp4")"
    says part 'encoded to AAC'
}

@test "push-stream: H.265 passes as well, unless the reservation does without it" {
    push stream -- $ID "$media/h265.ts"
    push whole -- $ID "$media/h265.mp4"
    push part --rate 1500K --codec h264 --codec aac -- $ID "$media/h265.ts"
    done_with stream
    done_with whole
    done_with part
    cmp stream.ts "$media/h265.ts"
    report stream '(.last_ms - .first_ms) as $took | $took > 1200 and $took < 2600'
    assert_equal "$(codecs whole.ts)" 'aac hevc'
    was=$(pictures_h265 "$media/h265.mp4")
    assert_equal "$(pictures_h265 whole.ts)" "$was"
    assert_not_equal "$was" "MD5=$(md5sum </dev/null | cut -d ' ' -f 1)"
    assert_equal "$(frames whole.ts)" 40
    came=$(sound whole.ts)
    assert [ "$(wc -w <<<"$came")" -ge 70 ]
    [[ $(sound "$media/h265.mp4") == *"$came"* ]]
    assert_equal "$(ffmpeg -v error -i whole.ts -f null - 2>&1)" ''
    refute says whole encoded
    says part 'is encoded to H.264'
    assert_equal "$(codecs part.ts)" 'aac h264'
}

# all_of FILE N: it can be decoded, and has N pictures, each of them once. What goes on encoded is a
# program of its own, on its own timeline.
all_of() {
    assert_equal "$(ffmpeg -v error -i "$1" -map 0 -f null - 2>&1)" ''
    ffprobe -v error -show_entries packet=codec_type,stream_index,pts_time -of csv=p=0 "$1" | grep ^video | sort -t, -u -k 2,2n -k 3,3n |
        awk -F, -v n="$2" '{ if (count && $2 == stream && $3 - last > 0.05) bad = 1; last = $3; stream = $2; ++count }
             END { if (bad || count < n - 2 || count > n + 1) { print count " pictures, gap: " bad; exit 1 } }'
}

@test "push-stream: a stream above its rate, or with key frames too far apart, is encoded: from a file, or once it shows" {
    push rate_file --rate 1M -- $ID "$media/fat.ts"
    push rate_mp4 --rate 1M -- $ID "$media/fat.mp4"
    push rate_pipe --rate 1M -- $ID - < <(cat "$media/fat.ts")
    push gop_file --rate 1M --gop 1 -- $ID "$media/sparse.ts"
    push gop_pipe --rate 1M --gop 1 -- $ID - < <(cat "$media/sparse.ts")
    push gop_fits --rate 1M --gop 4 -- $ID - < <(cat "$media/sparse.ts")
    for name in rate_file rate_mp4 rate_pipe gop_file gop_pipe gop_fits; do done_with $name; done
    for name in rate_file rate_mp4 rate_pipe gop_file gop_pipe; do
        says $name 'is encoded to H.264'
        says $name 'is encoded to AAC'
        all_of $name.ts 75
    done
    for name in rate_file rate_mp4; do report $name '.most_bps < 1000000 * 1.1'; done
    says rate_file 'Mbit/s, more than the 1.00 Mbit/s reserved'
    says gop_pipe 'key frames are more than 1 s apart'
    # What had gone before it showed is as it was; a file is encoded from its beginning.
    cmp -n 20000 rate_pipe.ts "$media/fat.ts"
    cmp -n 20000 gop_pipe.ts "$media/sparse.ts"
    refute cmp -s -n 20000 gop_file.ts "$media/sparse.ts"
    ffprobe -v error -select_streams v -show_entries packet=pts_time,flags -of csv=p=0 gop_file.ts |
        awk -F, '/K/ { if (n++ && $1 - last > 1.1) bad = 1; last = $1 } END { exit bad || n < 3 }'
    cmp gop_fits.ts "$media/sparse.ts"
    refute says gop_fits encoded
}

@test "push-stream: other media are encoded within the reserved rate, from a file or a pipe" {
    push file --rate 1500K -- $ID "$media/old.mkv"
    push stream --rate 1500K -- $ID "$media/old.ts"
    done_with file
    done_with stream
    push pipe --rate 1500K -- $ID - < <(cat "$media/old.mkv")
    push sound --rate 1M -- $ID "$media/tone.wav"
    done_with pipe
    done_with sound
    for name in file stream pipe; do
        says $name 'is encoded to H.264'
        says $name 'is encoded to AAC'
        assert_equal "$(codecs $name.ts)" 'aac h264'
        assert [ "$(frames $name.ts)" -ge 38 ]
        report $name '.most_bps < 1500000 * 1.1 and .most_bps > 1500000 * 0.4'
        assert_equal "$(ffmpeg -v error -i $name.ts -f null - 2>&1)" ''
    done
    assert_equal "$(codecs sound.ts)" aac
}

@test "push-stream: pictures are encoded by what was asked for, as far as the reservation allows it" {
    push asked --rate 1500K -- --encoder x265 $ID "$media/old.mkv"
    push only --rate 1500K --codec h265 --codec aac -- $ID "$media/old.ts" # x264 is no choice
    push refused --codec h264 --codec aac --rate 2M -- --encoder x265 $ID "$media/old.mkv"
    push unknown -- --encoder av1enc $ID "$media/old.mkv"
    push opus --rate 1500K --codec h264 --codec opus -- $ID "$media/old.mkv"
    done_with asked
    done_with only
    for name in asked only; do
        says $name 'is encoded to H.265'
        assert_equal "$(codecs $name.ts)" 'aac hevc'
        assert [ "$(frames $name.ts)" -ge 38 ]
        report $name '.most_bps < 1500000 * 1.1 and .most_bps > 1500000 * 0.3'
    done
    done_with opus
    assert_equal "$(codecs opus.ts)" 'h264 opus'
    for name in refused unknown; do
        pid=pid_$name code=0
        wait "${!pid}" || code=$?
        assert_equal "$name $code" "$name 64"
        says $name 'error: --encoder'
        refute [ -s $name.ts ]
    done
    says unknown 'no transport stream carries AV1'
    push again --codec h264 --codec opus -- $ID opus.ts # and passes as it is, where it may
    done_with again
    cmp again.ts opus.ts
}

@test "push-stream: the test picture keeps to the rate, with a key frame every two seconds" {
    push low --rate 800K --duration 4.5 -- $ID test:
    done_with low
    assert_equal "$(codecs low.ts)" 'aac h264'
    report low '.most_bps < 800000 * 1.1 and .bytes * 8 > 800000 * 4.5 * 0.4'
    ffprobe -v error -select_streams v -show_entries packet=pts_time,flags -of csv=p=0 low.ts |
        awk -F, '/K/ { if (n++ && $1 - last > 2.1) bad = 1; last = $1 } END { exit bad || n < 2 }'
}

@test "push-stream: what is encoded becomes less while the line is behind, and more again; what passes stays as it is" {
    push made --rate 2M --duration 11 --behind-at 2 --behind-for 2.5 -- $ID test:
    push x265 --rate 1M --duration 11 --behind-at 2 --behind-for 2.5 -- --encoder x265 $ID 'gst:videotestsrc is-live=true pattern=snow ! video/x-raw,width=320,height=180 ! identity'
    push passed --behind-at 0.1 --behind-for 5 -- $ID "$media/show.ts"
    done_with passed
    cmp passed.ts "$media/show.ts"
    refute grep encoder_limit_bps passed.stats
    # Bytes a second between two of its statistics: before, and when it has fallen.
    for name in made x265; do
        done_with $name
        says $name 'less is encoded'
        assert_matches_schema push-stream <$name.stats
        jq -es 'map(select(.encoder_limit_bps)) | (map(.encoder_limit_bps) | min) as $least |
            .[0].encoder_limit_bps == (map(.encoder_limit_bps) | max) and $least < .[0].encoder_limit_bps * 0.5 and
            .[-1].encoder_limit_bps > $least' $name.stats >/dev/null || { cat $name.stats; return 1; }
        jq -es 'def rate($a; $b): (.[$b].bytes - .[$a].bytes) / (.[$a].left_s - .[$b].left_s);
            map(select(.state == "live")) | unique_by(.left_s) | reverse |
            rate(1; 2) as $before | rate(5; 7) as $after | $after < $before * 0.8' $name.stats >/dev/null || { cat $name.stats; return 1; }
    done
}

@test "push-stream: --loop goes on as one stream until the reservation ends, also where it is encoded" {
    push stream --duration 4 -- $ID "$media/show.ts" --loop
    push remuxed --duration 4 -- $ID "$media/show.mp4" --loop
    push excess --rate 400K --duration 4 -- $ID "$media/show.ts" --loop
    for name in stream remuxed excess; do
        local least=85
        [ $name != excess ] || least=50 # an encoder has to begin
        done_with $name
        report $name '.last_ms > 3500 and .last_ms < 5500'
        ffprobe -v warning -show_entries packet=dts_time -select_streams v -of csv=p=0 $name.ts 2>warnings |
            awk -F, '$1 != "" { if (n++ && $1 <= last) bad = 1; last = $1 } END { exit bad || n < '$least' }'
        # It is cut at the end of the reservation, maybe within a picture: only that may be wrong.
        refute grep -Ei 'discontinu|non.monoton|continuity' warnings
    done
    says excess ' Mbit/s, more than the 0.40 Mbit/s reserved'
    report excess '.most_bps < 400000 * 1.1'
}
