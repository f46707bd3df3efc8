# push-stream: what it keeps of the programme, and what it says before the end.
# shellcheck disable=SC2154 # run --separate-stderr sets $stderr

load ../lib/common
load ../lib/push

ID=01hzzzzzzzzzzzzzzzzzzzzzzz

setup_file() {
    ffmpeg -v error -f lavfi -i testsrc2=s=320x180:r=25:d=0.6 -c:v libx264 -preset ultrafast -g 25 \
        -b:v 1800k -f mpegts "$BATS_FILE_TMPDIR/show.ts"
}

setup() {
    cd "$BATS_TEST_TMPDIR" || exit 1
    show=$BATS_FILE_TMPDIR/show.ts
}

@test "push-stream: a recording is what was sent, and takes nobody's place unasked" {
    push --out sent.ts -- --record kept.ts $ID "$show"
    assert_equal "$status" 0
    cmp kept.ts sent.ts
    # Refused before anything is sent, and the old one is as it was.
    push --out second.ts -- --record kept.ts $ID test:
    assert_equal "$status" 1
    [[ $stderr == *'kept.ts: there is something in it'*'hint: '*--append*--overwrite* ]]
    refute [ -s second.ts ]
    cmp kept.ts sent.ts
    push --out second.ts -- --record kept.ts --append $ID "$show"
    assert_equal "$status" 0
    cmp kept.ts <(cat sent.ts second.ts)
    push --out second.ts -- --record kept.ts --overwrite $ID "$show"
    assert_equal "$status" 0
    cmp kept.ts second.ts
    # A command that fails leaves no file.
    push --id 01hzzzzzzzzzzzzzzzzzzzzzzy -- --record none.ts $ID test:
    assert_equal "$status" 65
    refute [ -e none.ts ]
    for wrong in --append --overwrite '--record x --append --overwrite' '--preflight --record x'; do
        # shellcheck disable=SC2086
        run -64 push-stream $wrong $ID "$show"
    done
    refute [ -e x ]
}

@test "push-stream: killed at any moment, its recording has whole packets, the ones that were sent" {
    local running=()
    for i in 1 2 3 4 5 6; do
        fake-sender --duration 20 --out sent$i.ts -- timeout -s KILL "0.$((3 + i))7" \
            push-stream --record kept$i.ts $ID --loop "$show" 3>&- &
        running+=($!)
    done
    for pid in "${running[@]}"; do
        wait "$pid" || [ $? = 137 ]
    done
    for i in 1 2 3 4 5 6; do
        size=$(stat -c %s kept$i.ts)
        assert [ "$size" -gt 0 ]
        assert_equal $((size % 188)) 0
        cmp -n "$size" kept$i.ts sent$i.ts
    done
    # The same command goes on with it.
    push --out more.ts -- --record kept1.ts --append $ID "$show"
    assert_equal "$status" 0
    cmp <(tail -c +$(($(stat -c %s kept1.ts) - $(stat -c %s more.ts) + 1)) kept1.ts) more.ts
}

@test "push-stream: a full disk ends the recording, not the programme, and the exit status says so" {
    mkdir small
    run --separate-stderr on_full_disk 64k "$PWD/small" sh -c "
        timeout 20 fake-sender --report report.json --out sent.ts -- \
            push-stream --record small/kept.ts $ID '$show'
        code=\$?
        cp small/kept.ts kept.ts
        exit \$code"
    assert_equal "$status" 74
    assert_equal "$(grep -c 'warning: record to small/kept.ts: no space left' <<<"$stderr")" 1
    [[ $stderr == *'error: record to small/kept.ts: no space left'*'packets are not in it'* ]]
    cmp sent.ts "$show"
    jq -e '.finished and .last_ms > 500 and .last_ms < 2000' report.json
    size=$(stat -c %s kept.ts)
    assert [ "$size" -gt 30000 ]
    assert_equal $((size % 188)) 0
    cmp -n "$size" kept.ts "$show"
}

@test "push-stream: the end is announced in time, in words and in the statistics, and anew when it moves" {
    push --duration 1.4 --extend-at 0.9 --extend-by 1 -- --warn-before 1s --warn-before 1h $ID --loop "$show"
    assert_equal "$status" 0
    assert_equal "$(grep -c 'warning: the reservation ends in 00:00:01' <<<"$stderr")" 2
    [[ $stderr == *"resv-request extend $ID"* ]]
    assert_matches_schema push-stream <<<"$output"
    assert_equal "$(jq -c 'select(.type == "ends_soon") | .left_s' <<<"$output" | xargs)" '1 1'
    jq -es 'map(select(.type == "ends_soon").end) | .[0] < .[1]' <<<"$output"
    jq -es 'map(select(.type == "stats").left_s) | all(. >= 0 and . <= 3)' <<<"$output"
    push --duration 0.3 -- --warn-before none $ID "$show"
    refute grep 'reservation ends' <<<"$stderr"
    run -64 push-stream --warn-before soon $ID "$show"
}
