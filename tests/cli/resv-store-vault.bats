# The vault's defences: modes, owners, links, damage, strangers. Accidents: resv-store-accidents.bats.
load ../lib/common
load ../lib/vault

@test "the vault is 0700, its files are 0600, whatever the umask" {
    id=$(umask 000 && stored)
    (umask 000 && resv-store --vault "$BATS_TEST_TMPDIR/deep/er/vault" init >/dev/null)
    for vault in "$SLOTCAST_VAULT" "$BATS_TEST_TMPDIR/deep/er/vault"; do
        assert_equal "$(find "$vault" -type d ! -perm 700)" ''
        assert_equal "$(find "$vault" -type f ! -perm 600)" ''
    done
    assert_file_exists "$SLOTCAST_VAULT/settings/$id.json"
    run -1 grep -rq 'Town hall' "$SLOTCAST_VAULT"
}

@test "a mode that lets others in is refused, for each file and folder" {
    id=$(stored)
    for name in . keys settings "settings/$id.json" trusted trusted/ddffc7f53f07a332; do
        path=$SLOTCAST_VAULT/$name
        mode=$(stat -c %a "$path")
        chmod g+r "$path"
        run -77 resv-store get "$id"
        assert_output --partial 'lets others at it'
        assert_output --partial 'hint: chmod'
        violation 'lets others at it'
        chmod "$mode" "$path"
    done
    resv-store get "$id" >/dev/null
    chmod o+w "$SLOTCAST_VAULT/lock"
    run -77 resv-store rm "$id"
}

@test "symbolic links are refused, for each file and folder" {
    id=$(stored)
    for name in keys settings "settings/$id.json" trusted trusted/ddffc7f53f07a332; do
        path=$SLOTCAST_VAULT/$name
        mv "$path" "$BATS_TEST_TMPDIR/real"
        ln -s "$BATS_TEST_TMPDIR/real" "$path"
        run -65 resv-store get "$id"
        assert_output --partial 'symbolic link'
        violation 'symbolic link'
        rm "$path"
        mv "$BATS_TEST_TMPDIR/real" "$path"
    done
    ln -s "$SLOTCAST_VAULT" "$BATS_TEST_TMPDIR/alias"
    for alias in "$BATS_TEST_TMPDIR/alias" "$BATS_TEST_TMPDIR/alias/"; do
        run -65 resv-store --vault "$alias" get "$id"
        run -65 resv-store --vault "$alias" check
    done
    # A link in place of a document is replaced, not followed.
    echo precious >"$BATS_TEST_TMPDIR/precious"
    ln -sf "$BATS_TEST_TMPDIR/precious" "$SLOTCAST_VAULT/settings/$id.json"
    settings --id "$id" --serial 2 | resv-store add
    resv-store get "$id" >/dev/null
    assert_equal "$(cat "$BATS_TEST_TMPDIR/precious")" precious
}

@test "hard links, fifos and strange names are refused" {
    id=$(stored)
    for name in keys "settings/$id.json"; do
        ln "$SLOTCAST_VAULT/$name" "$BATS_TEST_TMPDIR/second"
        run -65 resv-store get "$id"
        assert_output --partial 'has 2 names'
        violation 'has 2 names'
        rm "$BATS_TEST_TMPDIR/second"
    done
    rm "$SLOTCAST_VAULT/settings/$id.json"
    mkfifo -m 600 "$SLOTCAST_VAULT/settings/$id.json"
    run -65 timeout 5 resv-store get "$id"
    assert_output --partial 'not a regular file'
    violation 'not a regular file'
    rm "$SLOTCAST_VAULT/settings/$id.json"
    touch "$SLOTCAST_VAULT/notes.txt"
    violation 'does not belong in a vault'
    rm "$SLOTCAST_VAULT/notes.txt"
    # what resv-request keeps there belongs, and is held to the same rules
    mkdir -m 700 "$SLOTCAST_VAULT/pending"
    install -m 600 /dev/null "$SLOTCAST_VAULT/pending/0123456789abcdef"
    run -0 resv-store check
    chmod 644 "$SLOTCAST_VAULT/pending/0123456789abcdef"
    violation 'lets others at it'
}

