# carrier-connect without networks: usage, configuration, preset, privilege, and settings that are bad.

load ../lib/common

setup() {
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/terminal.toml
    cat >"$SLOTCAST_CONFIG" <<-END
	# keep me
	reservation_interface = "inet0"
	preset = "lineA"   # the better line
	media_uid = 64010
	vault = "$BATS_TEST_TMPDIR/vault"
	state = "$BATS_TEST_TMPDIR/run"

	[carriers.lineA]
	interface = "nosuch0"   # preset = "lineB"

	[carriers.lineB]
	interface = "nosuch1"
	END
    terminal=$BATS_TEST_TMPDIR/terminal
    resv-store init >"$terminal"
    resv-store -q trust "$(make-settings --key)"
}

settings() { make-settings --terminal "$terminal" --in 1s --carrier lineA --carrier lineB "$@"; }
event() { ID=$(settings "$@" | resv-store add | jq -r .reservation); }

@test "no command, no ID, no COMMAND, a bad ID are wrong usage" {
    for args in '' up down check watch exec 'up x' 'down not-an-id' 'up --carrier' "exec 01arz3ndektsv4rrffq69g5fav" 'frobnicate'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr -64 carrier-connect $args
        assert_output ''
        assert_regex "$stderr" 'carrier-connect: error: '
    done
}

@test "without privilege it says 77, and how to get it" {
    event
    for verb in "up $ID" "down $ID" "check $ID" "watch $ID" "exec $ID -- true"; do
        # shellcheck disable=SC2086 # words
        run -77 setpriv --bounding-set=-all --inh-caps=-all carrier-connect $verb
        assert_line --partial 'carrier-connect: error: carriers change the machine'
        assert_line --partial 'carrier-connect: hint: run it with sudo'
    done
    assert_not_exist "$BATS_TEST_TMPDIR/run"
}

@test "preset shows the preset carrier, and none is a no" {
    run --separate-stderr -0 carrier-connect preset
    assert_output '{"type":"preset","v":1,"carrier":"lineA"}'
    assert_matches_schema carrier-connect <<<"$output"
    SLOTCAST_PRESET=lineB run --separate-stderr -0 carrier-connect preset
    assert_output --partial '"carrier":"lineB"'
    sed -i '/^preset/d' "$SLOTCAST_CONFIG"
    run --separate-stderr -1 carrier-connect preset
    assert_output ''
    assert_regex "$stderr" 'hint: carrier-connect preset NAME'
}

@test "preset NAME changes that value and nothing else" {
    chmod 640 "$SLOTCAST_CONFIG"
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/before"
    run --separate-stderr -0 carrier-connect preset lineB --dry-run
    run -0 diff "$BATS_TEST_TMPDIR/before" "$SLOTCAST_CONFIG"
    run --separate-stderr -0 carrier-connect preset lineB
    assert_output '{"type":"preset","v":1,"carrier":"lineB"}'
    run -1 diff "$BATS_TEST_TMPDIR/before" "$SLOTCAST_CONFIG"
    assert_output --partial '> preset = "lineB"   # the better line'
    assert_equal "${#lines[@]}" 4
    assert_equal "$(stat -c %a "$SLOTCAST_CONFIG")" 640
    carrier-connect preset lineA
    run -0 diff "$BATS_TEST_TMPDIR/before" "$SLOTCAST_CONFIG"
    sed -i '/^preset/d' "$SLOTCAST_CONFIG"
    carrier-connect preset lineB
    assert_equal "$(carrier-connect preset | jq -r .carrier)" lineB
    assert_file_contains "$SLOTCAST_CONFIG" '^# keep me'
}

@test "preset waits for another that is at work on the same file" {
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/before"
    mkfifo "$BATS_TEST_TMPDIR/hold"
    start other flock "$BATS_TEST_TMPDIR" sh -c 'echo held; read -r _ <"$1"' sh "$BATS_TEST_TMPDIR/hold"
    wait_for 5 grep -q held "$BATS_TEST_TMPDIR/other.out"
    run -124 timeout 0.5 carrier-connect preset lineB
    run -0 diff "$BATS_TEST_TMPDIR/before" "$SLOTCAST_CONFIG"
    run -0 carrier-connect preset lineB --dry-run # changes nothing, and needs no lock
    start preset carrier-connect preset lineB
    echo go >"$BATS_TEST_TMPDIR/hold"
    wait "$started"
    assert_equal "$(carrier-connect preset | jq -r .carrier)" lineB
}

