# The demo, as it is shipped, is a test too: it exits 0 only when everything in its table was seen.

load ../lib/common

@test "the demo sees everything it promises" {
    run env LAB="demo$$" timeout 180 "$SLOTCAST_ROOT/examples/demo.sh"
    # First what was wrong: its account is longer than some records of a test keep.
    [ "$status" = 0 ] || grep -a 'error: \|WRONG' <<<"$output"
    assert_success
    assert_line --partial "Everything was seen"
}

# Its first lines only: what comes after is not reached, or stands in for itself.
demo() { timeout 20 "$BATS_TEST_TMPDIR/tree/examples/demo.sh" "$@"; }
tree() {
    mkdir -p "$BATS_TEST_TMPDIR/tree/examples"
    cp "$SLOTCAST_ROOT/examples/demo.sh" "$BATS_TEST_TMPDIR/tree/examples"
    printf '#!/bin/sh\nprintf "<%%s>\\n" "$@"\n' >"$BATS_TEST_TMPDIR/tree/examples/in-namespaces"
    chmod +x "$BATS_TEST_TMPDIR/tree/examples/in-namespaces"
}

@test "the demo refuses a file that is not there, before it does anything" {
    tree
    cd "$BATS_TEST_TMPDIR"
    for name in absent.mp4 'my holiday.mp4' /dev/null . -x rtsp://camera; do
        run -66 --separate-stderr demo "$name"
        assert_equal "$output" ''
        assert_regex "$stderr" "^demo: error: no such file, or not to be read: $name"
        assert_regex "$stderr" 'demo: hint: '
    done
}

@test "the demo takes a file whatever its name, from make as well; without one the test picture" {
    tree
    cd "$BATS_TEST_TMPDIR"
    script=$PWD/tree/examples/demo.sh
    run -0 demo
    assert_output "<$script>
<test:>"
    # make as it is, but that nothing is installed or built.
    mkdir -p tree/lib tree/tools/packaging
    cp "$SLOTCAST_ROOT/Makefile" tree
    touch tree/lib/layers.mk tree/build
    printf '#!/bin/sh\n' >tree/tools/packaging/deps
    chmod +x tree/tools/packaging/deps
    for name in 'my holiday.mp4' "it's; \"mine\" & yours.ts" '*.ts' -loop.ts; do
        touch -- "$name"
        run -0 demo "$name"
        assert_output "<$script>
<$PWD/$name>"
        run -0 timeout 20 make -s -C tree demo INPUT="../$name"
        assert_line "<$PWD/$name>"
        INPUT="../$name" run -0 timeout 20 make -s -C tree demo
        assert_line "<$PWD/$name>"
    done
    run -0 timeout 20 make -s -C tree demo
    assert_line '<test:>'
    run ! timeout 20 make -s -C tree demo INPUT='no such.mp4'
    assert_line 'demo: error: no such file, or not to be read: no such.mp4'
}
