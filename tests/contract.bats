# What every program promises: help, version, streams, exit codes, and a manual and completion that
# say the same. Each test looks at all programs and lists every one that breaks the rule.

load lib/common

PROGRAMS='resv-control resv-request resv-store carrier-connect push-stream relay-serve'
INTERNAL='push-sender carrier-modem carrier-lease relay-ingest relay-srt-out relay-poster' # started by the others; no manual of their own
CODES='0 1 64 65 66 69 70 74 75 76 77 78 126 127 130 143'

setup() {
    broken=
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR/none.toml
}

# holds TEXT COMMAND…: notes TEXT when the command fails.
holds() {
    local text=$1
    shift
    "$@" >/dev/null 2>&1 || {
        echo "$text"
        broken=yes
    }
}

verdict() { [ -z "$broken" ]; }

# try COMMAND…: $code, $out and $err of a bounded run.
try() {
    code=0
    timeout 10 "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || code=$?
    out=$(<"$BATS_TEST_TMPDIR/out")
    err=$(<"$BATS_TEST_TMPDIR/err")
}

verbs() {
    timeout 10 "$1" --help | awk '/^[^ ].*:$/ {inside = ($0 == "Subcommands:"); next} inside && /^  [^ ]/ {print $1}'
}

# The options that a help text defines (not those that it mentions).
defined() { awk '/^  +-/ {print $1}' | grep -oE -e '--[a-z0-9-]+' | sort -u; }

# All options of a program and of its commands.
options() {
    local verb
    {
        timeout 10 "$1" --help
        for verb in $(verbs "$1"); do timeout 10 "$1" "$verb" --help; done
    } | defined
}

page_of() { echo "$SLOTCAST_ROOT"/man/"$1".[18]; }

# A page's source without escapes, for searching.
plain() { sed 's/\\-/-/g; s/\\f[A-Z]//g; s/\\&//g; s/^\.\\".*//' "$1"; }

# The text of one section of a page, as man shows it.
section() {
    MANWIDTH=100 LC_ALL=C.UTF-8 man -l "$1" | col -bx |
        awk -v s="$2" '/^[A-Z]/ {inside = ($0 == s); next} inside'
}

@test "contract: --help explains on standard output, for each command too" {
    for p in $PROGRAMS $INTERNAL; do
        try "$p" --help
        holds "$p --help: exit $code" [ "$code" = 0 ]
        holds "$p --help: silent, or on standard error" [ -n "$out" -a -z "$err" ]
        holds "$p --help: no usage" grep -q '^Usage: ' <<<"$out"
        for verb in $(verbs "$p"); do
            try "$p" "$verb" --help
            holds "$p $verb --help" [ "$code" = 0 -a -n "$out" -a -z "$err" ]
        done
    done
    verdict
}

