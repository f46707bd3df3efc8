# The watch page in Chromium, from before the event to after its end; what its files are served as.

load ../lib/common
export PORT=18980
load ../lib/relay

setup_file() {
    export ID LOCKED SOON SHORT FULL EARLY CODED
    ID=$(make-relay id) LOCKED=$(make-relay id) SOON=$(make-relay id) SHORT=$(make-relay id) FULL=$(make-relay id) EARLY=$(make-relay id) CODED=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" $((150 + ${WATCH_SECONDS:-0})) 50 # first: events begin with the relay
    relay_up 'dvr = "5m"' -- "$ID,0,$((300 + ${WATCH_SECONDS:-0})),title=<b>Town & hall" \
        "$LOCKED,0,300,channel=studio2,disclosure=password,vid=abcdefgh12345678,password=sesame" \
        "$SHORT,0,30,channel=studio4,drain=1" \
        "$SOON,45,100,channel=studio3,lead_in=2,title=<b>Town & hall" "$EARLY,80,210,channel=studio6,lead_in=5" \
        "$FULL,0,300,channel=studio5,viewers=1" "$CODED,0,400,channel=studio7"
    # Opened now: on a slow machine the tests before it may last until its event opens.
    {
        HOME=$BATS_FILE_TMPDIR timeout 100 node "$SLOTCAST_ROOT/tests/web/watch.mjs" countdown "$HTTP/w/$SOON/" || status=$?
        echo "ended with ${status:-0}"
    } >"$RELAY/countdown" 2>&1 3>&- &
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
    wait_for 12 has_segments "$ID" 1
}
teardown_file() {
    kill "$(cat "$RELAY/publisher")" || true
    relay_down
}
teardown() { end_started; }

# in_browser CASE URL [MORE…]
in_browser() {
    run env HOME="$BATS_TEST_TMPDIR" timeout $((100 + ${WATCH_SECONDS:-0})) node "$SLOTCAST_ROOT/tests/web/watch.mjs" "$@"
    assert_success
    assert_line "the page's policy was not violated"
}

@test "the end is seen, and what was is there to be watched again" {
    publish short "$SHORT" "$RELAY/media.ts" A
    in_browser end "$HTTP/w/$SHORT/"
}

@test "before the start it counts down, then waits" {
    wait_for 100 grep '^ended with' "$RELAY/countdown"
    run cat "$RELAY/countdown"
    assert_line 'ended with 0'
    assert_line "the page's policy was not violated"
}

