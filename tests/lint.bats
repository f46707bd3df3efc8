# Each part of the lint can fail: shown on small trees with one thing wrong.

load lib/common

setup() { cd "$BATS_TEST_TMPDIR" || exit; }

lint() { "$SLOTCAST_ROOT/tests/lint/$1" "${@:2}"; }

tree() {
    mkdir -p lib/base lib/wire lib/media tools
    printf 'deps.base    :=\ndeps.seal :=  base\ndeps.wire := seal\ndeps.media   := base\n' >lib/layers.mk
    echo '#include "base/fd.hpp"' >lib/wire/json.cpp
    echo '#include "wire/json.hpp"' >tools/p.cpp
}

@test "try: members of an initialiser take no value from TRY()" {
    printf 'T t;\nt.a = TRY(f());\nU u{.a = 1,\n    .b = g(x)};\nTRY(h());\n' >good.cpp
    lint try good.cpp
    for text in 'T t{.a = TRY(f())};' 'T t{.a = 1,\n    .b = g(TRY(f()))};' 'T t{.a =\n    TRY(f())};'; do
        printf 'int x;\n%b\n' "$text" >bad.cpp
        run lint try good.cpp bad.cpp
        assert_failure
        assert_output --regexp '^bad.cpp:[23]: TRY\(\) within'
    done
}

@test "layers: includes that go down are allowed, through other modules too" {
    tree
    printf '#include <vector>\n#include <linux/tcp.h>\n' >>lib/wire/json.cpp
    run lint layers .
    assert_success
    assert_output ''
}

@test "layers: an include that goes up is refused, with its place" {
    tree
    printf '\n  #  include "wire/json.hpp"\n' >lib/base/fd.cpp
    run lint layers .
    assert_failure
    assert_output --partial 'lib/base/fd.cpp:2: base may not include wire/json.hpp'
}

@test "layers: an include that goes sideways is refused" {
    tree
    echo '#include "wire/json.hpp"' >lib/media/a.hpp
    run lint layers .
    assert_failure
    assert_output --partial 'media may not include wire/json.hpp (deps.media := base)'
}

@test "layers: unknown modules and bare file names are refused" {
    tree
    printf '#include "nowhere/a.hpp"\n#include "fd.hpp"\n' >lib/base/fd.cpp
    mkdir lib/stray
    echo '#include <vector>' >lib/stray/a.cpp
    run lint layers .
    assert_failure
    assert_output --partial 'no such module in lib/layers.mk: nowhere/a.hpp'
    assert_output --partial 'lib/base/fd.cpp:2: include it as "MODULE/FILE": fd.hpp'
    assert_output --partial 'lib/layers.mk does not name the module stray'
}

@test "layers: a library's header stays with its module" {
    tree
    echo '#include <srt/srt.h>' >lib/media/a.cpp
    lint layers .
    echo '#include <srt/srt.h>' >lib/wire/a.cpp
    run lint layers .
    assert_failure
    assert_output --partial 'lib/wire/a.cpp:1: <srt/srt.h> belongs to: media'
    rm lib/wire/a.cpp
    echo '#include <sqlite3.h>' >tools/p.cpp
    run lint layers .
    assert_failure
}

@test "layers: the headers that compile slowly are counted" {
    tree
    mkdir lib/net
    echo 'deps.net := base' >>lib/layers.mk
    for i in 1 2 3 4 5 6; do echo '#include <boost/beast/http.hpp>' >lib/net/$i.cpp; done
    lint layers .
    echo '#include <boost/beast/http.hpp>' >lib/net/7.cpp
    run lint layers .
    assert_failure
    assert_output --partial 'boost/beast is included by 7 files; 6 are allowed'
}

@test "layers: the table and the folders name the same modules" {
    cd "$SLOTCAST_ROOT"
    run diff <(sed -n 's/^deps\.\([a-z]*\).*/\1/p' lib/layers.mk | sort) \
        <(find lib -mindepth 2 -name '*.?pp' | cut -d / -f 2 | sort -u)
    assert_success
}

@test "format: a file that clang-format would change is refused" {
    cp "$SLOTCAST_ROOT/.clang-format" .
    echo 'int f();' >a.hpp
    lint format a.hpp
    echo 'int  f( );' >a.hpp
    run lint format a.hpp
    assert_failure
    assert_output --partial 'hint: clang-format-19 -i'
}

