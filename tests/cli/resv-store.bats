# resv-store: what each verb prints, stores and refuses. The vault's defences: resv-store-vault.bats.
load ../lib/common
load ../lib/vault

teardown() { end_started; }

@test "init keeps the keys that are there, and trust may be repeated" {
    run -0 --separate-stderr resv-store init
    assert_matches_schema resv-store <<<"$output"
    assert_equal "$(jq -r .sign_key <<<"$output")" \
        "$(jq -r .sign_key "$BATS_TEST_TMPDIR/terminal")"
    assert_equal "$(jq -c .trusted <<<"$output")" '["ddffc7f53f07a332"]'
    make-settings --key | resv-store trust -
    run -0 --separate-stderr resv-store id
    assert_equal "$(jq '.trusted | length' <<<"$output")" 1
}

@test "init --dry-run makes nothing" {
    run -0 resv-store --vault "$BATS_TEST_TMPDIR/other" init --dry-run
    assert_file_not_exists "$BATS_TEST_TMPDIR/other"
}

@test "add stores settings, passes other records over, and may be repeated" {
    settings >"$BATS_TEST_TMPDIR/record"
    { echo '{"type":"reservation","v":1}'; echo; cat "$BATS_TEST_TMPDIR/record"; } >"$BATS_TEST_TMPDIR/lines"
    run -0 --separate-stderr resv-store add --dry-run "$BATS_TEST_TMPDIR/lines"
    assert_output --partial '"result":"stored"'
    run -0 resv-store list
    assert_output ''
    run -0 --separate-stderr resv-store add "$BATS_TEST_TMPDIR/lines"
    assert_output --partial '"result":"stored"'
    run -0 --separate-stderr resv-store add <"$BATS_TEST_TMPDIR/record"
    assert_output --partial '"result":"unchanged"'
    assert_matches_schema resv-store <<<"$output"
    run -0 --separate-stderr resv-store list
    assert_matches_schema resv-store <<<"$output"
    assert_equal "$(jq -r '.type + .title' <<<"$output")" 'eventTown hall'
}

@test "add exits 66 on empty input and on input without settings" {
    run -66 resv-store add </dev/null
    assert_output --partial 'empty'
    run -66 resv-store add <<<'{"type":"reservation","v":1}'
    assert_output --partial 'no settings'
    run -66 resv-store add "$BATS_TEST_TMPDIR/absent"
    run -65 resv-store add <<<'not JSON'
    assert_output --partial 'line 1'
}

@test "a newer serial replaces, an older one is refused" {
    id=$(stored --serial 5)
    run -0 --separate-stderr resv-store add < <(settings --id "$id" --serial 6 --title new)
    assert_output --partial '"result":"replaced"'
    run -1 resv-store add < <(settings --id "$id" --serial 5)
    assert_output --partial 'older than the stored 6'
    assert_equal "$(resv-store list | jq -r .title)" new
}

@test "one bad record does not cost the others" {
    settings --title one >"$BATS_TEST_TMPDIR/lines"
    settings --control stranger >>"$BATS_TEST_TMPDIR/lines"
    settings --title two >>"$BATS_TEST_TMPDIR/lines"
    run -77 resv-store add "$BATS_TEST_TMPDIR/lines"
    assert_output --partial 'lines, line 2: settings of'
    assert_output --partial 'not signed by the control this terminal trusts'
    assert_equal "$(resv-store list | wc -l)" 2
}

@test "settings that have expired are refused, and prune removes them later" {
    run -1 resv-store add < <(settings --start 2020-01-01T00:00:00Z)
    assert_output --partial 'expired at 2020-01-02T01:00:10Z'
    id=$(stored --start 2020-01-01T00:00:00Z --not-after "$(date -u -d '+2 sec' +%FT%TZ)")
    other=$(stored)
    run -0 resv-store prune
    assert_output ''
    wait_for 5 sh -c "resv-store prune --dry-run | grep $id"
    run -0 --separate-stderr resv-store prune
    assert_matches_schema resv-store <<<"$output"
    assert_equal "$(jq -r .reservation <<<"$output")" "$id"
    assert_equal "$(resv-store list | jq -r .reservation)" "$other"
}