@test "ffmpeg and VLC that open live.ts before the event opens wait for it, and play" {
    local url=$HTTP/w/$EARLY/live.ts out=$BATS_TEST_TMPDIR user=()
    jq -e '.stage == "before"' <<<"$(curl -s "$HTTP/w/$EARLY/state.json")"
    start ffmpeg timeout 110 ffmpeg -nostdin -hide_banner -loglevel error -stats -i "$url" -frames:v 50 -f null -
    # VLC does not run as root. It writes the pictures as raw video: what is there was decoded.
    [ "$(id -u)" != 0 ] || user=(setpriv --reuid 1000 --regid 1000 --clear-groups)
    start vlc "${user[@]}" env HOME=/tmp timeout 110 cvlc -q --no-audio "$url" \
        --sout "#transcode{vcodec=I420,acodec=none}:std{access=file,mux=raw,dst=/tmp/vlc.$$}" vlc://quit
    open() { [ "$(curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_viewers{reservation=\"$EARLY\"} //p")" = 2 ]; }
    wait_for 10 open
    jq -e '.stage == "before"' <<<"$(curl -s "$HTTP/w/$EARLY/state.json")"
    opened() { curl -s "$HTTP/w/$EARLY/state.json" | jq -e '.stage == "waiting"'; }
    wait_for 75 opened
    publish early "$EARLY" "$RELAY/media.ts"
    wait "$started_ffmpeg"
    grep -aq 'frame= *50' "$out/ffmpeg.err"
    decoded() { [ "$(stat -c %s "/tmp/vlc.$$")" -gt $((320 * 180 * 50 * 3 / 2)) ]; }
    wait_for 20 decoded
    rm -f "/tmp/vlc.$$"
}

@test "live: pictures, latency, back to live by keyboard, on a phone, nobody else is asked" {
    in_browser live "$HTTP/w/$ID/"
}

@test "the page's files: policy, types, tags, for ever, and nothing else under the name" {
    local folder file
    run -0 curl -si "$HTTP/w/$ID/"
    folder=$(sed -n 's/.*data-files="\([^"]*\)".*/\1/p' <<<"$output")
    assert_regex "$(header content-security-policy)" "^default-src 'none'; .*frame-ancestors 'none'$"
    refute_output --partial unsafe
    assert_equal "$(header referrer-policy)" no-referrer
    assert_equal "$(header cache-control)" no-store
    # Nothing inline, nothing from elsewhere.
    run ! grep -E '<style|style=| on[a-z]+=|<script>|(src|href)="(https?:)?//' <<<"$output"
    assert_regex "$folder" '^/player/[0-9a-f]{16}/$'
    for file in watch.js player.js watch.css hls.js hls.worker.js hls.licence.txt; do
        run -0 curl -sI --compressed "$HTTP$folder$file"
        assert_line --partial 'HTTP/1.1 200'
        assert_equal "$(header cache-control)" 'public, max-age=31536000, immutable'
        assert_equal "$(header content-encoding)" gzip
        assert_equal "$(status_of -H "If-None-Match: $(header etag)" --compressed "$HTTP$folder$file")" 304
    done
    curl -s "$HTTP${folder}hls.licence.txt" | grep -q 'Apache License'
    for file in "${folder}none.js" "$folder" /player/0123456789abcdef/watch.js "${folder}../watch.js" /player/watch.js; do
        assert_equal "$file $(status_of --path-as-is "$HTTP$file")" "$file 404"
    done
    assert_equal "$(status_of -d x "$HTTP${folder}watch.js")" 404
    run -0 curl -si "$HTTP/w/$ID/state.json"
    assert_equal "$(header cache-control)" no-store
    tail -n 1 <<<"$output" | jq -e '.stage == "live" and .media and (.full | not) and (.start | fromdateiso8601? // true)'
    assert_equal "$(status_of "$HTTP/w/abcdefgh12345678/state.json")" 403
}

# Where hls.js did that by itself, pictures stood once a minute.
@test "a picture that begins late is near live all the same" {
    in_browser late "$HTTP/w/$ID/"
}

@test "what was played is cleared up between parts" {
    in_browser clears "$HTTP/w/$ID/"
}

# check-long has it play for ten minutes.
@test "parts play without a stall" {
    in_browser long "$HTTP/w/$ID/" "${WATCH_SECONDS:-20}"
}

@test "the password's form leads to the picture" {
    publish locked "$LOCKED" "$RELAY/media.ts"
    in_browser password "$HTTP/w/abcdefgh12345678/"
}

@test "full, it says so and gets a place later by itself" {
    local next
    publish full "$FULL" "$RELAY/media.ts"
    wait_for 12 has_segments "$FULL" 1
    kill "$started_full" # so that whoever waits does so for twelve seconds
    away() { curl -s "$HTTP/w/$FULL/state.json" | jq -e '.media == false'; }
    wait_for 10 away
    next=$(curl -s "$HTTP/w/$FULL/ll.m3u8" | sed -n 's/.*HINT.*URI="\([0-9]*\).*/\1/p')
    start crowd curl -s -Z --parallel-immediate --parallel-max 64 -m 90 "$HTTP/w/$FULL/ll.m3u8?_HLS_msn=$next&x=[1-640]"
    local crowd=$started
    full() { curl -s "$HTTP/w/$FULL/state.json" | jq -e '.full and .stage == "live"'; }
    wait_for 5 full
    start browser env HOME="$BATS_TEST_TMPDIR" timeout 100 node "$SLOTCAST_ROOT/tests/web/watch.mjs" full "$HTTP/w/$FULL/"
    wait_for 40 grep -qx full "$BATS_TEST_TMPDIR/browser.out"
    kill "$crowd"
    publish back "$FULL" "$RELAY/media.ts"
    wait "$started_browser" || {
        cat "$BATS_TEST_TMPDIR/browser.err"
        false
    }
}

# From push-stream's clock in the picture to what Chromium shows. check-long has it for a minute on a machine that does
# nothing else, and asks for less than two seconds.
@test "glass to glass: pictures are shown soon after they were made" {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$CODED" r1)
    mkfifo "$BATS_TEST_TMPDIR/ts"
    start line sh -c 'exec srt-live-transmit -q -a:no -chunk:1316 file://con "$0" <"$1"' \
        "srt://127.0.0.1:$((PORT + 1))?mode=caller&streamid=$ticket&passphrase=$passphrase&latency=120" "$BATS_TEST_TMPDIR/ts"
    start push fake-sender --id "$CODED" --rate 2M --duration 200 --out "$BATS_TEST_TMPDIR/ts" -- push-stream "$CODED" test:
    wait_for 20 has_segments "$CODED" 1
    in_browser latency "$HTTP/w/$CODED/" "${LATENCY_SECONDS:-10}" "${LATENCY_MOST:-6}"
}
