# carrier-connect and the kernel: rules, routes and guard as designed, nothing leaks, nothing stays.

load ../lib/common
load ../lib/lab
load ../lib/carrier

setup_file() { carriers_up; }
teardown_file() { lab_down; }
setup() {
    carriers_reset
    event
}
teardown() { end_started; }

@test "carrier: rules, routes and guard are exactly as designed, IPv4 and IPv6" {
    connect up "$ID" >/dev/null
    run rules -4
    assert_output "504 from all oif carA lookup 4001 proto 151
505 from all oif carA unreachable proto 151
506 from 10.2.0.2 lookup 4001 proto 151
507 from 10.2.0.2 unreachable proto 151
600 from all to 203.0.113.10 lookup 4000 proto 151
601 from all to 203.0.113.10 unreachable proto 151
700 from all uidrange 64010-64010 lookup 4000 proto 151
701 from all uidrange 64010-64010 unreachable proto 151"
    run rules -6
    assert_output "504 from all oif carA lookup 4001 proto 151
505 from all oif carA unreachable proto 151
506 from fd00:10:2::2 lookup 4001 proto 151
507 from fd00:10:2::2 unreachable proto 151
700 from all uidrange 64010-64010 lookup 4000 proto 151
701 from all uidrange 64010-64010 unreachable proto 151"
    for table in 4000 4001; do
        run on terminal ip route show table $table
        assert_line --regexp '^default via 10.2.0.1 dev carA proto 151 src 10.2.0.2 metric 10 *$'
        assert_line --regexp '^unreachable default proto 151 metric 4278198272 *$'
        assert_line --regexp '^10.2.0.0/24 dev carA proto 151 scope link src 10.2.0.2 *$'
        assert_equal "${#lines[@]}" 3
        run on terminal ip -6 route show table $table
        assert_line --regexp '^fd00:10:2::/64 dev carA proto 151 src fd00:10:2::2 metric 1024'
        assert_line --regexp '^default via fd00:10:2::1 dev carA proto 151 src fd00:10:2::2 metric 10 '
        assert_line --regexp '^unreachable default dev lo proto 151 metric 4278198272'
        assert_equal "${#lines[@]}" 3
    done
    run on terminal nft -s list table inet slotcast
    assert_line --partial 'type filter hook postrouting priority 300; policy accept;'
    assert_line --partial 'oifname @carriers accept'
    assert_line --partial 'meta skuid 64010 oifname != "lo" oifname != @carriers counter drop'
    assert_line --partial 'ip daddr @relay_ingest oifname != @carriers counter drop'
    assert_line --partial 'ip6 daddr @relay_ingest6 oifname != @carriers counter drop'
}

@test "carrier: up and down leave rules, routes and filters of others exactly as they were" {
    on terminal ip rule add pref 450 fwmark 7 lookup 77
    on terminal ip route add 192.0.2.200/32 via 192.0.2.1 table 4001 protocol static
    routing >"$BATS_TEST_TMPDIR/before"
    connect up "$ID" >/dev/null
    connect up "$ID" --carrier lineB >/dev/null
    run ! diff "$BATS_TEST_TMPDIR/before" <(routing)
    connect down "$ID"
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    on terminal ip rule del pref 450
    on terminal ip route flush table 4001
    assert_dir_exists "$CARRIERS/run/carriers"
    assert_equal "$(ls "$CARRIERS/run/carriers")" ''
}

@test "carrier: up is idempotent, and a dry run shows the steps and takes none" {
    routing >"$BATS_TEST_TMPDIR/before"
    run --separate-stderr connect up "$ID" --dry-run
    assert_success
    assert_matches_schema carrier-connect <<<"$output"
    assert_equal "$(jq -r .type <<<"$output" | sort -u)" step
    assert_equal "$(jq -r .action <<<"${lines[0]}")" 'set guard'
    assert_line --partial 'ip -6 rule add pref 701 uidrange 64010-64010 unreachable protocol 151'
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
    connect up "$ID" >/dev/null
    routing >"$BATS_TEST_TMPDIR/up"
    run --separate-stderr -0 connect up "$ID" --dry-run
    assert_output ''
    cp -a "$CARRIERS/run" "$BATS_TEST_TMPDIR/run"
    connect up "$ID" >/dev/null
    run -0 diff "$BATS_TEST_TMPDIR/up" <(routing)
    run -0 diff -r "$BATS_TEST_TMPDIR/run" "$CARRIERS/run"
    run --separate-stderr connect down "$ID" --dry-run
    assert_equal "$(jq -r .action <<<"${lines[-1]}")" 'remove guard'
    run -0 diff "$BATS_TEST_TMPDIR/up" <(routing)
}

# steps COMMAND…: the commands that a dry run prints; done_by COMMAND…: those that -v says it ran.
steps() { connect "$@" --dry-run | jq -r .command; }
done_by() { connect -v "$@" 2>&1 >/dev/null | sed -n -E 's/^carrier-connect: debug: ((ip|nft) )/\1/p'; }

