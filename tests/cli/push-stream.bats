# push-stream: arguments, inputs that are none, and what it does with its sender.
# fake-sender (tests/tools) stands in for carrier-connect and the sender.
# shellcheck disable=SC2154 # run --separate-stderr sets $stderr

load ../lib/common
load ../lib/push

ID=01hzzzzzzzzzzzzzzzzzzzzzzz

setup_file() {
    # A good second of H.264 and AAC, small.
    ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=1.2 -f lavfi -i sine=r=48000:d=1.2 \
        -c:v libx264 -preset ultrafast -g 25 -b:v 300k -c:a aac -b:a 64k \
        -f mpegts "$BATS_FILE_TMPDIR/show.ts"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    show=$BATS_FILE_TMPDIR/show.ts
}

report() { jq -e "$1" report.json >/dev/null || { cat report.json; return 1; }; }

@test "push-stream: without a sender it is not permitted, and says how it is" {
    for fd in '' 77 1 x 3x; do
        SLOTCAST_SENDER_FD=$fd run --separate-stderr -77 timeout 5 push-stream $ID "$show"
        assert_equal "$output" ''
        [[ $stderr == *'error: there is no sender'* ]]
        [[ $stderr == *'hint: carrier-connect exec ID -- push-stream ID INPUT'* ]]
    done
}

@test "push-stream: wrong usage is refused before anything else" {
    run -64 push-stream --nonsense $ID "$show"
    run -64 push-stream
    run -64 push-stream $ID
    run --separate-stderr -64 push-stream not-an-id "$show"
    [[ $stderr == *"ID 'not-an-id'"* ]]
    run --separate-stderr -64 push-stream $ID rtmp://camera/1
    [[ $stderr == *"INPUT 'rtmp://camera/1'"*'hint: '*'ffmpeg'* ]]
    run --separate-stderr -64 push-stream $ID test:bars
    run --separate-stderr -64 push-stream $ID -- - --loop
    run --separate-stderr -64 push-stream $ID - --loop </dev/null
    [[ $stderr == *'--loop: standard input'* ]]
}

@test "push-stream: a preflight before the window says what the line does, and whether that will do" {
    local rate=$(($(stat -c %s "$show") * 64 / 10)) # what the programme has in its 1.2 s, and 4 % less
    push --preflight --start-in 600 --rate $rate --clock-offset-ms 300 -- --preflight --duration 2s $ID "$show"
    assert_equal "$status" 0
    assert_equal "$(wc -l <<<"$output")" 1
    assert_matches_schema push-stream <<<"$output"
    jq -e '.ok and .problems == [] and .carrier == "lineA" and .interface == "carA" and .rtt_us == 12000' <<<"$output"
    jq -e '.key_frame_interval_ms == 1000 and .clock_offset_ms > 250 and .clock_offset_ms < 350' <<<"$output"
    jq -e '.duration_ms >= 1900 and .duration_ms < 3500 and .reserved_rate_bps == '$rate'' <<<"$output"
    jq -e '.usable_rate_bps == (.bytes * 8000 / .duration_ms | floor)' <<<"$output"
    # With less than was reserved, late packets and a clock that is off, the answer is no; stdin ends when it ends.
    push --preflight --start-in 600 --rate 9M --reconnects 2 --clock-offset-ms -5000 -- --preflight --table $ID - <"$show"
    assert_equal "$status" 1
    assert_line --regexp '^carrier +lineA, interface carA$'
    assert_line --regexp '^round trip +12.0 ms'
    assert_line --regexp '^usable rate .* of 9.00 Mbit/s$'
    assert_line --regexp '^key frames +1.00 s apart'
    for word in 'Mbit/s reserved' '2 lost packets' 'broke 2 times' '500. ms ahead of control'; do
        assert_output --regexp "$word"
        grep "warning: .*$word" <<<"$stderr"
    done
}

@test "push-stream: a preflight without ticket, in the window, or refused says what helps" {
    push --start-in 600 -- --preflight $ID
    assert_equal "$status" 77
    assert_equal "$output" ''
    [[ $stderr == *'no preflight ticket'*"hint: resv-request settings $ID --preflight | resv-store add"* ]]
    push --preflight -- --preflight $ID
    assert_equal "$status" 1
    [[ $stderr == *'which opened at'*'hint: leave --preflight out'* ]]
    push --preflight --start-in 600 --refuse ended -- --preflight $ID
    assert_equal "$status" 1
    [[ $stderr == *'refused the preflight: ended'*"hint: resv-request settings $ID --preflight"* ]]
    push --preflight --start-in 600 --refuse 'too_early, by 5m' -- --preflight --duration 1s $ID
    [[ $stderr == *"for now: too_early, by 5m (resv-request settings $ID --preflight | resv-store add"* ]]
    for wrong in '--preflight --duration 61s' '--preflight --duration 0s' '--duration 5s' --table; do
        # shellcheck disable=SC2086
        run -64 push-stream $wrong $ID "$show"
    done
}

