# Loaded after common and lab: the whole system in the lab, as the demo runs it, for tests.
#
#   setup_file()    { stack_up; }          control, relay and terminal, enrolled, in $STACK; options
#                                          given are the daemons' (-v); $STACK_LEDGER: a database
#   stack_edit()    { … }                  changes the configurations before anything starts
#   teardown_file() { stack_down; }
#   book 8 12 --title X                    sets $ID and $URL: starts in 8 s, lasts 12 s

load ../lib/record

STACK=$BATS_FILE_TMPDIR/stack
VIEWERS_PORT=8080

control() { on control env SLOTCAST_CONFIG="$STACK/control.toml" "$@"; }
relay() { on relay env SLOTCAST_CONFIG="$STACK/relay.toml" "$@"; }
terminal() { on terminal env SLOTCAST_CONFIG="$STACK/terminal.toml" "$@"; }

# daemon HOST COMMAND…: runs it until stack_down, with the host's configuration; $STACK/HOST.pid is the
# program's own pid.
daemon() {
    local name=$1 recorded=()
    shift
    [ "$name" != control ] || recorded=("${RECORDED[@]}")
    ON_EXEC=1 on "$name" env SLOTCAST_CONFIG="$STACK/$name.toml" "${recorded[@]}" "$@" >"$STACK/$name.out" 2>"$STACK/$name.err" 3>&- 4>&- &
    echo $! >"$STACK/$name.pid"
}

stack_up() {
    mkdir -p "$STACK"
    chmod 711 "$STACK"
    lab_up
    lab_configure "$STACK"
    ! declare -F stack_edit >/dev/null || stack_edit
    [ -z "${STACK_LEDGER:-}" ] || sed -i "1i ledger = \"$STACK_LEDGER\"" "$STACK/control.toml"
    control resv-control init
    daemon control resv-control "$@" serve
    wait_for 10 on control curl -sf --cacert "$STACK/tls.crt" "https://$CONTROL_ADDRESS:8443/healthz"
    control resv-control enrol r1 --role relay | relay relay-serve enrol --token-file -
    daemon relay relay-serve "$@" --events -
    terminal resv-store init
    control resv-control enrol studio --role distributor | terminal resv-request enrol --token-file -
    wait_for 10 relay curl -sf "http://$RELAY_ADDRESS:$VIEWERS_PORT/healthz"
}

stack_down() {
    local file
    for file in "$STACK"/*.pid; do
        [ -e "$file" ] && kill "$(cat "$file")" 2>/dev/null
    done
    lab_down
    check_answers
}

# in_seconds N: the instant N seconds from now, on a whole second.
in_seconds() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }

# book START DURATION [OPTION…]: a reservation that starts in START seconds, stored in the vault.
book() {
    local start=$1 duration=$2
    shift 2
    terminal resv-request book --start "$(in_seconds "$start")" --duration "${duration}s" --rate 4M \
        --title Test --carrier lineA --carrier lineB "$@" >"$STACK/booking"
    terminal resv-store add <"$STACK/booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$STACK/booking")
    URL=$(jq -r 'select(.type == "reservation").viewer_url' "$STACK/booking")
    URL=${URL%/}
    export ID URL
}

# has_bytes KIND IF N: more than N bytes of it crossed the terminal's interface.
has_bytes() { [ "$(lab_bytes "$1" "$2")" -gt "$3" ]; }

# streaming: the relay has media of $ID for viewers.
streaming() { on viewer curl -sf "$URL/index.m3u8" | grep -q EXTINF; }
