# What this machine's kernel may lack (PPP, 802.1Q, netem) is tested on another one, in a guest: the other
# files of this folder. On a processor that can only be emulated that takes minutes: part of check-long.

load ../lib/common

export BATS_TEST_TIMEOUT=400 GUEST_LIMIT=380

setup_file() {
    export SLOTCAST_BUILD GUEST_MEDIA=$BATS_FILE_TMPDIR/show.ts
    ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -c:v libx264 -preset ultrafast -b:v 800k -maxrate 800k \
        -bufsize 400k -g 25 -t 60 -f mpegts "$GUEST_MEDIA"
}

# in_guest CASES BATS-ARGUMENTS…: as many pass there, and none fails.
in_guest() {
    local cases=$1
    shift
    run guest env GUEST_MEDIA="$GUEST_MEDIA" FAULT_SEED="${FAULT_SEED:-1}" bats --formatter tap --timing "$@"
    echo "$output"
    assert_equal "$status" 0
    assert_equal "$(grep -v '# skip' <<<"$output" | grep -c '^ok [1-9]')" "$cases"
}

@test "guest: lines that are dialled" { in_guest 4 tests/guest/ppp.bats; }

@test "guest: a line that is dialled with a modem" { in_guest 2 tests/guest/ppp_serial.bats; }

@test "guest: faults in random order on a line that is dialled" { in_guest 2 tests/guest/ppp_faults.bats; }

@test "guest: tunnels of the kernel's own WireGuard" { in_guest 1 tests/guest/wireguard.bats; }

@test "guest: HTTPS that the kernel encrypts" { in_guest 2 tests/guest/ktls.bats; }

@test "guest: a camera by V4L2" { in_guest 1 tests/guest/camera.bats; }