@test "preset refuses an unknown carrier, a full disk and a missing file, and leaves all as it was" {
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/before"
    run -1 carrier-connect preset lineX
    assert_output --partial "there is no carrier 'lineX'"
    run -78 carrier-connect --config "$BATS_TEST_TMPDIR/none.toml" preset lineB
    mkdir "$BATS_TEST_TMPDIR/small"
    cp "$SLOTCAST_CONFIG" "$BATS_TEST_TMPDIR/small"
    # shellcheck disable=SC2016 # for the inner shell
    run on_full_disk 64k "$BATS_TEST_TMPDIR/small" sh -c '
        dd if=/dev/zero of="$1/fill" bs=1k count=100 2>/dev/null
        carrier-connect --config "$1" preset lineB; code=$?
        cmp "$1/terminal.toml" "$2" && ls "$1"; exit $code' sh "$BATS_TEST_TMPDIR/small" "$BATS_TEST_TMPDIR/before"
    assert_failure 74
    assert_line terminal.toml
    refute_line --partial .tmp
    run -0 diff "$BATS_TEST_TMPDIR/before" "$SLOTCAST_CONFIG"
}

@test "configuration: unknown keys, wrong types, two networks on one interface name file, line and key" {
    sed -i 's/^media_uid.*/media_uid = "nobody"/' "$SLOTCAST_CONFIG"
    run -78 carrier-connect status
    assert_output --partial 'terminal.toml:4: media_uid: '
    sed -i 's/^media_uid.*/media_user = 1/' "$SLOTCAST_CONFIG"
    run -78 carrier-connect status
    assert_output --partial 'terminal.toml:4: media_user: not a known key'
    sed -i '4d; s/nosuch1/inet0/' "$SLOTCAST_CONFIG"
    run -78 carrier-connect status
    assert_output --partial 'is the reservation interface too'
}

@test "settings that are absent, empty, damaged, of another terminal or control are refused" {
    event
    f=$BATS_TEST_TMPDIR/settings
    up() { run "-$1" --separate-stderr carrier-connect up "$ID" --dry-run --settings "$f"; assert_output ''; }
    run -1 carrier-connect up 01arz3ndektsv4rrffq69g5fav --dry-run
    assert_output --partial '01arz3ndektsv4rrffq69g5fav'
    up 66 # no such file
    : >"$f"
    up 66
    settings --id "$ID" >"$f.good"
    head -c 300 "$f.good" >"$f"
    up 65
    jq -c '.sealed |= (.[:100] + (if .[100:101] == "A" then "B" else "A" end) + .[101:])' "$f.good" >"$f"
    up 65
    head -c 400000 /dev/zero | tr '\0' ' ' >"$f"
    up 65
    settings --id "$ID" --control stranger >"$f"
    up 77
    resv-store --vault "$BATS_TEST_TMPDIR/other" init | make-settings --id "$ID" --carrier lineA >"$f"
    up 65
    settings >"$f" # another reservation
    up 65
    run -66 --separate-stderr carrier-connect up "$ID" --dry-run --settings "$f.good"
    assert_regex "$stderr" 'carrier lineA: there is no interface nosuch0'
    run -66 --separate-stderr carrier-connect up "$ID" --dry-run --carrier lineB --settings - <"$f.good"
    assert_regex "$stderr" 'carrier lineB: there is no interface nosuch1'
}

@test "a carrier that was not reserved, or that this machine does not know" {
    event
    run -1 carrier-connect up "$ID" --dry-run --carrier lineC
    assert_output --partial "hint: it has lineA, lineB"
    event --carrier lineZ
    run -78 carrier-connect up "$ID" --dry-run --carrier lineZ
    assert_output --partial 'carrier lineZ: no interface is configured for it'
    assert_output --partial 'add [carriers.lineZ]'
    sed -i '/^media_uid/d' "$SLOTCAST_CONFIG"
    if ! getent passwd slotcast-media; then
        run -78 carrier-connect up "$ID" --dry-run
        assert_output --partial 'no slotcast-media, and no media_uid'
    fi
}

@test "a state folder that others may write to, or that is damaged, is refused" {
    event
    mkdir -p "$BATS_TEST_TMPDIR/run/carriers"
    chmod 777 "$BATS_TEST_TMPDIR/run"
    run -77 carrier-connect status
    assert_output --partial 'another user may write to it'
    chmod 755 "$BATS_TEST_TMPDIR/run"
    for text in '' '{' '{"v":2}' '{"v":1,"carrier":"lineB"}'; do
        echo "$text" >"$BATS_TEST_TMPDIR/run/carriers/lineA.json"
        run -65 carrier-connect status
        assert_output --partial 'carriers/lineA.json: damaged'
    done
    mv "$BATS_TEST_TMPDIR/run/carriers/lineA.json" "$BATS_TEST_TMPDIR/run/carriers/lineA.json.tmp"
    run -0 carrier-connect status # what a killed one left behind
    assert_output ''
}

@test "nobody of the same user can look into it" {
    event
    mkfifo "$BATS_TEST_TMPDIR/settings"
    start connect in_reach timeout --foreground 20 carrier-connect up --dry-run "$ID" \
        --settings "$BATS_TEST_TMPDIR/settings"
    wait_for 5 pgrep -P "$started" carrier-connect
    connect=$(pgrep -P "$started" carrier-connect)
    (in_reach readlink "/proc/$started/exe") # of timeout, which does not mind
    out_of_reach() { ! (in_reach readlink "/proc/$connect/exe"); }
    wait_for 5 out_of_reach
    kill "$connect"
}
