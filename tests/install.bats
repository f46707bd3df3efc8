# `make install` puts everything where the programs and people look for it, and uninstall takes it away.

load lib/common

setup_file() {
    DEST=$BATS_FILE_TMPDIR/root
    export DEST
    # Everything is built already: -o keeps make from building, whatever the clock says of the files.
    make -s -C "$SLOTCAST_ROOT" install BUILD="$SLOTCAST_BUILD" DESTDIR="$DEST" PREFIX=/usr -o all
}

@test "install: programs, helpers, manual, completion and schemas are there, and nothing else" {
    run bash -c 'cd "$DEST/usr" && find . -type f -o -type l | sort'
    assert_success
    {
        for p in carrier-connect push-stream relay-serve resv-control resv-request resv-store; do
            echo "./bin/$p"
            echo "./share/bash-completion/completions/$p"
        done
        echo ./share/bash-completion/completions/slotcast
        echo ./libexec/slotcast/push-sender
        echo ./libexec/slotcast/carrier-modem
        echo ./libexec/slotcast/carrier-lease
        echo ./libexec/slotcast/relay-ingest
        echo ./libexec/slotcast/relay-srt-out
        echo ./libexec/slotcast/relay-poster
        for schema in "$SLOTCAST_ROOT"/lib/wire/schemas/*; do echo "./share/slotcast/schemas/${schema##*/}"; done
        echo ./share/slotcast/schemas/openapi.json
        echo ./lib/systemd/system/resv-control.service
        echo ./lib/systemd/networkd.conf.d/50-slotcast.conf
        for page in "$SLOTCAST_ROOT"/man/*.[1-8]; do echo "./share/man/man${page##*.}/${page##*/}"; done
    } | sort >"$BATS_TEST_TMPDIR/expected"
    run diff "$BATS_TEST_TMPDIR/expected" - <<<"$output"
    assert_success
}

# What a program loads is most of what its start takes, and what a confined one could be attacked by.
@test "install: programs bring along no library that is none of their business" {
    needs() { readelf -d "$DEST/usr/$1" | grep -oE 'NEEDED.*\[lib(gst|ssl|crypto|sqlite3|pq|srt)[^]]*' || true; }
    for program in bin/carrier-connect bin/resv-request bin/resv-store libexec/slotcast/carrier-lease; do
        run needs "$program"
        refute_output
    done
    for program in libexec/slotcast/{push-sender,relay-ingest,relay-srt-out}; do
        run needs "$program"
        assert_output --partial libsrt-gnutls
        refute_output --partial libgst
    done
    run needs libexec/slotcast/relay-poster
    assert_output --partial libgst
}

@test "install: the service starts and reloads what is installed" {
    run -0 cat "$DEST/usr/lib/systemd/system/resv-control.service"
    assert_line 'ExecStart=/usr/bin/resv-control serve'
    assert_line 'ExecReload=/bin/kill -HUP $MAINPID'
    refute_output --partial '@'
}

@test "install: systemd-networkd is told to leave rules and routes of others alone" {
    run -0 grep -v '^#' "$DEST/usr/lib/systemd/networkd.conf.d/50-slotcast.conf"
    assert_output $'[Network]\nManageForeignRoutingPolicyRules=no\nManageForeignRoutes=no'
}

@test "install: man finds the pages, and what they refer to" {
    run env MANPATH="$DEST/usr/share/man" man -w slotcast resv-request carrier-connect
    assert_success
    cd "$SLOTCAST_ROOT/man"
    # Every page of ours that another names exists.
    missing=$(sed 's/\\-/-/g' ./*.[1-8] | grep -oE '^\.BR [a-z.-]+ \([1-8]\)' | sort -u |
        sed 's/^\.BR \(.*\) (\(.\))$/\1.\2/' | while read -r page; do
        case $page in
        slotcast* | resv-* | relay* | carrier-* | push-* | *.toml.5) [ -f "$page" ] || echo "$page" ;;
        esac
    done)
    [ -z "$missing" ] || fail "these pages are named and are not there: $missing"
}

@test "install: completion is loaded by the name of each program" {
    for p in resv-control resv-request resv-store carrier-connect push-stream relay-serve; do
        # shellcheck disable=SC2016 # for the inner shell
        run bash -c '. "$1" && complete -p "$2"' - "$DEST/usr/share/bash-completion/completions/$p" "$p"
        assert_success
        assert_output --partial _slotcast
    done
}

@test "install: installed programs run" {
    for p in "$DEST"/usr/bin/* "$DEST"/usr/libexec/slotcast/*; do
        run timeout 10 "$p" --version
        assert_success
        assert_output --partial "${p##*/} "
    done
}

@test "install: uninstall leaves no file" {
    cp -a "$DEST" "$BATS_TEST_TMPDIR/copy"
    make -s -C "$SLOTCAST_ROOT" uninstall BUILD="$SLOTCAST_BUILD" DESTDIR="$BATS_TEST_TMPDIR/copy" PREFIX=/usr
    run find "$BATS_TEST_TMPDIR/copy" -type f -o -type l
    assert_output ''
}