@test "files of another owner are refused; root reads a user's vault and never writes into it" {
    [ "$(id -u)" = 0 ] || skip 'needs root'
    id=$(stored)
    chown 65534 "$SLOTCAST_VAULT/settings/$id.json"
    run -77 resv-store get "$id"
    assert_output --partial 'belongs to uid 65534, not to uid 0'
    violation 'belongs to uid 65534'
    chown -R 65534 "$SLOTCAST_VAULT"
    run -0 resv-store get "$id"
    run -0 resv-store check
    run -77 resv-store rm "$id"
    assert_output --partial 'only its owner changes a vault'
    run -77 resv-store add < <(settings)
    run -77 resv-store trust "$(make-settings --control other --key)"
    chown 0 "$SLOTCAST_VAULT/keys"
    run -77 resv-store get "$id"
}

@test "another user gets nothing out of root's vault" {
    [ "$(id -u)" = 0 ] || skip 'needs root'
    public=$(mktemp -d)
    chmod 755 "$public"
    cp "$SLOTCAST_BUILD/bin/resv-store" "$public"
    id=$(stored)
    cp -a "$SLOTCAST_VAULT" "$public/vault"
    for verb in list id "get $id" "rm $id" check init; do
        # shellcheck disable=SC2086 # a verb and its argument
        run setpriv --reuid 65534 --regid 65534 --clear-groups \
            env -u SLOTCAST_CONFIG HOME=/nonexistent "$public/resv-store" --vault "$public/vault" $verb
        assert_failure
        refute_output --regexp '"(terminal|event|document)"'
    done
    rm -r "$public"
}

@test "damaged documents are refused one by one, and do not hide the others" {
    good=$(stored --in 2h)
    bad=$(stored --in 1h)
    file=$SLOTCAST_VAULT/settings/$bad.json
    cp -p "$file" "$BATS_TEST_TMPDIR/whole"
    size=$(stat -c %s "$file")
    damage() { # COMMAND…: writes the damaged file to standard output
        "$@" >"$file"
        run -65 resv-store get "$bad"
        assert_output --partial "error: "
        run -65 --separate-stderr resv-store list
        assert_equal "$(jq -r .reservation <<<"$output")" "$good"
        run -0 --separate-stderr resv-store next
        assert_output "$good"
        run -65 --separate-stderr resv-store check
        assert_output --partial "$bad.json"
    }
    damage true
    damage head -c 20 "$BATS_TEST_TMPDIR/whole"
    damage head -c $((size - 10)) "$BATS_TEST_TMPDIR/whole"
    damage head -c 300000 /dev/zero
    damage sh -c "cat '$BATS_TEST_TMPDIR/whole' '$BATS_TEST_TMPDIR/whole'"
    damage cat "$SLOTCAST_VAULT/settings/$good.json"
    damage jq -c '.sealed |= sub("^....";"AAAA")' "$BATS_TEST_TMPDIR/whole"
    damage jq -c '.extra = 1' "$BATS_TEST_TMPDIR/whole"
    # The same settings again mend it.
    run -0 resv-store add "$BATS_TEST_TMPDIR/whole"
    assert_output --partial '"result":"replaced"'
    assert_equal "$(resv-store list | wc -l)" 2
    run -0 resv-store check
}

@test "records with a flipped bit anywhere are refused" {
    settings >"$BATS_TEST_TMPDIR/record"
    size=$(stat -c %s "$BATS_TEST_TMPDIR/record")
    for _ in {1..40}; do
        at=$(((RANDOM * 32768 + RANDOM) % (size - 1)))
        bit=$((RANDOM % 8))
        cp "$BATS_TEST_TMPDIR/record" "$BATS_TEST_TMPDIR/flipped"
        flip "$BATS_TEST_TMPDIR/flipped" "$at" "$bit"
        echo "byte $at, bit $bit"
        run resv-store add "$BATS_TEST_TMPDIR/flipped"
        assert_failure
        assert_equal "$(ls "$SLOTCAST_VAULT/settings")" ''
    done
}

@test "oversized, unreadable and truncated input is refused" {
    run -65 resv-store add < <(head -c 17000000 /dev/zero)
    assert_output --partial 'larger than 16000000 bytes'
    run -65 resv-store add < <(settings | jq -c '.sealed += ("A" * 300000)')
    assert_output --partial 'longer than 262144 bytes'
    run -65 resv-store add < <(settings | head -c 200)
    run resv-store add "$BATS_TEST_TMPDIR"
    assert_failure 74
    run -65 resv-store add < <(printf '{"type":"settings","type":"settings","v":1}')
}