@test "get hides the secrets, and only --url --reveal shows them" {
    id=$(stored)
    for how in '' --env --url; do
        run -0 resv-store get "$id" $how
        refute_output --regexp '[A-Za-z0-9_-]{32,}[^/]' # nothing as long as a key but the id
    done
    run -64 resv-store get "$id" --reveal
    run -64 resv-store get "$id" --env --url
    run -0 resv-store get "$id" --url --reveal
    assert_output --regexp '^srt://203\.0\.113\.10:9010\?mode=caller&streamid=[A-Za-z0-9_-]{198}&passphrase=[A-Za-z0-9_-]{32}&pbkeylen=16$'
}

@test "get takes the preset carrier, or the one that is named" {
    id=$(stored)
    run -0 resv-store get "$id" --url
    assert_output --partial ':9010?'
    run -0 resv-store get "$id" --url --carrier line-a
    assert_output --partial ':9000?'
    run -0 resv-store get "$id" --carrier line-a
    assert_matches_schema resv-store <<<"$output" # its secrets are hidden
    assert_equal "$(jq -c '[.carriers[].name]' <<<"$output")" '["line-a"]'
    run -1 resv-store get "$id" --carrier line-c
    assert_output --partial 'it has line-a, line-b'
    other=$(stored --carrier line-x --host 2001:db8::1)
    run -0 resv-store get "$other" --url
    assert_output --partial 'srt://[2001:db8::1]:9000?'
}

@test "get --env is safe to evaluate, whatever the title" {
    id=$(stored --title "it's \$(touch $BATS_TEST_TMPDIR/pwned) \`touch $BATS_TEST_TMPDIR/pwned\` \"x\"")
    eval "$(resv-store get "$id" --env)"
    assert_file_not_exists "$BATS_TEST_TMPDIR/pwned"
    # shellcheck disable=SC2154 # eval sets it
    assert_equal "$RESV_TITLE" "it's \$(touch $BATS_TEST_TMPDIR/pwned) \`touch $BATS_TEST_TMPDIR/pwned\` \"x\""
    assert_equal "$RESV_ID $RESV_CARRIER $RESV_RELAY_PORT" "$id line-b 9010"
}

@test "get of an unknown event is a no, of a bad id a usage error" {
    run -1 resv-store get 01m81s0j8tvnq7jqqa8ewr51qe
    assert_output --partial 'resv-request settings'
    run -64 resv-store get ../keys
    run -64 resv-store get
}

@test "next prints the event that is on or comes first" {
    run -1 resv-store next
    later=$(stored --in 3h)
    first=$(stored --in 1h)
    stored --start 2020-01-01T00:00:00Z --not-after 2099-01-01T00:00:00Z
    run -0 resv-store next
    assert_output "$first"
    run -1 resv-store next --within 15m
    now=$(stored --start "$(date -u -d '-1 min' +%FT%TZ)")
    run -0 resv-store next --within 15m
    assert_output "$now"
    run -64 resv-store next --within soon
    resv-store rm "$now"
    resv-store rm "$first"
    run -0 resv-store next
    assert_output "$later"
}

@test "next --wait sees what is added, and ends by a signal" {
    start next timeout 20 resv-store next --wait --within 1m
    sleep 0.2
    stored --in 1h
    id=$(stored --in 58s)
    # shellcheck disable=SC2154 # start sets it
    wait "$started"
    assert_equal "$(cat "$BATS_TEST_TMPDIR/next.out")" "$id"
    start never resv-store next --wait --within 1s
    sleep 0.2
    kill "$started"
    code=0
    wait "$started" || code=$?
    assert_equal "$code" 143
}

