# The demo, as it is shipped, is a test too: it exits 0 only when everything in its table was seen.

load ../lib/common

@test "the demo sees everything it promises" {
    run env LAB="demo$$" timeout 180 "$SLOTCAST_ROOT/examples/demo.sh"
    assert_success
    assert_line --partial "Everything was seen"
}
