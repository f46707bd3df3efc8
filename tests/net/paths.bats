# Two lines at once: the media moves to the other one when a line dies without a word, and with --paths
# redundant nothing is missing at all. PATH_RUNS (3): cuts of the line in use, one after the other.

load ../lib/common
load ../lib/lab
load ../lib/stack
load ../lib/paths

: "${PATH_RUNS:=3}"

setup_file() {
    stack_up
    line_stream 8
}
teardown_file() { stack_down; }
setup() {
    book 7 $((40 + 4 * PATH_RUNS)) # the event before has to drain, this one to lead in
    SEEN=$BATS_TEST_TMPDIR/seen.ts KEPT=$BATS_TEST_TMPDIR/kept.ts
}
teardown() {
    mend_all
    terminal resv-request end "$ID" >/dev/null 2>&1 || true
    end_started
}

watch_both() {
    wait_for 20 streaming
    wait_for 10 both_live
    watch_stream "$SEEN"
}
# restart_relay LINE: with this in its configuration of each line.
restart_relay() {
    kill "$(cat "$STACK/relay.pid")"
    relay_is_gone() { [ -z "$(ip netns pids "$LAB-relay")" ]; }
    wait_for 10 relay_is_gone
    sed -i "/^\[ingest\./a $1" "$STACK/relay.toml"
    daemon relay relay-serve --events -
    wait_for 10 relay curl -sf "http://$RELAY_ADDRESS:$VIEWERS_PORT/healthz"
}
now() { date +%s.%3N; }
# The longest pause that ended in the seconds $1 to $2, milliseconds; those of 20 and less do not count.
longest_pause() { jq --argjson from "$1" --argjson to "$2" '[.pauses[] | select(.at >= $from and .at <= $to).ms] | max // 20' "$WATCHED"; }
moved_to_another_than() { both_live && [ "$(active_line)" != "$1" ]; }
moved_to() { both_live && [ "$(active_line)" = "$1" ]; }
# What the viewer has seen lies in what push-stream kept, byte for byte, with no continuity error.
nothing_missing() {
    run -0 jq -c '[.cc_errors, .unsynced]' "$WATCHED"
    assert_output '[0,0]'
    python3 - "$SEEN" "$KEPT" <<-'END'
	import sys
	seen, kept = (open(name, "rb").read() for name in sys.argv[1:])
	at = kept.find(seen[:18800])
	if len(seen) < 400000 or at < 0 or kept[at:at + len(seen)] != seen:
	    sys.exit(f"{len(seen)} bytes from {at} of {len(kept)}")
	END
    run -0 relay relay-serve status
    assert_equal "$(jq -c "select(.reservation == \"$ID\") | [.gaps, .payloads_lost]" <<<"$output")" '[0,0]'
}

@test "paths: lines that are cut in silence cost the viewer less than half a second, and no packet" {
    local run line from cuts=()
    send --record "$KEPT"
    watch_both
    for ((run = 1; run <= PATH_RUNS; ++run)); do
        line=$(active_line)
        from=$(now)
        cut "$line"
        wait_for 5 moved_to_another_than "$line"
        mend "$line"
        sleep 0.5 # what SRT held back for its latency is out
        cuts+=("$from $(now)")
    done
    end_watch
    for from in "${cuts[@]}"; do longest_pause "${from% *}" "${from#* }"; done | sort -n >"$BATS_TEST_TMPDIR/gaps"
    echo "gaps, ms: $(xargs <"$BATS_TEST_TMPDIR/gaps")"
    [ "$(sed -n "$(((PATH_RUNS + 1) / 2))p" "$BATS_TEST_TMPDIR/gaps")" -le 500 ]
    nothing_missing
    assert_matches_schema push-stream <"$STATS"
    assert_equal "$(lab_bytes media inet0)" 0
}

@test "paths: the media moves among warm connections, by wish and with the interface, and comes back" {
    send --record "$KEPT"
    watch_both
    wait_for 12 moved_to lineA # a busy machine may have made it stall
    run -0 relay relay-serve status
    assert_equal "$(jq -c "select(.reservation == \"$ID\") | [.paths[] | [.carrier, .path]]" <<<"$output")" \
        '[["lineA",0],["lineB",1]]'
    assert_matches_schema relay-serve <<<"$output"
    terminal carrier-connect -q up "$ID" --carrier lineB >/dev/null
    wait_for 3 moved_to lineB
    ip -n "$LAB-terminal" link set carB down
    moved() { [ "$(active_line)" = lineA ]; }
    wait_for 3 moved
    lab_line_back carB 10.3.0.1
    # The preferred one, which was good for five seconds.
    wait_for 12 moved_to lineB
    stats_say '.reconnects <= 1'
    end_watch
    nothing_missing
}

@test "paths: redundant, with 2 % loss on both lines and one of them cut, not a byte is missing" {
    # So much is lost twice and three times in a row: SRT needs time to send it again over the line that is left.
    restart_relay 'latency = "500ms"'
    lose lineA 20
    lose lineB 20
    send --paths redundant --record "$KEPT"
    watch_both
    sleep 1
    from=$(now)
    cut lineA
    sleep 3
    mend lineA
    both_again() { both_live && stats_say 'all(.paths[]; .rate_bps > 1000000)'; }
    wait_for 10 both_again
    # The relay counts what each path lost, as SRT repaired it.
    of_both() { on relay curl -sf http://127.0.0.1:9090/metrics | awk -v m="^slotcast_relay_path_$1[{]" '$0 ~ m && $2 > 0 {++n} END {exit n != 2}'; }
    wait_for 10 of_both lost_packets
    of_both round_trip_microseconds
    run -0 relay relay-serve status
    jq -es --arg id "$ID" 'any(.reservation == $id and all(.paths[]; .lost_packets > 0 and .rtt_us > 0))' <<<"$output"
    end_watch
    [ "$(longest_pause "$from" "$(now)")" -le 500 ]
    nothing_missing
    stats_say '.paths_use == "redundant" and .lost_packets > 0'
    assert_equal "$(lost_by_nft)" true # or nothing was shown
}

@test "paths: single uses one line, and needs no other" {
    send --paths single
    wait_for 20 streaming
    stats_say '.paths_use == "single" and ([.paths[].carrier] == ["lineA"])'
    assert_equal "$(terminal carrier-connect status | jq -r .carrier)" lineA
}