@test "contract: --version names the program and one version for all" {
    try resv-store --version
    version=${out#* }
    for p in $PROGRAMS $INTERNAL; do
        try "$p" --version
        holds "$p: $code '$out' '$err'" [ "$code:$out:$err" = "0:$p $version:" ]
    done
    verdict
}

@test "contract: an unknown option is refused with 64, an error and a hint, nothing on standard output" {
    for p in $PROGRAMS $INTERNAL; do
        for verb in '' $(verbs "$p"); do
            # shellcheck disable=SC2086 # no word or one
            try "$p" $verb --no-such-option
            holds "$p $verb: exit $code" [ "$code" = 64 ]
            holds "$p $verb: wrote to standard output" [ -z "$out" ]
            holds "$p $verb: no error line: $err" grep -q "^$p: error: " <<<"$err"
            holds "$p $verb: no hint: $err" grep -q "^$p: hint: " <<<"$err"
        done
    done
    verdict
}

@test "contract: no arguments are a wrong usage; relay-serve then serves, and misses its configuration" {
    for p in $PROGRAMS $INTERNAL; do
        try "$p"
        wanted=64
        [ "$p" != relay-serve ] || wanted=78
        [ "$p" != relay-poster ] || wanted=66 # it reads its standard input, which is empty
        holds "$p: exit $code" [ "$code" = "$wanted" ]
        holds "$p: wrote to standard output" [ -z "$out" ]
        holds "$p: no error line: $err" grep -q "^$p: error: " <<<"$err"
    done
    verdict
}

@test "contract: standard output that cannot be written is an I/O error" {
    for p in $PROGRAMS $INTERNAL; do
        for flag in --help --version; do
            code=0
            timeout 10 "$p" "$flag" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || code=$?
            holds "$p $flag >/dev/full: exit $code" [ "$code" = 74 ]
            holds "$p $flag >/dev/full: no error line" grep -q "^$p: error: " "$BATS_TEST_TMPDIR/err"
        done
    done
    verdict
}

@test "contract: standard error that cannot be written changes no exit status" {
    for p in $PROGRAMS $INTERNAL; do
        code=0
        timeout 10 "$p" --nonsense >"$BATS_TEST_TMPDIR/out" 2>/dev/full || code=$?
        holds "$p --nonsense 2>/dev/full: exit $code" [ "$code" = 64 ]
        code=0
        timeout 10 "$p" --version >"$BATS_TEST_TMPDIR/out" 2>/dev/full || code=$?
        holds "$p --version 2>/dev/full: exit $code" [ "$code" = 0 ]
    done
    verdict
}

@test "contract: a reader that goes away is no crash" {
    for p in $PROGRAMS; do
        code=$(set +e; timeout 10 "$p" --help 2>/dev/null | true; echo "${PIPESTATUS[0]}")
        holds "$p --help | true: exit $code" [ "$code" = 0 -o "$code" = 74 ]
    done
    verdict
}

@test "contract: every program has a manual page with the sections that people look for" {
    for p in $PROGRAMS; do
        page=$(page_of "$p")
        holds "$p: no page" test -r "$page"
        for s in NAME SYNOPSIS DESCRIPTION OPTIONS 'EXIT STATUS' ENVIRONMENT FILES EXAMPLES 'SEE ALSO'; do
            holds "$p: no section $s" grep -qE "^\.SH \"?$s\"?\$" "$page"
        done
        for verb in $(verbs "$p"); do
            holds "$p: the page does not name the command $verb" grep -qw -e "$verb" <(plain "$page")
        done
    done
    verdict
}

@test "contract: the manual has every option of --help, and no other" {
    for p in $PROGRAMS; do
        page=$(page_of "$p")
        options "$p" >"$BATS_TEST_TMPDIR/help"
        while read -r option; do
            holds "$p: $option is not in the manual" grep -qE -e "$option([^a-z0-9-]|\$)" <(plain "$page")
        done <"$BATS_TEST_TMPDIR/help"
        # Options that the page defines: the tags of its lists.
        plain "$page" | awk '/^\.(TP|TQ)/ {tag = 1; next} tag || /^\.IP/ {print; tag = 0}' |
            grep -oE -e '--[a-z][a-z0-9-]*' | sort -u >"$BATS_TEST_TMPDIR/page"
        while read -r option; do
            holds "$p: the manual defines $option, --help does not" grep -qxF -e "$option" "$BATS_TEST_TMPDIR/help"
        done <"$BATS_TEST_TMPDIR/page"
        holds "$p: the manual defines no options" test -s "$BATS_TEST_TMPDIR/page"
    done
    verdict
}

@test "contract: documented exit codes are those of the manual, and of the code" {
    for p in $PROGRAMS; do
        documented=$(section "$(page_of "$p")" 'EXIT STATUS' | grep -oE '^ {1,8}[0-9]+([ ,/]+[0-9]+)*' | grep -oE '[0-9]+' | sort -nu)
        for c in $documented; do
            holds "$p: exit status $c is none of ours" grep -qw "$c" <<<"$CODES"
        done
        for c in 0 64; do holds "$p: exit status $c is not documented" grep -qx "$c" <<<"$documented"; done
    done
    documented=$(section "$SLOTCAST_ROOT/man/slotcast.7" 'EXIT STATUS' | grep -oE '^ {1,8}[0-9]+' | tr -d ' ' | sort -n)
    holds 'slotcast(7) has other exit codes' diff <(tr ' ' '\n' <<<"$CODES") - <<<"$documented"
    while read -r c; do
        holds "result.hpp has $c" grep -qw "$c" <<<"$CODES"
    done < <(sed -n 's/^    [a-z_]* = \([0-9]*\),.*/\1/p' "$SLOTCAST_ROOT/lib/base/result.hpp")
    verdict
}

@test "contract: a configuration can be shown, and errors in it name file, line and key" {
    seen=
    for p in $PROGRAMS; do
        options "$p" | grep -qx -e --config || continue
        seen="$seen $p"
        holds "$p has --config and no --print-config" grep -qx -e --print-config <(options "$p")
        try "$p" --config "$BATS_TEST_TMPDIR/none.toml" --print-config
        holds "$p: a missing configuration: exit $code" [ "$code" = 66 -o "$code" = 78 ]
        holds "$p: the missing file is not named: $err" grep -qF none.toml <<<"$err"
        printf '# a comment\nno_such_key = 1\n' >"$BATS_TEST_TMPDIR/bad.toml"
        try "$p" --config "$BATS_TEST_TMPDIR/bad.toml" --print-config
        holds "$p: an unknown key: exit $code" [ "$code" = 78 ]
        holds "$p: wrote to standard output" [ -z "$out" ]
        printf 'listen = "unfinished\n' >"$BATS_TEST_TMPDIR/bad.toml"
        try "$p" --config "$BATS_TEST_TMPDIR/bad.toml" --print-config
        holds "$p: broken TOML: exit $code" [ "$code" = 78 ]
        holds "$p: broken TOML: no file and line: $err" grep -qE 'bad\.toml:[0-9]+' <<<"$err"
    done
    [ "$(wc -w <<<"$seen")" -ge 5 ]
    verdict
}

@test "contract: the terminal's programs read back what --print-config shows" {
    cat >"$BATS_TEST_TMPDIR/terminal.toml" <<-END
	control = "https://control.example:8443"
	reservation_interface = "eth0"
	preset = "lineA"
	[carriers.lineA]
	interface = "carA"
	END
    for p in resv-request resv-store carrier-connect; do
        try "$p" --config "$BATS_TEST_TMPDIR/terminal.toml" --print-config
        holds "$p: exit $code: $err" [ "$code" = 0 ]
        holds "$p: the preset is lost" grep -q lineA <<<"$out"
        once=$out
        printf '%s\n' "$once" >"$BATS_TEST_TMPDIR/again.toml"
        try "$p" --config "$BATS_TEST_TMPDIR/again.toml" --print-config
        holds "$p: reads back something else: $err" [ "$code:$out" = "0:$once" ]
        printf 'no_such_key = 1\n' >"$BATS_TEST_TMPDIR/bad.toml"
        try "$p" --config "$BATS_TEST_TMPDIR/bad.toml" --print-config
        holds "$p: no file, line and key: $err" grep -qE 'bad\.toml:1.*no_such_key' <<<"$err"
    done
    verdict
}

# completed WORDS…: what completion offers for the last word.
completed() {
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slotcast
        printf "%s\n" "${COMPREPLY[@]}"' - "$SLOTCAST_ROOT/tools/packaging/completion/slotcast" "$@" | sort -u
}

@test "contract: completion offers the commands and the options of --help" {
    for p in $PROGRAMS; do
        holds "completion does not serve $p" grep -qE "^complete .* $p( |\$)" "$SLOTCAST_ROOT/tools/packaging/completion/slotcast"
        holds "$p: options" diff <(timeout 10 "$p" --help | defined) <(completed "$p" --)
        holds "$p: commands" diff <(verbs "$p" | sort) <(completed "$p" '' | grep -xFf <(verbs "$p"))
        for verb in $(verbs "$p"); do
            holds "$p $verb: options" diff <({ "$p" --help; "$p" "$verb" --help; } | defined) <(completed "$p" "$verb" --)
        done
    done
    verdict
}

@test "contract: completion offers values, and nothing behind --" {
    run completed resv-request book --disclosure p
    assert_output $'password\npublic'
    run completed carrier-connect exec x -- push-stream --
    assert_output ''
}

@test "contract: slotcast-api(5) has every path and every code that control answers" {
    page=$(plain "$SLOTCAST_ROOT/man/slotcast-api.5" | sed 's/"//g')
    cd "$SLOTCAST_ROOT/lib"
    grep -ohP '\{"(GET|POST)", "\K[^"]*' control/*.cpp | sort -u >"$BATS_TEST_TMPDIR/paths"
    holds 'no paths found in lib/control' [ "$(wc -l <"$BATS_TEST_TMPDIR/paths")" -ge 10 ]
    while read -r path; do
        holds "$path" grep -qE "(GET|POST) ${path//\{\}/ *(ID|NAME) *}\$" <<<"$page"
    done <"$BATS_TEST_TMPDIR/paths"
    grep -ohzP '(refuse|problem|with)\(\s*\d{3},\s*"[a-z_]+"' control/*.cpp net/http_*.cpp |
        tr -d '\0' | grep -oE '[0-9]{3}, *"[a-z_]+"' | tr -d '",' | sort -u >"$BATS_TEST_TMPDIR/codes"
    holds 'no codes found in lib/control' [ "$(wc -l <"$BATS_TEST_TMPDIR/codes")" -ge 20 ]
    while read -r code; do
        holds "$code" grep -qx "\.B $code" <<<"$page"
    done <"$BATS_TEST_TMPDIR/codes"
    # And none that control no longer answers.
    while read -r code; do
        holds "$code is documented and never answered" grep -qwF "\"${code#* }\"" control/*.cpp net/http_*.cpp
    done < <(grep -oE '^\.B [0-9]{3} [a-z_]+' <<<"$page" | cut -c 4-)
    verdict
}

@test "contract: no two files of tests listen on the same ports" {
    run bash -c 'grep -rhoE "PORTS=[0-9]+" "$1"/tests --include=*.bats | sort | uniq -d' - "$SLOTCAST_ROOT"
    assert_output ''
}
