# tools/packaging/libsrt-fixed, and that make asks it: with a stand-in for dpkg-query.

load lib/common

setup() {
    bin=$BATS_TEST_TMPDIR/bin
    mkdir "$bin"
    printf '#!/bin/bash\nsed -n "s/^${!#} //p" "%s/versions" | grep .\n' "$BATS_TEST_TMPDIR" >"$bin/dpkg-query"
    chmod +x "$bin/dpkg-query"
    system debian 12
}
system() { printf 'ID=%s\nVERSION_ID="%s"\n' "$@" >"$BATS_TEST_TMPDIR/os-release"; }
# versions LIBRARY HEADERS
versions() { printf 'libsrt1.5-gnutls %s\nlibsrt-gnutls-dev %s\n' "$@" >"$BATS_TEST_TMPDIR/versions"; }
asked() { # asked COMMAND…
    env -u LIBSRT_FIXED -u MAKEFLAGS -u MAKELEVEL PATH="$bin:$PATH" OS_RELEASE="$BATS_TEST_TMPDIR/os-release" timeout 60 "$@"
}
fixed() { asked env LIBSRT_FIXED="${1:-}" "$SLOTCAST_ROOT/tools/packaging/libsrt-fixed"; }

@test "libsrt: the package with the holes mended is taken, and later ones" {
    for version in 1.5.1-1+deb12u2 1.5.1-1+deb12u10; do
        versions "$version" "$version"
        run -0 fixed
        assert_output ''
    done
}

@test "libsrt: an older package is refused by its name and version, with the remedy" {
    for version in 1.5.1-1 1.5.1-1+deb12u1 1.4.4-4 1.5.1-1+deb12u2~local; do
        versions "$version" "$version"
        run -1 --separate-stderr fixed
        assert_equal "$output" ''
        assert_equal "${stderr_lines[0]}" "make: error: libsrt1.5-gnutls is $version, with the holes CVE-2026-55868 and CVE-2026-55869: it has to be 1.5.1-1+deb12u2 or later"
        [[ ${stderr_lines[1]} == 'make: hint: apt-get update && apt-get install libsrt1.5-gnutls libsrt-gnutls-dev'* ]]
    done
    versions 1.5.4-1~bpo12+1 1.5.4-1~bpo12+1 # later, but who knows
    run -1 fixed
    assert_line --partial "whether libsrt1.5-gnutls 1.5.4-1~bpo12+1, which is not Debian 12's own"
    assert_line 'make: hint: find out, then run make LIBSRT_FIXED=1'
    versions 1.5.1-1+deb12u2 1.5.1-1+deb12u1 # headers of an older one
    run -1 fixed
    assert_line --partial 'libsrt-gnutls-dev is 1.5.1-1+deb12u1'
    : >"$BATS_TEST_TMPDIR/versions"
    run -1 fixed
    assert_line --partial 'libsrt1.5-gnutls is not installed'
}

@test "libsrt: elsewhere whoever builds has to say that it is mended" {
    versions 1.5.5-1 1.5.5-1
    for other in 'ubuntu 24.04' 'debian 13' 'arch '; do
        # shellcheck disable=SC2086 # two words
        system $other
        run -1 fixed
        assert_line --partial "of this system ($other"
        assert_line 'make: hint: find out, then run make LIBSRT_FIXED=1'
        run -1 fixed 0
        run -0 fixed 1
        assert_output ''
    done
    rm "$BATS_TEST_TMPDIR/os-release"
    run -1 fixed
    run -0 fixed 1
}

@test "libsrt: make builds nothing with a libsrt that is refused" {
    versions 1.5.1-1+deb12u1 1.5.1-1+deb12u1
    archive=$BATS_TEST_TMPDIR/build/lib/libmedia.a
    run -2 asked make -C "$SLOTCAST_ROOT" BUILD="$BATS_TEST_TMPDIR/build" CXX=false "$archive"
    assert_line --partial 'make: error: libsrt1.5-gnutls is 1.5.1-1+deb12u1'
    refute_line --partial 'CXX   lib/media/'
    run -2 asked make -C "$SLOTCAST_ROOT" BUILD="$BATS_TEST_TMPDIR/build" CXX=false LIBSRT_FIXED=1 "$archive"
    assert_line --partial 'CXX   lib/media/' # and there is no compiler
    refute_line --partial libsrt1.5-gnutls
}