@test "push-stream: an input that is missing, unreadable, a folder or empty is refused at once" {
    push -- $ID missing.ts
    assert_equal "$status" 66
    [[ $stderr == *'open missing.ts: no such file'* ]]
    : >empty.ts
    push -- $ID empty.ts
    assert_equal "$status" 66
    [[ $stderr == *'empty.ts: the input is empty'* ]]
    push -- $ID .
    assert_equal "$status" 65
    push --report report.json -- $ID - </dev/null
    assert_equal "$status" 66
    [[ $stderr == *'standard input: the input is empty'* ]]
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && [ -r "$show" ]; then
        install -m 600 "$show" private.ts
        chmod 755 . && run --separate-stderr setpriv --reuid 65534 --clear-groups \
            push-stream $ID "$PWD/private.ts"
        # The folders above may hide it from that user too: either way it is not permitted.
        assert_equal "$status" 77
    fi
}

@test "push-stream: garbage, text, and files cut short are bad data, and the cause is named" {
    head -c 100000 /dev/urandom >garbage.bin
    echo 'This is no film.' >text.txt
    ffmpeg -v error -i "$show" -c copy show.mp4
    head -c 20000 show.mp4 >cut.mp4 # its index stands at the end
    for f in garbage.bin text.txt cut.mp4; do
        push -- $ID $f
        assert_equal "$status $f" "65 $f"
        [[ $stderr == *"error: $f: "*'hint: ffprobe'* ]]
        assert_equal "$(grep -c error: <<<"$stderr")" 1
        push -- $ID - < <(cat $f)
        assert_equal "$status $f" "65 $f"
    done
}

@test "push-stream: garbage around the packets of a stream is left out, with a warning" {
    { cat "$show"; head -c 500 /dev/zero; head -c 100 "$show"; } >dirty.ts
    push --out out.ts -- $ID dirty.ts
    assert_equal "$status" 0
    [[ $stderr == *'were no transport stream and were left out'* ]]
    cmp out.ts "$show"
}

# damage FILE: overwrites 60 bytes, the same ones each time.
damage() {
    local size at
    size=$(stat -c %s "$1")
    RANDOM=7
    for _ in $(seq 60); do
        at=$((((RANDOM << 15) | RANDOM) % size))
        printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" |
            dd of="$1" bs=1 seek=$at conv=notrunc status=none
    done
}

@test "push-stream: a file damaged in many places is sent without a crash" {
    cp "$show" flipped.ts
    damage flipped.ts
    push --duration 2 -- $ID flipped.ts
    assert_equal "$status" 0
    ffmpeg -v error -i "$show" -c copy flipped.mp4
    damage flipped.mp4
    push --duration 2 -- $ID flipped.mp4
    [ "$status" = 0 ] || [ "$status" = 65 ]
}

@test "push-stream: the sender's reservation must be the one that is named" {
    push --id 01hzzzzzzzzzzzzzzzzzzzzzzy -- $ID "$show"
    assert_equal "$status" 65
    [[ $stderr == *'for reservation 01hzzzzzzzzzzzzzzzzzzzzzzy, not 01hzzzzzzzzzzzzzzzzzzzzzzz'* ]]
}

@test "push-stream: two lines are not promised where there is one, and nothing else than they can be" {
    for use in failover redundant; do
        push -- --paths "$use" $ID "$show"
        assert_equal "$status" 78
        [[ $stderr == *"--paths $use: there is one line only"*'hint: resv-request book --carrier, twice'* ]]
    done
    for use in triple '' Single; do
        push -- --paths "$use" $ID "$show"
        assert_equal "$status" 64
    done
}

@test "push-stream: a sender that talks nonsense broke the protocol" {
    for text in nonsense '{"type":"hello"}' '{"type":"finish"}'; do
        push --garbage "$text" -- $ID "$show"
        assert_equal "$status" 76
    done
}

@test "push-stream: waits for the start, ends at the end, and reports each second" {
    push --start-in 1 --duration 1.5 --report report.json -- $ID test:
    assert_equal "$status" 0
    report '.finished and .first_ms >= 998 and .first_ms < 2000 and .last_ms < 3500'
    assert_matches_schema push-stream <<<"$output"
    assert [ "$(jq -rs '[.[] | select(.type == "stats" and .v == 1 and .reservation == "'$ID'")] | length' <<<"$output")" -ge 2 ]
    assert_equal "$(jq -r .state <<<"${lines[-1]}")" ended
    [[ $stderr == *'waiting for the start at '* ]]
}

@test "push-stream: start and end are those of control's clock" {
    push --clock-offset-ms 3600000 --start-in 1 --duration 1 --report report.json -- $ID "$show"
    assert_equal "$status" 0
    report '.first_ms >= 998 and .first_ms < 2000 and .last_ms < 3000'
}

@test "push-stream: an end that is moved while it runs is followed" {
    push --start-in 0.5 --duration 1 --extend-at 1 --extend-by 1 --report report.json -- $ID test:
    assert_equal "$status" 0
    report '.last_ms > 2000 and .last_ms < 3500'
    [[ $stderr == *'now ends at '* ]]
}

