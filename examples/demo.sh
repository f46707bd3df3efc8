#!/bin/bash
# The whole flow on one machine, with the programs as a user would call them: a reservation crosses
# one network, the stream another, viewers watch, the line is cut, and nothing leaks.
#
#   make demo                      a live test picture with sound
#   make demo INPUT=holiday.mp4    your own file
#
# Takes about a minute. Exit status 0 only when everything in the final table was seen.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
INPUT=${1:-test:}
if [ "$INPUT" != test: ]; then
    if [ ! -f "$INPUT" ] || [ ! -r "$INPUT" ]; then
        echo "demo: error: no such file, or not to be read: $INPUT" >&2
        echo "demo: hint: name a file with picture or sound, or none for a test picture" >&2
        exit 66
    fi
    INPUT=$(realpath -e -- "$INPUT")
fi

# Root, or a user namespace that is as good; says what is missing when there is neither.
[ -n "${DEMO_INSIDE:-}" ] || DEMO_INSIDE=1 exec "$here/in-namespaces" "$0" "$INPUT"

# shellcheck source=examples/lab.sh
. "$here/lab.sh"
work=$(mktemp -d /tmp/slotcast-demo.XXXXXX)
chmod 711 "$work"
background=()
finish() {
    local code=$?
    for pid in "${background[@]}"; do kill "$pid" 2>/dev/null || true; done
    lab_down
    if [ "$code" = 0 ]; then rm -rf "$work"; else echo "demo: failed; what it wrote is in $work" >&2; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '  $ %s\n' "$*"; }
later() { # later NAME COMMAND…: in the background, output to files
    local name=$1
    shift
    ON_EXEC=1 "$@" >"$work/$name.out" 2>"$work/$name.err" &
    background+=($!)
    printf -v "pid_$name" %s $!
}
wait_until() { # wait_until SECONDS WHAT COMMAND…
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || { echo "demo: error: waited in vain for $what" >&2; return 1; }
        sleep 0.1
    done
}

# --- The networks and the configurations ---------------------------------------------------------
step "Building the two networks (the Internet, and two carriers' lines)"
lab_up

lab_configure "$work"
control() { on control env SLOTCAST_CONFIG="$work/control.toml" "$@"; }
relay() { on relay env SLOTCAST_CONFIG="$work/relay.toml" "$@"; }
terminal() { on terminal env SLOTCAST_CONFIG="$work/terminal.toml" "$@"; }
metric() { relay curl -sf http://127.0.0.1:9090/metrics | awk -v name="$1" '$1 == name {print $2}'; }

# --- 1. Keys, then the booking -------------------------------------------------------------------
step "1. Keys, and a reservation over the Internet"
show resv-control init
control resv-control init
later serve control resv-control serve
wait_until 10 "control" on control curl -sf --cacert "$work/tls.crt" "https://$CONTROL_ADDRESS:8443/healthz"

show 'resv-control enrol r1 --role relay | relay-serve enrol --control URL --token-file -'
control resv-control enrol r1 --role relay |
    relay relay-serve enrol --control "https://$CONTROL_ADDRESS:8443" --token-file -
later relay relay relay-serve --events -
show resv-store init
terminal resv-store init
show 'resv-control enrol studio --role distributor | resv-request enrol --control URL --token-file -'
control resv-control enrol studio --role distributor |
    terminal resv-request enrol --control "https://$CONTROL_ADDRESS:8443" --token-file -

at() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }
start=$(at 10)
end=$(at 55)
show "resv-request slots --from $start --to … --duration 45s --rate 4M --table"
terminal resv-request slots --from "$start" --to "$(at 600)" --duration 45s --rate 4M \
    --carrier lineA --carrier lineB --table
show "resv-request book --start $start --end $end --rate 4M … | resv-store add"
terminal resv-request book --start "$start" --end "$end" --rate 4M --title 'Town hall' \
    --carrier lineA --carrier lineB | tee "$work/booking" | terminal resv-store add
id=$(terminal resv-store next --within 1m)
url=$(jq -r 'select(.type == "reservation").viewer_url' "$work/booking")
echo "  reservation $id, viewers go to $url"
# An event of next hour, only to try its ticket today.
other=$(terminal resv-request book --start "$(at 3600)" --duration 10m --rate 4M --title 'Later' \
    --carrier lineA | tee /dev/stderr 2>/dev/null >(terminal resv-store add >/dev/null) |
    jq -r 'select(.type == "reservation").id')

