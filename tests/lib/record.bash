# Every answer of a control that a file starts is held against openapi.json: its status, fields, type and
# body. control.bash and stack.bash do it for all that load them.
#
#   record_answers         into setup_file: from then on, of whatever is started
#   "${RECORDED[@]}"       or this, into the environment of one program
#   check_answers          into teardown_file, last

export SLOTCAST_RECORD=${SLOTCAST_RECORD:-${BATS_FILE_TMPDIR:-}/answers}
# A sanitizer wants to be first, and what is recorded is none of its business.
RECORDED=(
    LD_PRELOAD="$SLOTCAST_BUILD/tests/tools/record-http.so"
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
)

record_answers() { export "${RECORDED[@]}"; }

check_answers() {
    unset LD_PRELOAD
    [ -s "$SLOTCAST_RECORD" ] || return 0 # one case of a file, perhaps
    node "$SLOTCAST_ROOT/tests/web/check-answers.mjs" "$SLOTCAST_BUILD/openapi.json" "$SLOTCAST_RECORD" >&2
}
