# Loaded after stack, by tests of faults in random order: what befalls a terminal, and its repair.
#
#   MOVES=(lineA lineB)   the carriers of the reservation, $ID
#   leaked                what of it left by the Internet interface; NO_LEAK (0) if nothing did
#   media                 bytes of media that left by them so far
#   run_sequences FAULT…  FAULT_SEQUENCES (5) of four faults each, from seed FAULT_SEED (1) on

: "${FAULT_SEQUENCES:=5}" "${FAULT_SEED:=1}" "${NO_LEAK=0}"

as_media() { on terminal setpriv --reuid "$MEDIA_UID" --regid "$MEDIA_UID" --clear-groups "$@"; }
# Datagrams of the media user to the relay and to anywhere, ten times a second: not only what the
# sender sends may not leave.
probes() {
    # shellcheck disable=SC2016 # for the inner shell
    as_media bash -c 'while sleep 0.1; do
        for to in "$@"; do echo x >"/dev/udp/$to/9000"; done 2>/dev/null
    done' probes "$INGEST_A" 192.0.2.1 fd00:198:51::20
}
more_than() { [ "$(media)" -gt "$1" ]; }
alive() { [ -n "${started_push:-}" ] && kill -0 "$started_push" 2>/dev/null; }
push() { alive || start push nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
    carrier-connect exec "$ID" -- push-stream "$ID" test:; }
# Twice what is in flight when a line is cut.
flows() { wait_for "${FLOWS_WITHIN:-20}" more_than $(($(media) + 300000)); }

# --- What befalls a terminal ---------------------------------------------------------------------
line() { echo "car$([ $((RANDOM % 3)) = 0 ] && echo B || echo A)"; } # the active one more often
on_line() { ip -n "$LAB-terminal" "$@" 2>/dev/null || true; }       # it may be gone already
cut() { on_line link set "$(line)" down; }
delete() { on_line link delete "$(line)"; }
lose_address() { on_line address flush dev "$(line)" scope global; }
remove_rules() {
    local family pref
    for family in -4 -6; do
        for pref in $(on terminal ip $family rule | sed -n 's/^\([4-7][0-9][0-9]\):.*/\1/p'); do
            [ $((RANDOM % 3)) = 0 ] || on_line $family rule delete pref "$pref"
        done
    done
}
add_rules() {
    on_line -4 rule add pref 100 lookup main
    on_line -6 rule add pref 100 lookup main
}
relay_is_gone() {
    local pid
    for pid in $(ip netns pids "$LAB-relay"); do
        [[ $(cat "/proc/$pid/comm" 2>/dev/null) != relay-* ]] || return 1
    done
}
restart_relay() {
    kill -9 "$(cat "$STACK/relay.pid")"
    wait_for 10 relay_is_gone
    daemon relay relay-serve --events -
}
# kill_all PROGRAM: those of the terminal.
kill_all() {
    local pid
    for pid in $(ip netns pids "$LAB-terminal"); do
        # Its children die with it, perhaps before it is their turn.
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$1" ] || kill -9 "$pid" 2>/dev/null || true
    done
}
kill_connect() {
    kill_all carrier-connect
    wait "${started_push:-}" 2>/dev/null || true
}
move() { terminal timeout 5 carrier-connect -q up "$ID" --carrier "${MOVES[RANDOM % 2]}" >/dev/null 2>&1 || true; }
resume() { push; }

repair() {
    repair_lines
    push
    # Where it says so: media waits for its line, or for this.
    terminal carrier-connect -q up "$ID" --carrier "${MOVES[0]}" >/dev/null
}

repair_lines() {
    local line net=2
    for line in A B; do
        ip -n "$LAB-terminal" link show "car$line" >/dev/null 2>&1 ||
            lab_wire terminal "car$line" "10.$net.0.2/24" relay "lin$line" "10.$net.0.1/24"
        on_line link set "car$line" up
        on_line address add "10.$net.0.2/24" dev "car$line"
        on_line -6 address add "fd00:10:$net::2/64" dev "car$line" nodad
        net=$((net + 1))
    done
    # It is better than the Internet's: a careless program would use it.
    on_line route add default via 10.3.0.1 dev carB metric 50
    on_line -4 rule delete pref 100
    on_line -6 rule delete pref 100
}

# The sequences, each with its repair; the stream flows, and nothing has leaked.
run_sequences() {
    local seed fault steps faults=("$@")
    for ((seed = FAULT_SEED; seed < FAULT_SEED + FAULT_SEQUENCES; ++seed)); do
        RANDOM=$seed steps=
        for _ in 1 2 3 4; do
            fault=${faults[RANDOM % ${#faults[@]}]}
            steps+=" $fault"
            echo "seed $seed:$steps"
            "$fault"
            sleep "0.$((RANDOM % 6))"
        done
        repair
        flows
        assert_equal "seed $seed:$steps: $(leaked)" "seed $seed:$steps: $NO_LEAK"
    done
}