@test "settings for another terminal, from another control, or for no trust at all are refused" {
    resv-store --vault "$BATS_TEST_TMPDIR/other" init >"$BATS_TEST_TMPDIR/other-terminal"
    run -65 resv-store add < <(make-settings --terminal "$BATS_TEST_TMPDIR/other-terminal")
    assert_output --partial 'not sealed for this terminal'
    # addressed to us, but sealed for somebody else, and the other way round
    run -65 resv-store add < <(make-settings --terminal "$BATS_TEST_TMPDIR/other-terminal" |
        jq -c --arg kid "$(jq -r .key_id "$terminal")" '.recipient = $kid')
    run -65 resv-store add < <(settings |
        jq -c --arg kid "$(jq -r .key_id "$BATS_TEST_TMPDIR/other-terminal")" '.recipient = $kid')
    run -65 resv-store add < <(settings | jq -c '.reservation = "01m81s0j8tvnq7jqqa8ewr51qe"')
    run -77 resv-store add < <(settings --control stranger)
    assert_output --partial 'not signed by the control this terminal trusts'
    run -77 resv-store --vault "$BATS_TEST_TMPDIR/other" add \
        < <(make-settings --terminal "$BATS_TEST_TMPDIR/other-terminal")
    assert_output --partial 'trusts no control yet'
    assert_equal "$(ls "$SLOTCAST_VAULT/settings")" ''
}

@test "a second trusted control does not replace what the first one booked" {
    id=$(stored)
    resv-store -q trust "$(make-settings --control second --key)"
    settings --control second | resv-store add
    run -1 resv-store add < <(settings --control second --id "$id" --serial 9)
    assert_output --partial 'from another control'
    # and when its trust is withdrawn, its settings are void
    rm "$SLOTCAST_VAULT/trusted/ddffc7f53f07a332"
    run -77 resv-store get "$id"
}

@test "damaged keys and trust are refused and never replaced" {
    cp -p "$SLOTCAST_VAULT/keys" "$BATS_TEST_TMPDIR/keys"
    for length in 0 5 60 105 137; do
        head -c $length "$BATS_TEST_TMPDIR/keys" >"$SLOTCAST_VAULT/keys"
        run -65 resv-store id
        assert_output --partial "not a terminal's keys"
        run -65 resv-store init
        assert_equal "$(stat -c %s "$SLOTCAST_VAULT/keys")" "$length"
    done
    head -c 5000 /dev/zero >"$SLOTCAST_VAULT/keys"
    run -65 resv-store id
    # A bit of the magic, of either key, of the check value, of the last newline; of all, the unit tests.
    for byte in 3 20 70 110 137; do
        cp "$BATS_TEST_TMPDIR/keys" "$SLOTCAST_VAULT/keys"
        flip "$SLOTCAST_VAULT/keys" "$byte" 1
        run -65 resv-store id
        assert_line --index 0 "resv-store: error: $SLOTCAST_VAULT/keys: not a terminal's keys, or damaged"
        assert_line --index 1 --partial 'hint: put the file back from a backup'
        violation "$SLOTCAST_VAULT/keys: not a terminal's keys, or damaged"
    done
    cp "$BATS_TEST_TMPDIR/keys" "$SLOTCAST_VAULT/keys"
    make-settings --control other --key >"$SLOTCAST_VAULT/trusted/ddffc7f53f07a332"
    run -65 resv-store add < <(settings)
    assert_output --partial 'not the key that its name says'
}

@test "no vault: the hint says how to make one" {
    run -66 resv-store --vault "$BATS_TEST_TMPDIR/absent" list
    assert_output --partial 'make the vault with resv-store init'
    run -66 resv-store --vault "$BATS_TEST_TMPDIR/absent" check
    mkdir -m 700 "$BATS_TEST_TMPDIR/empty"
    run -66 resv-store --vault "$BATS_TEST_TMPDIR/empty" list
    run -65 resv-store --vault "$SLOTCAST_CONFIG" list
}
