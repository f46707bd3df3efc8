# A relay-serve on loopback with real publishers: `load ../lib/relay` after common. Set PORT first: it takes that
# one for viewers and the two after it for publishers.

export HTTP=http://127.0.0.1:$PORT

# relay_up [LINE…] -- EVENT…: relay-serve in the background, with further lines at the top of its configuration.
# EVENT as make-relay takes it.
relay_up() {
    export RELAY=$BATS_FILE_TMPDIR
    local lines=()
    while [ "$1" != -- ]; do
        lines+=("$1")
        shift
    done
    shift
    {
        [ "${#lines[@]}" = 0 ] || printf '%s\n' "${lines[@]}"
        printf 'id = "r1"\ncontrol = "https://127.0.0.1:9"\nhttp = "127.0.0.1:%s"\ndata = "%s"\n' "$PORT" "$RELAY/data"
        printf '[ingest.line%s]\nlisten = "127.0.0.1:%s"\n' A $((PORT + 1)) B $((PORT + 3))
    } >"$RELAY/relay.toml"
    make-relay data "$RELAY/data" r1 "$@"
    relay-serve --config "$RELAY/relay.toml" --events - >"$RELAY/events" 2>"$RELAY/err" 3>&- &
    echo $! >"$RELAY/pid"
    wait_for 5 curl -sf "$HTTP/healthz"
}
relay_down() { kill "$(cat "$BATS_FILE_TMPDIR/pid")" || true; }

# make_media FILE SECONDS [GOP]: a picture and a tone, 25 pictures a second, a key frame each GOP of them. Of tests/run,
# all take theirs from one that is encoded once.
make_media() {
    local seconds=$2 gop=${3:-25} most=200 whole
    if [ -z "${SLOTCAST_TEST_MEDIA:-}" ] || [ "$seconds" -gt "$most" ]; then
        encode_media "$1" "$seconds" "$gop"
        return
    fi
    mkdir -p "$SLOTCAST_TEST_MEDIA"
    whole=$SLOTCAST_TEST_MEDIA/$gop.ts
    (
        flock 9
        [ -e "$whole" ] || { encode_media "$whole.new" "$most" "$gop" && mv "$whole.new" "$whole"; }
    ) 9>"$whole.lock"
    ffmpeg -nostdin -loglevel error -i "$whole" -t "$seconds" -c copy -f mpegts "$1"
}
encode_media() {
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -f lavfi \
        -i sine=frequency=440 -t "$2" -c:v libx264 -preset ultrafast -g "$3" -b:v 500k -c:a aac -f mpegts "$1"
}

# publish NAME ID FILE [LINE [OPTION…]]: sends FILE in real time in the background, over carrier A or B.
publish() {
    local ticket passphrase port=$((PORT + 1)) name=$1 id=$2 file=$3
    [ "${4:-A}" = A ] || port=$((PORT + 3))
    read -r ticket passphrase < <(play-relay ticket "$id" r1)
    start "$name" ffmpeg -nostdin -loglevel error -re "${@:5}" -i "$file" -c copy -f mpegts \
        "srt://127.0.0.1:$port?streamid=$ticket&passphrase=$passphrase"
}
# send NAME ID FILE [BYTES]: FILE in the background as it is, so many bytes (whole payloads) each tenth of a second: else
# at about 10 Mbit/s. LATENCY (120): SRT's, milliseconds.
send() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$2" r1)
    start "$1" sh -c "{ sleep 0.7; split -b ${4:-131600} --filter='cat; sleep 0.1' '$3'; sleep 0.5; } |
        timeout 100 srt-live-transmit -q -a:no -chunk:1316 file://con 'srt://127.0.0.1:$((PORT + 1))?mode=caller&streamid=$ticket&passphrase=$passphrase&latency=${LATENCY:-120}'"
}

status_of() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
# has_segments VID N: N of them at least are listed.
has_segments() { [ "$(curl -s "$HTTP/w/$1/index.m3u8" | grep -c '^#EXTINF')" -ge "$2" ]; }
happened() { jq -es --arg type "$1" --arg id "$2" 'any(.type == $type and .reservation == $id)' "$RELAY/events"; }
# header NAME: its value in $output, of curl -i or -I.
header() { tr -d '\r' <<<"$output" | sed -n "s/^$1: //Ip"; }