@test "shell: what shellcheck finds is refused, in Bats files too" {
    # shellcheck disable=SC2016 # the files' own text
    printf '#!/bin/sh\necho "$1"\n' >good
    lint shell good
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho $1\n' >bad
    run lint shell good bad
    assert_failure
    # shellcheck disable=SC2016
    printf '@test "x" {\n    cat $1\n}\n' >bad.bats
    run lint shell bad.bats
    assert_failure
}

@test "man: a page with a warning is refused" {
    printf '.TH X 1\n.SH NAME\nx \\- y\n' >good.1
    lint man good.1
    printf '.TH X 1\n.SH NAME\nx \\- y\n.NOSUCH z\n' >bad.1
    run lint man good.1 bad.1
    assert_failure
    assert_output --partial 'bad.1:'
    refute_output --partial 'good.1:'
}

@test "length: over 300 lines is a warning, over 400 a failure" {
    seq 300 >a.cpp
    run lint length a.cpp
    assert_success
    assert_output ''
    seq 301 >b.cpp
    run lint length b.cpp
    assert_success
    assert_output --partial 'b.cpp: 301 lines: warning'
    seq 401 >c.cpp
    run lint length c.cpp
    assert_failure
}

@test "tidy: a finding is refused" {
    cp "$SLOTCAST_ROOT/.clang-tidy" .
    mkdir lib
    cp "$SLOTCAST_ROOT/lib/layers.mk" lib/
    printf 'int f(int a) {\n    return a;\n}\n' >good.cpp
    lint tidy good.cpp
    printf 'int *f() {\n    return 0;\n}\n' >bad.cpp
    run lint tidy good.cpp bad.cpp
    assert_failure
    assert_output --partial 'bad.cpp:2'
    assert_output --partial 'modernize-use-nullptr'
}

@test "run: one bad file fails the whole lint and its part is named" {
    git init -q -b main .
    mkdir tests
    cp -r "$SLOTCAST_ROOT/tests/lint" tests/
    cp "$SLOTCAST_ROOT/.clang-format" .
    tree
    git add -A
    git -c user.name=t -c user.email=t@example.org commit -qm x
    run tests/lint/run layers format length tidy
    assert_success
    assert_output --partial 'tidy: nothing changed against the main branch'
    echo 'int  f( );' >lib/base/new.hpp # not tracked yet, and counted all the same
    run tests/lint/run layers format length
    assert_failure
    assert_output --partial 'lint: error: not clean: format'
    assert_output --partial 'lint: layers: clean'
    run tests/lint/run --nonsense
    assert_failure 64
}

@test "run: clang-tidy reads what changed against the main branch" {
    git init -q -b main .
    mkdir -p tests lib/base
    cp -r "$SLOTCAST_ROOT/tests/lint" tests/
    cp "$SLOTCAST_ROOT/.clang-tidy" .
    cp "$SLOTCAST_ROOT/lib/layers.mk" lib/
    printf 'int *f() {\n    return 0;\n}\n' >lib/base/old.cpp
    printf 'int g();\n' >lib/base/new.cpp
    git add -A
    git -c user.name=t -c user.email=t@example.org commit -qm x
    git checkout -qb work
    echo 'int *h() { return 0; }' >>lib/base/new.cpp
    run tests/lint/run tidy
    assert_failure
    assert_output --partial 'new.cpp:2'
    refute_output --partial 'old.cpp'
    run tests/lint/run --all tidy
    assert_failure
    assert_output --partial 'old.cpp'
    # Nothing to compare with is no reason to call it clean.
    git branch -q -D main
    run tests/lint/run tidy
    assert_failure
    assert_output --partial 'nor main is there'
}

@test "web: scripts that are none, and pages that their policy refuses" {
    mkdir -p lib/web
    echo 'export const a = 1;' >lib/web/a.js
    echo '<script type="module" src="/a.js"></script><p title="on x = y">' >lib/web/a.html
    lint web lib/web/a.js lib/web/a.html
    while read -r name text; do
        echo "$text" >"lib/web/$name"
        run lint web "lib/web/$name"
        assert_failure
    done <<'END'
b.js const a = ;
b.js node.innerHTML = title;
b.html <p style="color: red">
b.html <button onclick="f()">
b.html <script>f()</script>
b.html <img src="https://elsewhere.example/x.png">
END
}