# --- Refusals: each must be answered by a no, and say which --------------------------------------
refusals=()
refused() { # refused WHAT ANSWER: notes it; an empty answer is a failure
    refusals+=("$1|${2:-(nothing)}")
    [ -n "$2" ] || failures+=("$1 was not refused")
}
failures=()
relay_said() { # relay_said REASON LINES-BEFORE: the relay's own word since then; fails while there is none
    tail -n "+$(($2 + 1))" "$work/relay.out" |
        jq -rne --arg reason "$1" 'first(inputs | select(.type == "refused" and .reason == $reason).reason)'
}
try_publish() { # try_publish REASON URL: a stranger's encoder, until the relay has answered; prints it
    local before stranger
    before=$(wc -l <"$work/relay.out")
    # Every connection that it makes is a new one: what it sends does not matter.
    ON_EXEC=1 terminal timeout 10 srt-live-transmit -q file://con "$2" < <(yes) >>"$work/tried" 2>&1 &
    stranger=$!
    for _ in {1..100}; do
        relay_said "$1" "$before" && break
        sleep 0.1
    done
    kill "$stranger" 2>/dev/null || true
    wait "$stranger" || true
}
url_of() { terminal resv-store get "$1" --url --reveal; }

step "2. Before the start: what must be refused"
answer=$(terminal resv-request book --start "$start" --duration 20s --rate 4M --channel studio1 \
    --title 'Clash' --carrier lineA 2>&1 >/dev/null) && answer=
refused "overlapping booking" "$(head -n 1 <<<"$answer")"
show "carrier-connect up $id"
terminal carrier-connect up "$id"
refused "too early" "$(try_publish too_early "$(url_of "$id")")"
refused "wrong ticket" "$(try_publish bad_ticket "$(url_of "$id" | sed 's/streamid=\(....\)\(.\)/streamid=\1Z\2/; s/\(streamid=.\{198\}\)./\1/')")"
refused "ticket of another reservation" "$(try_publish too_early "$(url_of "$other")")"
terminal carrier-connect down "$id"

# --- 3. The stream -------------------------------------------------------------------------------
step "3. Streaming over the preset carrier; viewers play HTTP-TS and HLS"
show "carrier-connect exec $id -- push-stream $id $INPUT"
loop=()
[ "$INPUT" = test: ] || loop=(--loop)
later push terminal carrier-connect exec "$id" -- push-stream "$id" "$INPUT" "${loop[@]}"

frames_ffmpeg() { grep -ao 'frame= *[0-9]*' "$work/$1.err" 2>/dev/null | tail -n 1 | grep -o '[0-9]*$' || echo 0; }
frames_gst() { grep -ao 'rendered: [0-9]*' "$work/$1.out" 2>/dev/null | tail -n 1 | grep -o '[0-9]*$' || echo 0; }
received() { on viewer cat /sys/class/net/view0/statistics/rx_bytes; }
base=${url%/}
play_ffmpeg() { on viewer ffmpeg -nostdin -hide_banner -loglevel error -stats -i "$1" -f null -; }
# No uridecodebin: of HLS it asks for a pause whenever its buffer is short, which it always is where pictures are
# taken as fast as they come, and gst-launch was seen to stay in one of these pauses for good.
play_gst() { # play_gst URL [ELEMENT !]: the element takes the segments out of the playlist
    on viewer gst-launch-1.0 -v souphttpsrc location="$1" ! "${@:2}" decodebin ! videoconvert ! \
        fpsdisplaysink text-overlay=false video-sink=fakesink sync=false
}
wait_until 25 "the start" relay sh -c "grep -q first_media $work/relay.out"
later ffmpeg_ts play_ffmpeg "$base/live.ts"
later gst_ts play_gst "$base/live.ts"
wait_until 15 "the playlist" on viewer curl -sf "$base/index.m3u8"
later ffmpeg_hls play_ffmpeg "$base/index.m3u8"
later gst_hls play_gst "$base/index.m3u8" hlsdemux !
# Cut before a player has begun, the line would show nothing about it.
plays() { [ "$(frames_"${1%%_*}" "$1")" -gt 100 ]; }
for player in ffmpeg_ts gst_ts ffmpeg_hls gst_hls; do
    wait_until 20 "the picture of $player" plays $player
done
refused "second publisher" "$(try_publish busy "$(url_of "$id")")"

