# A carrier of type command: the site's own programs, what they get, what they must do, and what is
# made of those that fail.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() { carriers_up; }
teardown_file() { lab_down; }
setup() {
    carriers_reset
    SITE=$BATS_TEST_TMPDIR/site
    mkdir "$SITE"
    chmod 755 "$BATS_TEST_TMPDIR" "$SITE"
    program up <<-'END'
	{ echo "$0 $*"; env | sort; ls -l /proc/$$/fd | wc -l; readlink /proc/$$/fd/0; pwd; } >"${0%/*}/up.seen"
	[ -e "/sys/class/net/$SLOTCAST_INTERFACE" ] || ip link show "$SLOTCAST_INTERFACE" >/dev/null
	ip link set "$SLOTCAST_INTERFACE" up
	echo "$SLOTCAST_INTERFACE"
	echo "dialled $1" >&2
	END
    program down <<-'END'
	echo "down $*" >>"${0%/*}/down.seen"
	END
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/terminal.toml"
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/terminal.toml
    sed -i "/^\[carriers.lineA\]/a up = [\"$SITE/up\", \"number 7\"]\ndown = [\"$SITE/down\", \"7\"]" "$SLOTCAST_CONFIG"
    event --connection 'command={}'
}
teardown() { end_started; }

# program NAME: the text on standard input is the site's program of that name.
program() {
    { echo '#!/bin/bash' && cat; } >"$SITE/$1"
    chmod 755 "$SITE/$1"
}
seen() { cat "$SITE/$1.seen"; }
begun() { [ -s "$SITE/up.seen" ]; }
active() { on terminal ip route show table 4000 | grep -q 'default via 10.2.0.1 dev carA'; }
nothing_left() {
    assert_equal "$(ls "$CARRIERS/run/carriers")" ''
    assert_equal "$(rules -4)$(rules -6)" ''
    assert_equal "$(find "$CARRIERS/run" -name 'line-*')" ''
}
# refused CODE TEXT: up fails so, down was run if it had begun, and nothing is left.
refused() {
    run --separate-stderr "-$1" connect up "$ID"
    assert_regex "$stderr" "$2"
    nothing_left
}

@test "command: up connects with a clean environment, down disconnects with the last user" {
    export SECRET_OF_CALLER=1
    run --separate-stderr -0 connect up "$ID" --dry-run
    run jq -r 'select(.action == "connect line").command' <<<"$output"
    assert_output "$SITE/up number 7"
    assert_not_exists "$SITE/up.seen"
    run --separate-stderr -0 connect up "$ID"
    assert_equal "$(jq -c '[.carrier,.driver,.active,.intact]' <<<"$output")" '["lineA","command",true,true]'
    run seen up
    assert_line --index 0 "$SITE/up number 7"
    assert_line 'SLOTCAST_CARRIER=lineA'
    assert_line 'SLOTCAST_INTERFACE=carA'
    refute_line --partial SECRET_OF_CALLER
    refute_line --partial SLOTCAST_CONFIG
    assert_line /dev/null
    assert_line /
    run on terminal ip route show table 4000
    assert_output --partial 'default via 10.2.0.1 dev carA'
    # Again, and for another reservation: it is there.
    rm "$SITE/up.seen"
    connect -q up "$ID" >/dev/null
    first=$ID
    event --connection 'command={}'
    connect -q up "$ID" >/dev/null
    assert_not_exists "$SITE/up.seen"
    connect down "$first"
    assert_not_exists "$SITE/down.seen"
    connect down "$ID"
    assert_equal "$(seen down)" 'down 7'
    nothing_left
    connect down "$ID"
    assert_equal "$(seen down)" 'down 7' # once
}

@test "command: a program that fails, prints nonsense or leaves no line is refused, and down is run" {
    program up <<<'echo no dial tone >&2; exit 3'
    refused 69 'its program ended with exit status 3'
    assert_regex "$stderr" 'up: no dial tone'
    assert_equal "$(seen down)" 'down 7'
    program up <<<'echo carB'
    refused 69 "its program printed 'carB', not the interface's name, carA, alone"
    program up <<<'printf "carA\nnoise\n"'
    refused 69 'printed'
    program up <<<':'
    refused 69 "did not print the interface's name, carA"
    program up <<<'ip address flush dev carA scope global; echo carA'
    refused 69 'interface carA is not there, not up or without an address'
    sed -i 's#^up = .*#up = ["/no/such/program"]#' "$SLOTCAST_CONFIG"
    refused 66 'run /no/such/program: '
}

@test "command: what others can change is not run" {
    chmod o+w "$SITE/up"
    refused 77 "others than root may change $SITE/up"
    chmod 755 "$SITE/up"
    chown 1000 "$SITE/up"
    refused 77 "others than root may change $SITE/up"
    chown 0 "$SITE/up"
    chmod 777 "$SITE"
    refused 77 "others than root may change $SITE"
    chmod 755 "$SITE"
    ln -s "$SITE/up" "$SITE/link"
    sed -i "s#/up\"#/link\"#" "$SLOTCAST_CONFIG"
    chmod g+w "$SITE/up"
    refused 77 "others than root may change $SITE/up"
    chmod 644 "$SITE/up"
    refused 66 'not a program'
    chmod 755 "$SITE/up"
    chmod o+w "$SITE/down"
    refused 77 "others than root may change $SITE/down"
    assert_not_exists "$SITE/up.seen"
    chmod 755 "$SITE/down"
    connect -q up "$ID" >/dev/null
    connect down "$ID"
    nothing_left
}

