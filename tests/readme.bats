# The README's commands work: every block of shell that stands behind the comment
# `<!-- run by tests/readme.bats -->` is run line by line in the source tree.

load lib/common

blocks() {
    awk '/^<!-- run by tests\/readme.bats -->$/ {armed = 1; next}
         armed && /^```sh$/ {inside = 1; next}
         inside && /^```$/ {inside = armed = 0; next}
         inside && NF' "$1"
}

@test "readme: the commands that are marked to run succeed" {
    cd "$SLOTCAST_ROOT"
    blocks README.md >"$BATS_TEST_TMPDIR/commands"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -ge 6 ]
    # The README says build; this run may be of another folder.
    while read -r command; do
        command=${command//build\/tests/$SLOTCAST_BUILD/tests}
        command=${command//run build /run $SLOTCAST_BUILD }
        # Nothing of the Bats that runs this reaches the Bats that it runs, its own folder in PATH included.
        run timeout 100 env -i PATH="${PATH//"${BATS_LIBEXEC:-none}":/}" HOME="$HOME" SLOTCAST_BUILD="$SLOTCAST_BUILD" \
            bash -c "$command" </dev/null
        [ "$status" = 0 ] || fail "$command: exit $status: $output"
    done <"$BATS_TEST_TMPDIR/commands"
}

@test "readme: every program, file and target that it names is there" {
    cd "$SLOTCAST_ROOT"
    while read -r p; do
        grep -q "\`$p\`" README.md || fail "README.md does not name $p"
    done < <(sed -n 's/^modules\.\([a-z-]*\) .*/\1/p' lib/layers.mk | grep -vE 'push-sender|carrier-modem|carrier-lease|relay-ingest|relay-srt-out|relay-poster')
    while read -r path; do
        case $path in *NAME* | *MODULE*) continue ;; esac
        [ -e "$path" ] || fail "a README names $path, which is not there"
    done < <(grep -ohP '(?<![./\w-])(examples|lib|man|tests|tools)/[A-Za-z0-9_./-]*[A-Za-z0-9]' ./*.md ./*/README.md | sort -u)
    while read -r target; do
        grep -qE "^$target:" Makefile || fail "a README names make $target, which is no target"
    done < <(grep -ohP '(`| |^)make \K(demo|check|lint|deps|install|uninstall|help)[a-z-]*' ./*.md ./*/README.md | sort -u)
}

@test "readme: lib/README.md names every module, with what it may include" {
    cd "$SLOTCAST_ROOT"
    sed -n 's/^deps\.\([a-z]*\) *:= *\(.*\)$/\1:\2/p' lib/layers.mk | while IFS=: read -r module below; do
        row=$(grep -E "^\| \`$module\` " lib/README.md) || fail "lib/README.md does not name $module"
        named=$(cut -d '|' -f 3 <<<"$row" | tr -d '\` ')
        [ "$named" = "$(tr ' ' ',' <<<"$below" | sed 's/^$/-/')" ] ||
            fail "lib/README.md gives $module: $named, lib/layers.mk: $below"
    done
}

@test "readme: tests/README.md names every folder of tests" {
    cd "$SLOTCAST_ROOT"
    for folder in tests/*/; do
        grep -qF "\`${folder#tests/}\`" tests/README.md || fail "tests/README.md does not name $folder"
    done
}

@test "readme: in the drawing of lib/README.md every module stands above what it includes" {
    cd "$SLOTCAST_ROOT"
    awk '/^  [1-9] / {for (i = 2; i <= NF; i++) print $i, $1}' lib/README.md >"$BATS_TEST_TMPDIR/rows"
    row_of() { awk -v m="$1" '$1 == m {print $2}' "$BATS_TEST_TMPDIR/rows"; }
    while read -r module below; do
        [ -n "$(row_of "$module")" ] || fail "$module is not drawn"
        for other in $below; do
            [ "$(row_of "$module")" -gt "$(row_of "$other")" ] || fail "$module stands not above $other"
        done
    done < <(sed -n 's/^deps\.\([a-z]*\) *:= */\1 /p' lib/layers.mk)
}