@test "list --table is for people" {
    stored --title 'Müller & Söhne' >/dev/null
    run -0 resv-store list --table
    assert_line --index 1 --regexp '1h +studio1 +line-a,line-b +6M +Müller & Söhne$'
}

@test "schedule --as cron prints a line for the minute before the window" {
    id=$(stored --start 2099-03-29T10:00:05Z)
    cd "$BATS_TEST_TMPDIR"
    run -0 resv-store schedule "$id" --as cron --input "50% o'clock.ts" --lead 2m --carrier line-a
    # 10:00:05 less a lead-in of 10 s and a lead of 2 min, down to the minute
    assert_equal "$(cut -d ' ' -f 1-5 <<<"$output")" \
        "$(date -d 2099-03-29T09:57:00Z '+%-M %-H %-d %-m *')"
    assert_output --partial "exec $id --carrier line-a -- "
    assert_output --partial "push-stream $id '$BATS_TEST_TMPDIR/50\\% o'\\''clock.ts' # slotcast $id"
    assert_output --partial "SLOTCAST_VAULT=$SLOTCAST_VAULT "
    assert_output --partial "SLOTCAST_CONFIG=$SLOTCAST_CONFIG "
    run -0 resv-store schedule "$id" --as systemd --input test:
    assert_output --partial "--on-calendar='2099-03-29 09:58:00 UTC'"
    run -0 resv-store schedule "$id" --as at --input test:
    assert_output --partial "| at -t $(date -d 2099-03-29T09:58:00Z +%Y%m%d%H%M)"
}

@test "schedule refuses what no scheduler could do" {
    id=$(stored)
    run -64 resv-store schedule "$id" --as cron --input -
    run -64 resv-store schedule "$id" --as lottery --input test:
    run -64 resv-store schedule "$id" --as cron
    run -64 resv-store schedule "$id" --as cron --input test: --lead 5
    run -64 resv-store schedule "$id" --as cron --input $'a\nb'
    run -1 resv-store schedule "$id" --as cron --input "$(printf 'x%.0s' {1..1000})"
    run -1 resv-store schedule "$id" --as cron --input test: --carrier line-c
    over=$(stored --start 2020-01-01T00:00:00Z --not-after 2099-01-01T00:00:00Z)
    run -1 resv-store schedule "$over" --as cron --input test:
    assert_output --partial 'ends at 2020-01-01T01:00:00Z'
}

@test "rm removes an event, and may be repeated" {
    id=$(stored)
    run -0 resv-store rm "$id" --dry-run
    resv-store get "$id" >/dev/null
    run -0 resv-store rm "$id"
    assert_output --partial 'removed'
    run -1 resv-store get "$id"
    run -0 resv-store rm "$id"
}

@test "options: unknown ones, help, version, configuration" {
    run -64 resv-store
    run -64 resv-store --bogus
    run -64 resv-store list --bogus
    run -64 resv-store lisst
    run -0 --separate-stderr resv-store --help
    # shellcheck disable=SC2154 # run sets it
    assert_equal "$stderr" ''
    run -0 resv-store --version
    assert_output --regexp '^resv-store [0-9]+\.[0-9]+\.[0-9]+$'
    run -0 resv-store --print-config --vault /else/where
    assert_line 'vault = "/else/where"'
    assert_line 'preset = "line-b"'
}

@test "a bad configuration is refused with file, line and key" {
    printf 'control = "https://c"\nvaultt = "/x"\n' >"$SLOTCAST_CONFIG"
    run -78 resv-store list
    assert_output --partial "terminal.toml:2: vaultt: not a known key"
    printf 'media_uid = "5s"\n' >"$SLOTCAST_CONFIG"
    run -78 resv-store list
    assert_output --partial 'terminal.toml:1: media_uid: expected a whole number'
    run -78 resv-store --config "$BATS_TEST_TMPDIR/absent.toml" list
}

@test "standard output that is full is an error" {
    stored >/dev/null
    run -74 sh -c 'resv-store list >/dev/full'
    run -74 sh -c 'resv-store --help >/dev/full'
}