@test "command: one that hangs is ended with up; after a crash down finds and ends it" {
    # shellcheck disable=SC2016 # for the program
    program up <<<'echo $$ >"${0%/*}/up.seen"; exec sleep 100'
    for signal in TERM KILL; do
        rm -f "$SITE/up.seen" "$SITE/down.seen"
        start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$ID"
        wait_for 5 begun
        kill "-$signal" "$started"
        wait "$started" || true
        [ "$signal" = TERM ] || connect down "$ID"
        run ! kill -0 "$(seen up)"
        assert_equal "$(seen down)" 'down 7'
        nothing_left
    done
}

@test "command: while a line comes up, other verbs work; one that is taken down meanwhile is refused" {
    program up <<-'END'
	echo x >>"${0%/*}/up.seen"
	until [ -e "${0%/*}/go" ]; do sleep 0.05; done
	echo "$SLOTCAST_INTERFACE"
	END
    local first=$ID
    start up nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$first"
    wait_for 5 begun
    # Another event on another line, and another that waits for the same one.
    event --connection 'command={}'
    local other=$ID
    event --connection 'command={}'
    run --separate-stderr -0 timeout 5 nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$other" --carrier lineB
    active_b() { on terminal ip route show table 4000 | grep -q 'default via 10.3.0.1 dev carB'; }
    active_b
    start also nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$ID"
    run -0 timeout 5 nsenter --net="/run/netns/$LAB-terminal" carrier-connect down "$other"
    run ! active_b
    touch "$SITE/go"
    local pid
    for pid in "$started_up" "$started_also"; do wait "$pid"; done
    assert_equal "$(seen up)" x # one program for both
    run -0 connect status
    assert_equal "$(jq -c '[.carrier, .intact, (.reservations | length)]' <<<"$output")" '["lineA",true,2]'
    connect down "$first"
    connect down "$ID"
    nothing_left

    # Taken down while it dials; somebody else's line stays as it is.
    rm "$SITE/go" "$SITE/up.seen" "$SITE/down.seen"
    connect -q up "$other" --carrier lineB >/dev/null
    start gone nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$ID"
    wait_for 5 begun
    connect down "$ID"
    local code=0
    wait "$started" || code=$?
    assert_equal "$code" 1
    run cat "$BATS_TEST_TMPDIR/gone.err"
    assert_output --partial 'carrier lineA: it was taken down while its line came up'
    assert_equal "$(seen down)" 'down 7'
    active_b
    assert_equal "$(ls "$CARRIERS/run/carriers")" lineB.json
    # Given up for another reason, likewise.
    rm "$SITE/up.seen"
    start stopped nsenter --net="/run/netns/$LAB-terminal" carrier-connect up "$ID"
    wait_for 5 begun
    kill "$started"
    code=0
    wait "$started" || code=$?
    assert_equal "$code" 143
    active_b
    assert_equal "$(ls "$CARRIERS/run/carriers")" lineB.json
    connect down "$other"
    nothing_left
}

@test "command: a down that fails is told, and may be repeated" {
    connect -q up "$ID" >/dev/null
    program down <<<'echo busy >&2; exit 1'
    run --separate-stderr -69 connect down "$ID"
    assert_regex "$stderr" "$SITE/down ended with exit status 1"
    assert_regex "$stderr" 'down: busy'
    assert_equal "$(ls "$CARRIERS/run/carriers")" lineA.json
    # shellcheck disable=SC2016 # for the program
    program down <<<'echo again >"${0%/*}/down.seen"'
    connect down "$ID"
    assert_equal "$(seen down)" again
    nothing_left
}

@test "command: exec connects a line again that is gone" {
    program up <<-'END'
	echo x >>"${0%/*}/up.seen"
	ip link set "$SLOTCAST_INTERFACE" up
	echo "$SLOTCAST_INTERFACE"
	END
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" -- sleep 30
    wait_for 5 active
    ip -n "$LAB-terminal" link set carA down
    twice() { [ "$(wc -l <"$SITE/up.seen")" = 2 ]; }
    wait_for 5 twice
    wait_for 5 active
    kill "$started"
    wait "$started" || true
    nothing_left
}

@test "command: exec tries a line that fails less and less often" {
    program up <<-'END'
	date +%s%N >>"${0%/*}/up.seen"
	[ ! -e "${0%/*}/broken" ] || exit 1
	ip link set "$SLOTCAST_INTERFACE" up
	echo "$SLOTCAST_INTERFACE"
	END
    start run nsenter --net="/run/netns/$LAB-terminal" carrier-connect exec "$ID" -- sleep 60
    wait_for 5 active
    touch "$SITE/broken"
    ip -n "$LAB-terminal" link set carA down
    tried() { [ "$(wc -l <"$SITE/up.seen")" -ge "$1" ]; }
    wait_for 20 tried 5
    local -a at
    mapfile -t at <"$SITE/up.seen"
    assert [ $((at[4] - at[3])) -gt $((3 * (at[2] - at[1]) / 2)) ]
    rm "$SITE/broken"
    wait_for 20 active
    # Once it was there, the next loss is answered at once.
    ip -n "$LAB-terminal" link set carA down
    local before
    before=$(wc -l <"$SITE/up.seen")
    wait_for 4 tried $((before + 1))
    kill "$started"
    wait "$started" || true
    nothing_left
}
