# examples/in-namespaces, as root and as an ordinary user. The user is the test's own, in an /etc/passwd,
# /etc/subuid and /etc/subgid that only the test's mount namespace has.
load ../lib/common

setup() {
    etc=$BATS_TEST_TMPDIR/etc
    mkdir "$etc"
    printf 'root:x:0:0:root:/root:/bin/sh\nplain:x:4000:4000::/:/bin/sh\n' >"$etc/passwd"
    printf 'root:x:0:\nplain:x:4000:\n' >"$etc/group"
    range plain:10000:20000
}

range() { echo "$1" | tee "$etc/subuid" >"$etc/subgid"; }

# program NAME: a shell script that as_plain has on its PATH, from standard input.
program() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    { echo '#!/bin/sh'; cat; } >"$BATS_TEST_TMPDIR/bin/$1"
    chmod 755 "$BATS_TEST_TMPDIR/bin/$1"
}

# as_plain COMMAND…: as uid 4000, in a folder that it can read with the script and bin/, which comes
# first on its PATH. newuidmap and newgidmap are copies there that belong to the root of here, whose
# set-uid bit also counts when this root is an ordinary user in a namespace. In only/ they are not.
as_plain() {
    timeout 20 unshare -m bash -ec '
        for file in "$1"/etc/*; do mount --bind "$file" "/etc/${file##*/}"; done
        mount -t tmpfs -o mode=755 tmpfs /mnt
        mkdir /mnt/bin /mnt/only && cd /mnt && cp "$2" . && cp "$(command -v id)" only
        cp "$(command -v newuidmap)" "$(command -v newgidmap)" bin
        chmod 4755 bin/new?idmap
        [ ! -d "$1/bin" ] || cp "$1"/bin/* bin
        shift 2
        PATH=/mnt/bin:$PATH exec setpriv --reuid 4000 --regid 4000 --clear-groups "$@"' \
        - "$BATS_TEST_TMPDIR" "$SLOTCAST_ROOT/examples/in-namespaces" "$@"
}

# refused ERROR HINT COMMAND…: the ordinary user is told so, and exit code 69.
refused() {
    run -69 --separate-stderr as_plain "${@:3}"
    assert_equal "$output" ''
    assert_equal "$stderr" "in-namespaces: error: $1
in-namespaces: hint: $2"
}

@test "in-namespaces: root gets a network, processes and a /run of its own, and COMMAND's exit code" {
    run -7 timeout 20 unshare -m sh -ec 'mount -t tmpfs tmpfs /run; touch /run/outside; exec "$@"' - \
        "$SLOTCAST_ROOT/examples/in-namespaces" sh -c 'id -u; echo $$; ls /run; ip -o link; exit 7'
    assert_line --index 0 0
    assert_line --index 1 1
    assert_line --index 2 lock
    assert_line --index 3 --regexp '^1: lo: <.*,UP'
    assert_equal "${#lines[@]}" 4
    run -64 timeout 20 "$SLOTCAST_ROOT/examples/in-namespaces"
    assert_output 'in-namespaces: error: no command'
    run -127 timeout 20 "$SLOTCAST_ROOT/examples/in-namespaces" /no/such/command
}

@test "in-namespaces: an ordinary user is root there, of many users, and may make networks" {
    run -7 as_plain sh -c 'id -u; exec ./in-namespaces sh -c "
        id -u; echo \$\$; ls /run; cat /proc/self/uid_map
        touch /run/file && chown 33:33 /run/file && stat -c %u:%g /run/file
        setpriv --reuid 1000 --regid 1000 --clear-groups id -u
        ip netns add one && ip link add left type veth peer right netns one && ip -n one -o link show right
        exit 7"'
    assert_line --index 0 4000
    assert_line --index 1 0
    assert_line --index 2 1
    assert_line --index 3 lock
    assert_line --regexp '^ +0 +4000 +1$'
    assert_line --regexp '^ +1 +10000 +[0-9]+$'
    assert_line 33:33
    assert_line 1000
    assert_line --partial ': right@if'
    range 4000:10000:20000 # one that is given to the number
    run -0 as_plain ./in-namespaces id -u
    assert_output 0
}

@test "in-namespaces: an ordinary user without newuidmap is told the package" {
    refused 'newuidmap is missing, so an ordinary user cannot have a second uid' \
        'install the package uidmap, or run as root' env PATH=/mnt/only ./in-namespaces true
}

@test "in-namespaces: an ordinary user without a range of users or groups is told how to get it" {
    hint='as root, run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 plain'
    for other in plai plain2 40000; do
        range "$other:10000:20000"
        refused '/etc/subuid has no range for plain' "$hint" ./in-namespaces true
    done
    range plain:10000:20000
    : >"$etc/subgid"
    refused '/etc/subgid has no range for plain' "$hint" ./in-namespaces true
    : >"$etc/passwd" # a user without a name
    range plain:10000:20000
    refused '/etc/subuid has no range for 4000' "${hint/%plain/4000}" ./in-namespaces true
}

@test "in-namespaces: when the system refuses, its reason is passed on" {
    hint='run as root, or look at the sysctl settings kernel.unprivileged_userns_clone and user.max_user_namespaces'
    program unshare <<<'echo "unshare: unshare failed: No space left on device" >&2; exit 1'
    refused 'this system allows no namespaces: unshare: unshare failed: No space left on device' "$hint" \
        ./in-namespaces true
}
