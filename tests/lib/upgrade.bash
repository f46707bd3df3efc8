# A relay whose program is replaced while it runs: `load ../lib/upgrade` after relay, and install_relay before relay_up.

# install_relay: the programs, anew, in a folder of the test file's own, as a package does it.
install_relay() {
    local name bin=$BATS_FILE_TMPDIR/bin
    mkdir -p "$bin"
    for name in relay-serve relay-ingest relay-srt-out relay-poster; do
        cp "$SLOTCAST_BUILD/bin/$name" "$bin/.$name"
        mv "$bin/.$name" "$bin/$name"
    done
    [[ $PATH = $bin:* ]] || export PATH=$bin:$PATH
}
# replace: standard input is the program from now on.
replace() {
    cat >"$BATS_FILE_TMPDIR/bin/.new"
    chmod 755 "$BATS_FILE_TMPDIR/bin/.new"
    mv "$BATS_FILE_TMPDIR/bin/.new" "$BATS_FILE_TMPDIR/bin/relay-serve"
}
pid() { cat "$RELAY/pid"; }
changes() { grep -c 'goes on in place of the former program' "$RELAY/err"; }
changed() { [ "$(changes)" -gt "$1" ]; }
# upgrade: until the program that stands there goes on.
upgrade() {
    local before
    before=$(changes) || true
    kill -USR2 "$(pid)"
    wait_for 20 changed "$before"
}
size() { stat -c %s "$1"; }
has_size() { [ "$(size "$1")" -ge "$2" ]; }
# grows FILE BYTES: by so much, soon.
grows() { wait_for 20 has_size "$1" $(($(size "$1") + $2)); }
is_running() { local of=started_$1 && kill -0 "${!of}"; }
done_with() { local of=started_$1 && wait "${!of}"; }
