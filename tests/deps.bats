# tools/packaging/deps, with stand-ins for dpkg-query, apt-get, npm, sudo and id: nothing is installed.

load lib/common

setup() {
    # All that deps may find: its own tools, and the stand-ins.
    bin=$BATS_TEST_TMPDIR/bin
    mkdir "$bin"
    ln -s "$(command -v dirname)" "$(command -v env)" "$(command -v sed)" "$(command -v find)" "$bin"
    program dpkg-query <<<'case " $(<"$here/missing") " in *" ${!#} "*) exit 1 ;; *) printf installed ;; esac'
    program apt-get <<<'echo "$* as ${AS:-itself}, frontend ${DEBIAN_FRONTEND:-asks}" >>"$here/ran"; [ ! -e "$here/broken" ]'
    program id <<<'cat "$here/uid"'
    ln -s "$(command -v cat)" "$bin"
    missing ''
    echo 0 >"$BATS_TEST_TMPDIR/uid"
}

# program NAME: a shell script among what deps finds, from standard input.
program() {
    { printf '#!/bin/bash\nhere=%q\n' "$BATS_TEST_TMPDIR"; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}

missing() { echo "$1" >"$BATS_TEST_TMPDIR/missing"; }
deps() { timeout 10 env -u DEBIAN_FRONTEND -u AS PATH="$bin" "${tree:-$SLOTCAST_ROOT}/tools/packaging/deps"; }
ran() { cat "$BATS_TEST_TMPDIR/ran"; }
expected='update -q as itself, frontend asks
install -q -y --no-install-recommends g++ jq as itself, frontend noninteractive'

@test "deps: says and does nothing when nothing is missing, whoever asks" {
    for uid in 0 1000; do
        echo $uid >"$BATS_TEST_TMPDIR/uid"
        run -0 deps
        assert_output ''
    done
    assert_not_exists "$BATS_TEST_TMPDIR/ran"
}

@test "deps: a package that was removed but not purged is missing" {
    program dpkg-query <<<'[ "${!#}" = jq ] && printf config-files || printf installed'
    run -0 deps
    assert_line --partial 'apt-get install -q -y --no-install-recommends jq'
}

@test "deps: root installs what is missing, and it says how" {
    missing 'jq g++'
    run -0 --separate-stderr deps
    assert_equal "$output" ''
    assert_equal "$stderr" '+ apt-get update -q
+ env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends g++ jq'
    assert_equal "$(ran)" "$expected"
}

@test "deps: an ordinary user installs by sudo" {
    missing 'jq g++'
    echo 1000 >"$BATS_TEST_TMPDIR/uid"
    program sudo <<<'AS=sudo "$@"'
    run -0 deps
    assert_line '+ sudo apt-get update -q'
    assert_line '+ sudo env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends g++ jq'
    assert_equal "$(ran)" "${expected//itself/sudo}"
}

@test "deps: an ordinary user without sudo is told the command, and nothing is run" {
    missing 'jq g++'
    echo 1000 >"$BATS_TEST_TMPDIR/uid"
    run -77 --separate-stderr deps
    assert_equal "$output" ''
    assert_equal "$stderr" 'deps: error: these packages are missing and there is no sudo: g++ jq
deps: hint: as root, run: apt-get install g++ jq'
    assert_not_exists "$BATS_TEST_TMPDIR/ran"
}

@test "deps: when apt-get fails, so does it, at once" {
    missing jq
    touch "$BATS_TEST_TMPDIR/broken"
    run -1 deps
    assert_equal "$(ran)" 'update -q as itself, frontend asks'
}

@test "deps: a package is not needed where its command is there already" {
    missing 'nodejs npm'
    run -0 deps
    assert_line '+ apt-get update -q'
    rm "$BATS_TEST_TMPDIR/ran"
    program node <<<:
    program npm <<<:
    run -0 deps
    assert_output ''
    assert_not_exists "$BATS_TEST_TMPDIR/ran"
}

@test "deps: what the page and the tests take from npm is installed when the lock file is newer" {
    tree=$BATS_TEST_TMPDIR/tree
    mkdir -p "$tree/tools/packaging" "$tree/tests/web" "$tree/lib/web/watch"
    cp "$SLOTCAST_ROOT"/tools/packaging/{deps,packages.txt} "$tree/tools/packaging"
    touch "$tree/tests/web/package-lock.json" "$tree/lib/web/watch/package-lock.json"
    program npm <<<'PATH=/usr/bin:/bin; mkdir -p "$3/node_modules" && cp "$3/package-lock.json" "$3/node_modules/.package-lock.json"'
    run -0 deps
    assert_equal "${#lines[@]}" 2
    assert_line --regexp '^\+ npm ci --prefix .*/lib/web/watch --ignore-scripts --no-audit --no-fund$'
    assert_line --regexp '^\+ npm ci --prefix .*/tests/web --ignore-scripts --no-audit --no-fund$'
    run -0 deps
    assert_output ''
    touch -d '+1 minute' "$tree/tests/web/package-lock.json"
    run -0 deps
    assert_output --partial 'npm ci'
    program npm <<<'exit 1'
    touch -d '+2 minutes' "$tree/tests/web/package-lock.json"
    run -1 deps
}