@test "push-stream: a reservation that is over, or is ended, is a no" {
    push --start-in -10 --duration 5 -- $ID "$show"
    assert_equal "$status" 1
    [[ $stderr == *"reservation $ID ended at "* ]]
    push --end-at-once cancelled -- $ID "$show"
    assert_equal "$status" 1
    [[ $stderr == *'ended before its time: cancelled'* ]]
}

@test "push-stream: an event that its owner ends ends well, whoever hears of it first" {
    push --refuse ended --refuse-at 1 --duration 30 -- $ID test: # the relay
    assert_equal "$status" 0
    [[ $stderr == *'the event has ended'* ]]
    push --extend-at 1 --extend-by=-28.9 --duration 30 -- $ID test: # control
    assert_equal "$status" 0
    push --refuse ended -- $ID test: # nothing was sent
    assert_equal "$status" 1
}

@test "push-stream: a final refusal by the relay ends it, one that passes does not" {
    push --refuse withdrawn -- $ID "$show"
    assert_equal "$status" 1
    [[ $stderr == *'error: the relay refused the stream: withdrawn'*"hint: resv-request show $ID"* ]]
    push --refuse busy --duration 2 -- $ID "$show"
    assert_equal "$status" 0
    [[ $stderr == *'warning: the relay refuses the stream for now: busy'*'--new-generation'* ]]
    push --refuse over_rate --duration 2 --rate 6M -- $ID "$show"
    assert_equal "$status" 0
    [[ $stderr == *'warning: the relay refuses the stream for now: over_rate (more than the reserved 6.00 Mbit/s came'* ]]
}

@test "push-stream: who is too early is told by how much, once, and goes on" {
    push --duration 2 --refuse 'too_early, by 3m20s' -- $ID "$show"
    assert_equal "$status" 0
    [[ $stderr == *"warning: the relay refuses the stream for now: too_early, by 3m20s (the sender tries on; if the settings say something else, they are old: resv-request settings $ID | resv-store add)"* ]]
    assert_equal "$(grep -c 'for now' <<<"$stderr")" 1
}

@test "push-stream: a sender that dies makes the service unavailable" {
    for at in 0.5 1.5; do # while it waits, and in the middle
        push --start-in 1 --die-at $at -- $ID test:
        assert_equal "$status" 69
        [[ $stderr == *'error: the sender is gone'* ]]
    done
}

@test "push-stream: a signal ends it cleanly, whatever it is doing" {
    push --start-in 60 --stop-at 0.3 --report report.json -- $ID test:
    assert_equal "$status" 143
    push --stop-at 1 --report report.json -- $ID test:
    assert_equal "$status" 143
    report .finished
    mkfifo never
    push --stop-at 0.5 -- $ID never
    assert_equal "$status" 143
}

@test "push-stream: killed in the middle, it can be run again" {
    run timeout 20 fake-sender -- timeout -s KILL 0.7 push-stream $ID test:
    assert_equal "$status" 137
    push --duration 2 --report report.json -- $ID "$show"
    assert_equal "$status" 0
    report '.bytes > 0'
}

@test "push-stream: a programme of which nothing got through is no success" {
    push --duration 2 --lose-all -- $ID "$show"
    assert_equal "$status" 69
    [[ $stderr == *'nothing of the programme reached the relay'*'hint: carrier-connect status'* ]]
}

@test "push-stream: a terminal shows the countdown and the state, on one line" {
    script -qec "fake-sender --start-in 1 --duration 1.2 -- push-stream $ID '$show' --stats stats" log >/dev/null
    grep -q 'starts in 00:00:01' log
    grep -qE 'live 00:00:0[01], 00:00:0[01] left \| [0-9.]+ Mbit/s \| RTT [0-9.]+ ms \| lost 0 \| lineA' log
    run -0 timeout 10 script -qec "fake-sender --start-in 1 --duration 1 -- push-stream -q $ID '$show' --stats stats" quiet
    refute grep -q 'left' quiet
}

@test "push-stream: statistics go to a file, and a full disk does not stop the programme" {
    push --duration 2 -- $ID --stats stats.jsonl "$show"
    assert_equal "$status" 0
    assert_equal "$output" ''
    jq -es 'length >= 2 and all(.type == "stats")' stats.jsonl
    push --duration 2 -- $ID --stats no/such/folder "$show"
    assert_equal "$status" 66
    mkdir small
    run --separate-stderr unshare -m sh -c "mount -t tmpfs -o size=4k tmpfs small && head -c 4096 /dev/zero >small/filler; exec timeout 20 fake-sender --duration 3 --report report.json -- push-stream $ID --stats small/stats '$show'"
    assert_equal "$status" 74
    [[ $stderr == *'going on without statistics'* ]]
    report '.finished and .last_ms > 1000'
}

@test "push-stream: a reader of the statistics that stops reading does not hold up the programme" {
    run --separate-stderr timeout 20 bash -c "fake-sender --report report.json -- push-stream $ID '$show' | { sleep 2.5; head -1 >/dev/null; }"
    report '.finished and .last_ms > 1000 and .last_ms < 2000'
}
