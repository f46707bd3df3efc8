# Two lines at once: the media moves to the other one when a line dies without a word, and with
# --paths redundant nothing is missing at all. PATH_RUNS (3): cuts of the line in use, one after the other.

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
setup() { book 3 $((30 + 4 * PATH_RUNS)); }
teardown() {
    for line in lineA lineB; do mend "$line" 2>/dev/null || true; done
    terminal resv-request end "$ID" >/dev/null 2>&1 || true
    end_started
}

# The longest pause that ended between $1 and $2, milliseconds; those of 20 and less do not count.
longest_pause() { jq --argjson from "$1" --argjson to "$2" '[.pauses[] | select(.at >= $from and .at <= $to).ms] | max // 20' "$WATCHED"; }
now() { date +%s.%3N; }
moved_from() { both_live && [ "$(active_line)" != "$1" ]; }

@test "paths: a line that is cut in silence costs the viewer less than half a second, and no packet" {
    local run line from cuts=()
    send
    wait_for 15 streaming
    wait_for 10 both_live
    watch_stream "$BATS_TEST_TMPDIR/seen.ts"
    for ((run = 1; run <= PATH_RUNS; ++run)); do
        line=$(active_line)
        from=$(now)
        cut "$line"
        wait_for 5 moved_from "$line"
        cuts+=("$from $(now)")
        mend "$line"
        sleep 0.3
    done
    end_watch
    for from in "${cuts[@]}"; do longest_pause ${from/ / }; done >"$BATS_TEST_TMPDIR/gaps"
    cat "$BATS_TEST_TMPDIR/gaps"
    jq 'del(.pauses)' "$WATCHED"
    jq -c '[.time,.moves,(.paths[]|.carrier,.state,.active,.rtt_us)]' "$STATS"
    grep -v "^{" "$BATS_TEST_TMPDIR/send.err"
}

# The viewer's bytes are those that push-stream kept, from where the viewer began.
is_part_of() {
    python3 - "$1" "$2" <<-'END'
	import sys
	seen, kept = (open(name, "rb").read() for name in sys.argv[1:])
	at = kept.find(seen[:18800])
	sys.exit(0 if len(seen) > 400000 and at >= 0 and kept[at:at + len(seen)] == seen else
	         f"{len(seen)} bytes from {at} of {len(kept)}")
	END
}

@test "paths: redundant, with 2 % loss on both lines and one of them cut, not a byte is missing" {
    local line
    for line in lineA lineB; do lose "$line" 20; done
    send --paths redundant --record "$BATS_TEST_TMPDIR/kept.ts"
    wait_for 15 streaming
    wait_for 10 both_live
    watch_stream "$BATS_TEST_TMPDIR/seen.ts"
    sleep 2
    cut lineA
    sleep 4
    mend lineA
    sleep 1
    end_watch
    tail -n 1 "$STATS"
    kill "$started_send"
    wait "$started_send" || true
    jq -c . "$WATCHED"
    on relay curl -s "http://$RELAY_ADDRESS:$VIEWERS_PORT/metrics" | grep -E 'ingest_bytes|gaps' || true
    is_part_of "$BATS_TEST_TMPDIR/seen.ts" "$BATS_TEST_TMPDIR/kept.ts"
    assert_equal "$(jq -c '[.cc_errors, .unsynced]' "$WATCHED")" '[0,0]'
}