@test "carrier: what a dry run prints is what is done, and what ip(8) would do" {
    for args in "up $ID" "up $ID --carrier lineB" "down $ID"; do
        # shellcheck disable=SC2086 # words
        steps $args >"$BATS_TEST_TMPDIR/steps"
        [ -s "$BATS_TEST_TMPDIR/steps" ]
        # shellcheck disable=SC2086 # words
        run -0 diff "$BATS_TEST_TMPDIR/steps" <(done_by $args)
    done
    steps up "$ID" | grep '^ip ' >"$BATS_TEST_TMPDIR/steps"
    on terminal sh -e "$BATS_TEST_TMPDIR/steps"
    run -0 steps up "$ID"
    assert_output --regexp '^nft table inet slotcast: [^'$'\n'']*$' # nothing but the guard is left to do
    connect up "$ID" >/dev/null
    steps down "$ID" | grep '^ip ' >"$BATS_TEST_TMPDIR/steps"
    on terminal sh -e "$BATS_TEST_TMPDIR/steps"
    run -0 steps down "$ID"
    assert_output 'nft delete table inet slotcast'
    connect down "$ID"
}

@test "carrier: a foreign rule before ours is warned of, and the guard holds what it lets through" {
    run --separate-stderr -0 connect up "$ID"
    refute_regex "$stderr" warning
    on terminal ip rule add uidrange "$MEDIA_UID-$MEDIA_UID" lookup main # no priority: ahead of ours
    run --separate-stderr -0 connect up "$ID"
    assert_regex "$stderr" 'warning: a rule of another program stands before ours: IPv4: pref 503 .*uidrange 64010-64010'
    ip -n "$LAB-terminal" route add 198.51.100.10/32 via 192.0.2.1 dev inet0
    as_media timeout 5 bash -c "$(send 198.51.100.10)" 2>/dev/null || true
    assert_equal "$(leaked)" 0
    run on terminal nft list table inet slotcast
    assert_line --regexp 'skuid 64010 .* counter packets [1-9]'
    on terminal ip rule del pref 503
    on terminal ip -6 rule add pref 10 from all lookup main
    run --separate-stderr -0 connect up "$ID"
    assert_regex "$stderr" 'warning: a rule of another program stands before ours: IPv6: pref 10 lookup 254'
    on terminal ip -6 rule del pref 10
    # Behind ours, or for loopback alone, it is nobody's business.
    on terminal ip rule add pref 702 lookup 77
    run --separate-stderr -0 connect up "$ID"
    refute_regex "$stderr" warning
    on terminal ip rule del pref 702
    ip -n "$LAB-terminal" route del 198.51.100.10/32
    connect down "$ID"
}

# try_to_leak: the media user and anybody try to reach the relay, bound and unbound.
try_to_leak() {
    as_media timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A"); $(send 198.51.100.10)" 2>/dev/null || true
    as_media timeout 5 ping -c 1 -W 0.2 -I inet0 -q 198.51.100.10 >/dev/null 2>&1 || true
    as_user timeout 5 bash -c "$(send "$INGEST_A"); $(send "$INGEST6_A")" 2>/dev/null || true
    on terminal timeout 5 ping -c 1 -W 0.2 -I inet0 -q "$INGEST_A" >/dev/null 2>&1 || true
}

@test "carrier: media goes by the carrier, and by nothing else when it is cut, down or gone" {
    event --host "$INGEST6_A"
    six=$ID
    event
    connect up "$six" >/dev/null
    connect up "$ID" >/dev/null
    before=$(tx carA)
    try_to_leak
    [ "$(tx carA)" -gt $((before + 3)) ]
    assert_equal "$(leaked)" 0
    sent=$(tx inet0)

    ip -n "$LAB-relay" link set linA down # the cable is cut at the other end
    try_to_leak
    assert_equal "$(leaked)" 0
    ip -n "$LAB-relay" link set linA up

    ip -n "$LAB-terminal" link set carA down
    try_to_leak
    assert_equal "$(leaked)" 0
    run as_user timeout 5 bash -c "$(send "$INGEST_A")"
    assert_output --regexp 'No route|unreachable'
    run as_media timeout 5 bash -c "$(send "$INGEST6_A")"
    assert_output --regexp 'No route|unreachable'

    ip -n "$LAB-terminal" link delete carA
    try_to_leak
    assert_equal "$(leaked)" 0
    on terminal ip rule flush
    on terminal ip -6 rule flush
    on terminal ip rule add pref 32766 lookup main
    on terminal ip -6 rule add pref 32766 lookup main
    try_to_leak # with no rule of ours left: the guard
    assert_equal "$(leaked)" 0
    run on terminal nft list table inet slotcast
    assert_line --regexp 'skuid 64010 .* counter packets [1-9]'
    assert_line --regexp 'ip daddr @relay_ingest .* counter packets [1-9]'
    assert_line --regexp 'ip6 daddr @relay_ingest6 .* counter packets [1-9]'
    assert_equal "$(on terminal nft list table inet slotcast | grep -c counter)" 3
    # Anybody else is as free on the Internet as before.
    run -0 as_user timeout 5 bash -c "$(send 192.0.2.1)"
    [ "$(tx inet0)" -gt "$sent" ]

    connect down "$six"
    on terminal ip rule add pref 32767 lookup default
}

