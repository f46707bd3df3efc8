# What happens to the vault when the disk is full, a command is killed, or many run at once.
load ../lib/common
load ../lib/vault

@test "a full disk: every write fails whole, and works when run again" {
    settings >"$BATS_TEST_TMPDIR/record"
    # How many files fit: each of init's and add's writes is the first to fail once.
    for files in $(seq 1 6); do
        # shellcheck disable=SC2016 # for the inner shell; 74 says: failed first, then worked
        run unshare -m sh -ec '
            mkdir -p "$1"; mount -t tmpfs -o "size=64k,nr_inodes=$2" tmpfs "$1"
            if resv-store --vault "$1/vault" init; then exit 0; else code=$?; fi
            [ "$code" = 74 ] || exit "$code"
            mount -o remount,nr_inodes=100 "$1"
            resv-store --vault "$1/vault" init && resv-store --vault "$1/vault" check && exit 74
            exit 1' sh "$BATS_TEST_TMPDIR/small" "$files"
        if [ "$files" = 6 ]; then
            assert_success
        else
            assert_failure 74
            assert_output --partial 'no space left on device'
        fi
    done
    # How many bytes fit: add and trust fail without harm to what is stored.
    id=$(stored)
    # shellcheck disable=SC2016 # for the inner shell
    run -0 on_full_disk 64k "$SLOTCAST_VAULT" sh -ec '
        dd if=/dev/zero of="$SLOTCAST_VAULT/settings/.fill" bs=1k count=1000 2>/dev/null || true
        chmod 600 "$SLOTCAST_VAULT/settings/.fill"
        code=0; resv-store add "$1" || code=$?; [ "$code" = 74 ]
        code=0; resv-store trust "$3" || code=$?; [ "$code" = 74 ]
        resv-store get "$2" >/dev/null
        rm "$SLOTCAST_VAULT/settings/.fill"
        resv-store check
        resv-store add "$1"; resv-store trust "$3"
        resv-store check' sh "$BATS_TEST_TMPDIR/record" "$id" "$(make-settings --control x --key)"
}

@test "killed anywhere in init or add, it finishes the work when run again" {
    settings >"$BATS_TEST_TMPDIR/record"
    cp -a "$SLOTCAST_VAULT" "$BATS_TEST_TMPDIR/fresh"
    for delay in 0.000{5,8} 0.00{1,2,3,4,5,6,7,8}{0,3,6}; do
        SLOTCAST_VAULT=$BATS_TEST_TMPDIR/new run timeout -s KILL "$delay" resv-store init
        SLOTCAST_VAULT=$BATS_TEST_TMPDIR/new run -0 resv-store init
        SLOTCAST_VAULT=$BATS_TEST_TMPDIR/new run -0 resv-store check
        run timeout -s KILL "$delay" resv-store add "$BATS_TEST_TMPDIR/record"
        run -0 --separate-stderr resv-store add "$BATS_TEST_TMPDIR/record"
        run -0 resv-store check
        rm -r "$BATS_TEST_TMPDIR/new" "$SLOTCAST_VAULT"
        cp -a "$BATS_TEST_TMPDIR/fresh" "$SLOTCAST_VAULT"
    done
    # What a killed writer leaves is reported, ignored, and removed by the next writer.
    umask 077
    touch "$SLOTCAST_VAULT/settings/01m81s0j8tvnq7jqqa8ewr51qe.json.0123456789abcdef.tmp"
    violation 'left behind'
    run -0 resv-store list
    run -0 resv-store add "$BATS_TEST_TMPDIR/record"
    run -0 resv-store check
}

@test "many at once: one vault, no damage, the newest serial wins" {
    id=$(stored --serial 1)
    for serial in {2..9}; do settings --id "$id" --serial "$serial" >"$BATS_TEST_TMPDIR/$serial"; done
    pids=
    for serial in 5 2 9 3 7 4 8 6; do
        resv-store add "$BATS_TEST_TMPDIR/$serial" >/dev/null 2>&1 3>&- &
        pids+=" $!"
        resv-store --vault "$BATS_TEST_TMPDIR/both" init 2>&1 >"$BATS_TEST_TMPDIR/init.$serial" 3>&- &
        pids+=" $!"
    done
    for pid in $pids; do
        code=0
        wait "$pid" || code=$?
        ((code <= 1)) # 1: an older one came later
    done
    assert_equal "$(resv-store get "$id" | jq .serial)" 9
    run -0 resv-store check
    assert_equal "$(cat "$BATS_TEST_TMPDIR"/init.* | sort -u | wc -l)" 1
}

@test "a vault that somebody else holds locked is waited for" {
    id=$(stored)
    flock "$SLOTCAST_VAULT/lock" sleep 0.5 3>&- &
    holder=$!
    sleep 0.1
    run -0 resv-store rm "$id"
    wait "$holder"
}
