# What this machine's kernel may lack (PPP, 802.1Q, netem) is tested on another one, in a guest: the other
# files of this folder. On a processor that can only be emulated that takes minutes: part of check-long.

load ../lib/common

export BATS_TEST_TIMEOUT=400 GUEST_LIMIT=380

@test "guest: lines that are dialled" {
    export SLOTCAST_BUILD
    GUEST_MEDIA=$BATS_TEST_TMPDIR/show.ts
    ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -c:v libx264 -preset ultrafast -b:v 800k -maxrate 800k \
        -bufsize 400k -g 25 -t 60 -f mpegts "$GUEST_MEDIA"
    run guest env GUEST_MEDIA="$GUEST_MEDIA" bats --formatter tap --timing tests/guest/ppp.bats
    echo "$output"
    assert_equal "$status" 0
    assert_equal "$(grep -c '^ok [1-4] ppp: ' <<<"$output")" 4
}