@test "carrier: a missing, downed or addressless interface is named, and nothing stays behind" {
    routing >"$BATS_TEST_TMPDIR/before"
    sed 's/"carA"/"nosuch0"/' "$SLOTCAST_CONFIG" >"$BATS_TEST_TMPDIR/terminal.toml"
    run -66 connect --config "$BATS_TEST_TMPDIR/terminal.toml" up "$ID"
    assert_output --partial 'error: carrier lineA: there is no interface nosuch0'
    assert_output --partial 'hint: '
    ip -n "$LAB-terminal" link set carB down
    run -69 connect up "$ID" --carrier lineB
    assert_output --partial 'interface carB is down'
    ip -n "$LAB-terminal" link set carB up
    event --host 2001:db8:77::1
    sed 's/gateway6 = "fd00:10:2::1"/gateway6 = "fd00:99::1"/' "$SLOTCAST_CONFIG" >"$BATS_TEST_TMPDIR/terminal.toml"
    run -69 connect --config "$BATS_TEST_TMPDIR/terminal.toml" up "$ID"
    assert_output --partial 'gateway fd00:99::1 is not on the network of interface carA'
    assert_equal "$(ls "$CARRIERS/run/carriers")" ''
    run -0 diff <(grep -v carB "$BATS_TEST_TMPDIR/before") <(routing | grep -v carB)
}

@test "carrier: a full disk is an error, and nothing is half done" {
    connect up "$ID" >/dev/null
    connect down "$ID"
    routing >"$BATS_TEST_TMPDIR/before"
    # shellcheck disable=SC2016 # for the inner shell
    run on_full_disk 64k "$CARRIERS/run" sh -c '
        dd if=/dev/zero of="$1/fill" bs=1k count=100 2>/dev/null
        nsenter --net="/run/netns/$2-terminal" carrier-connect up "$3"
        code=$?; ls "$1/carriers"; exit $code' sh "$CARRIERS/run" "$LAB" "$ID"
    assert_failure 74
    assert_equal "${#lines[@]}" 2 # error and hint: no file is there
    assert_output --partial 'error: '
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
}

@test "carrier: killed at any moment, down still leaves nothing, and up ends right" {
    routing >"$BATS_TEST_TMPDIR/before"
    for delay in 0 0.002 0.005 0.008 0.011 0.014 0.018 0.025; do
        for verb in "up $ID" "up $ID --carrier lineB" "down $ID"; do
            # shellcheck disable=SC2086 # words
            on terminal timeout -s KILL "$(echo "$delay + 0.001" | bc)" carrier-connect $verb >/dev/null 2>&1 || true
        done
        connect up "$ID" >/dev/null
        run --separate-stderr -0 connect up "$ID" --dry-run
        assert_output ''
        on terminal timeout -s KILL "0.0${delay#0.0}5" carrier-connect down "$ID" >/dev/null 2>&1 || true
        connect down "$ID"
        diff "$BATS_TEST_TMPDIR/before" <(routing)
    done
}

@test "carrier: two at once, of one and of two reservations" {
    first=$ID
    event
    routing >"$BATS_TEST_TMPDIR/before"
    pids=
    for args in "$first" "$first --carrier lineB" "$ID" "$ID --carrier lineB"; do
        # shellcheck disable=SC2086 # words
        connect up $args >/dev/null 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
    run --separate-stderr connect status
    assert_equal "${#lines[@]}" 2
    assert_equal "$(jq -c '[.intact, (.reservations | length)]' <<<"$output" | sort -u)" '[true,2]'
    connect down "$first"
    run --separate-stderr connect status
    assert_equal "$(jq -c .reservations <<<"$output" | sort -u)" "[\"$ID\"]"
    connect down "$ID"
    run -0 diff "$BATS_TEST_TMPDIR/before" <(routing)
}

@test "carrier: status tells link, use and damage, as records and as a table" {
    run --separate-stderr -0 connect status
    assert_output ''
    connect up "$ID" >/dev/null
    on terminal ip rule del pref 601
    run --separate-stderr -0 connect status
    assert_matches_schema carrier-connect <<<"$output"
    assert_equal "$(jq -c '[.carrier,.interface,.link,.table,.active,.intact]' <<<"$output")" \
        '["lineA","carA","up",4001,true,false]'
    connect up "$ID" >/dev/null # mends it
    run --separate-stderr -0 connect status --table
    assert_line --regexp "^lineA +carA +up +yes +yes +$ID\$"
    ip -n "$LAB-relay" link set linA down
    run --separate-stderr -0 connect status
    assert_equal "$(jq -r .link <<<"$output")" cut
    ip -n "$LAB-relay" link set linA up
}
