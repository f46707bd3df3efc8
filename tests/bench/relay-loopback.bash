# shellcheck shell=bash
# Sourced by what measures relay-serve alone, on loopback in namespaces of its own. The caller has set $root, $build and
# $work (a folder of its own), and calls bench_clean at its end.

PATH=$build/bin:$build/tests/tools:$root/tests/lib:$PATH:/usr/sbin
unset SLOTCAST_CONFIG SLOTCAST_CONTROL SLOTCAST_SPOOL
PORT=18080
HTTP=http://127.0.0.1:$PORT
pids=()

say() { echo "bench: $*" >&2; }
bench_clean() {
    [ "${#pids[@]}" = 0 ] || ended "${pids[@]}"
    rm -rf "$work"
}
# behind COMMAND…: in the background, its pid in $pid.
behind() {
    "$@" <&0 & # its input is ours, which bash would not leave it
    pid=$!
    pids+=("$pid")
}
ended() { # ended PID…: ends them, also who waits for more to read
    local pid
    kill "$@" 2>/dev/null || true
    for pid in "$@"; do
        for _ in {1..30}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

# relay_up LINE…: a relay with further lines in its configuration, and an event of 100 Mbit/s. Sets $relay and $id.
relay_up() {
    id=$(make-relay id)
    rm -rf "$work/data"
    {
        printf '%s\n' 'id = "r1"' 'control = "https://127.0.0.1:9"' "http = \"127.0.0.1:$PORT\"" "data = \"$work/data\"" \
            'connections_per_address = 0' "$@"
        printf '[ingest.lineA]\nlisten = "127.0.0.1:%s"\nlatency = "20ms"\n' $((PORT + 1))
    } >"$work/relay.toml"
    make-relay data "$work/data" r1 "$id,0,600,viewers=3000,rate=100M"
    behind relay-serve -q --config "$work/relay.toml" 2>>"$work/relay.err"
    relay=$pid
    for _ in {1..100}; do
        ! curl -sf "$HTTP/healthz" >/dev/null || return 0
        sleep 0.1
    done
    tail -n 3 "$work/relay.err" >&2
    return 1
}
# send LATENCY_MS FILE RATE: that in real time to the relay, from send-stamps. Sets $sender.
send() {
    behind send-stamps 127.0.0.1:$((PORT + 1)) "$2" --rate "$3" --latency "$1" < <(play-relay ticket "$id" r1)
    sender=$pid
    for _ in {1..150}; do
        ! curl -sf -m 1 "$HTTP/w/$id/index.m3u8" | grep -q EXTINF || return 0
        sleep 0.1
    done
    say 'no media came to the relay'
    return 1
}
# a_stream FILE SECONDS RATE: a picture of 5.6 Mbit/s in a stream of RATE.
a_stream() {
    ffmpeg -nostdin -loglevel error -y -f lavfi -i "testsrc2=size=1280x720:rate=25,noise=alls=20" -t "$2" -c:v libx264 \
        -preset ultrafast -x264-params nal-hrd=cbr:keyint=50:scenecut=0 -b:v 5600k -minrate 5600k -maxrate 5600k \
        -bufsize 1500k -muxrate "$3" -f mpegts "$1"
}
# row NAME AIM BETTER FIGURES: a line; met is whether .value is on the better side of AIM (more or less), null for no AIM.
row() {
    jq -cn --arg name "$1" --argjson target "$2" --arg better "$3" --argjson figures "$4" \
        '{type: "bench", v: 1, name: $name} + $figures + (if $target == null then {} else {target: $target,
            met: (if $better == "less" then $figures.value <= $target else $figures.value >= $target end)} end)'
}
