# Loaded by every .bats file: `load ../lib/common`. Finds the programs, loads the assertions, and
# ends what a test started in the background.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

SLOTCAST_ROOT=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
SLOTCAST_BUILD=$(cd "$SLOTCAST_ROOT" && realpath "${SLOTCAST_BUILD:-build}")
PATH=$SLOTCAST_BUILD/bin:$SLOTCAST_BUILD/tests/tools:$SLOTCAST_ROOT/tests/lib:/usr/sbin:/sbin:$PATH
export PATH SLOTCAST_ROOT SLOTCAST_BUILD
# The user's own settings must not reach the tests.
unset SLOTCAST_CONFIG SLOTCAST_CONTROL SLOTCAST_CACERT SLOTCAST_PRESET SLOTCAST_VAULT SLOTCAST_STATE
unset SLOTCAST_SENDER_FD

# start NAME COMMAND…: runs it in the background, output in $BATS_TEST_TMPDIR/NAME.{out,err}; its pid
# is in $started (also in started_NAME). end_started ends all of them; call it in teardown.
start() {
    local name=$1
    shift
    ON_EXEC=1 "$@" >"$BATS_TEST_TMPDIR/$name.out" 2>"$BATS_TEST_TMPDIR/$name.err" 3>&- &
    started=$!
    printf -v "started_${name//[!a-zA-Z0-9]/_}" %s "$started"
    STARTED_PIDS="${STARTED_PIDS:-} $started"
}

# killed_after SECONDS START…: START is a `start NAME COMMAND…`, or what ends in one; killed so long after.
killed_after() {
    local seconds=$1
    shift
    "$@"
    sleep "$seconds"
    kill -9 "$started" 2>/dev/null || true
    wait "$started" || true
}

end_started() {
    local pid
    for pid in ${STARTED_PIDS:-}; do kill "$pid" 2>/dev/null || true; done
    for pid in ${STARTED_PIDS:-}; do
        for _ in $(seq 50); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    STARTED_PIDS=
}

# wait_for SECONDS COMMAND…: tries it every 50 ms until it succeeds; fails when the time is over.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$until" ]; then
            echo "waited in vain for: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}

# assert_matches_schema NAME: standard input is lines that match lib/wire/schemas/NAME.schema.json, at
# least one, without a member that the schema does not describe.
assert_matches_schema() { "$SLOTCAST_ROOT/tests/lib/schema" check "$1"; }

# next_change MONTH: when clocks change in Paris in that month, March or October: its last Sunday.
next_change() {
    local year last
    for year in "$(date +%Y)" "$(date -d '1 year' +%Y)"; do
        last=$(date -d "$year-$1-31 $(date -d "$year-$1-31" +%w) days ago" +%F)
        [[ $last > $(date -d tomorrow +%F) ]] && break
    done
    echo "$last"
}

# flip FILE BYTE BIT: inverts one bit in place.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059 # the format is the byte
    printf "$(printf '\\x%02x' $((byte ^ (1 << $3))))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# in_reach COMMAND…: runs it with no right to look into processes but those of its user that let it.
in_reach() {
    [ "$(id -u)" != 0 ] || set -- setpriv --bounding-set -sys_ptrace "$@"
    exec "$@"
}