# --- 4. The cut ----------------------------------------------------------------------------------
step "4. The preset carrier is cut (and the other is down as well, for a moment)"
show ip link set carA down
ip -n "$LAB-terminal" link set carA down
ip -n "$LAB-terminal" link set carB down
sleep 1
frozen=$(metric "slotcast_relay_ingest_bytes_total{reservation=\"$id\"}")
user() { terminal setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
answer=$(user timeout 5 ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc=size=160x90:rate=10 \
    -f mpegts "$(url_of "$id")" 2>&1) && answer=
kernel=$(user ip route get "$INGEST_A" 2>&1) && answer=
[ -z "$answer" ] || answer="the kernel: ${kernel#RTNETLINK answers: }; ffmpeg: ${answer##*: }"
refused "ffmpeg of an ordinary user, carriers down" "$answer"
still=$(metric "slotcast_relay_ingest_bytes_total{reservation=\"$id\"}")
stopped=no
[ -n "$frozen" ] && [ "$frozen" = "$still" ] && stopped=yes
leaked=$(lab_bytes media inet0)
frames_before=$(frames_ffmpeg ffmpeg_ts)
echo "  the stream stands still: $stopped; media bytes on the Internet interface: $leaked"
lab_line_back carB 10.3.0.1
show "carrier-connect up $id --carrier lineB"
terminal carrier-connect up "$id" --carrier lineB
more_frames() { [ "$(frames_ffmpeg ffmpeg_ts)" -gt $((frames_before + 25)) ]; }
wait_until 15 "the viewers' picture to go on" more_frames

# --- 5. The end, and the account -----------------------------------------------------------------
step "5. Until the end of the reserved time"
in_out=$(metric 'slotcast_relay_in_to_out_seconds{quantile="0.5"}')
push_code=0
# shellcheck disable=SC2154 # set by `later`
wait "$pid_push" || push_code=$?
refused "after the end" "$(
    terminal carrier-connect up "$id" --carrier lineB >&2
    sleep 3
    try_publish ended "$(url_of "$id")"
    terminal carrier-connect down "$id" >&2
)"
sleep 1

row() { printf '  %-46s %s\n' "$@"; }
must() { # must WHAT VALUE TEST…: a row of the table, and a failure when the test says no
    local what=$1 value=$2
    shift 2
    if "$@"; then row "$what" "$value"; else
        row "$what" "$value   <- WRONG"
        failures+=("$what: $value")
    fi
}
is() { [ "$1" = "$2" ]; }
above() { [ "${1:-0}" -gt "$2" ]; }

step "What was seen"
row "bytes" "Internet (inet0)   line A (carA)   line B (carB)"
reservation=() media=()
for dev in inet0 carA carB; do
    reservation+=("$(lab_bytes reservation $dev)")
    media+=("$(lab_bytes media $dev)")
done
row "  of reservation" "$(printf '%-18s %-15s %s' "${reservation[@]}")"
row "  of media" "$(printf '%-18s %-15s %s' "${media[@]}")"
must "reservation crossed the Internet" "${reservation[0]} bytes" above "${reservation[0]}" 0
must "reservation on the carriers" "$((reservation[1] + reservation[2])) bytes" is $((reservation[1] + reservation[2])) 0
must "media crossed line A, then line B" "${media[1]}, ${media[2]} bytes" above $((media[1] < media[2] ? media[1] : media[2])) 100000
must "media on the Internet interface" "${media[0]} bytes" is "${media[0]}" 0
must "the stream stood still while cut" "$stopped" is "$stopped" yes
must "push-stream's exit status" "$push_code" is "$push_code" 0
for player in ffmpeg_ts ffmpeg_hls; do
    must "frames decoded by $player" "$(frames_ffmpeg $player)" above "$(frames_ffmpeg $player)" 100
done
for player in gst_ts gst_hls; do
    must "frames decoded by $player" "$(frames_gst $player)" above "$(frames_gst $player)" 100
done
must "packet in to packet out, median" "${in_out:-none} s" test -n "$in_out"
for r in "${refusals[@]}"; do row "refused: ${r%%|*}" "${r#*|}"; done

if [ ${#failures[@]} -gt 0 ]; then
    printf '\ndemo: error: %s\n' "${failures[@]}" >&2
    exit 1
fi
printf '\nEverything was seen: the reservation crossed the Internet, the stream the carriers, and no other.\n'
