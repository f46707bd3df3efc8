# The reserved number of viewers holds for those of HLS too, and is nobody's loss who watches already.

load ../lib/common
export PORT=18910
load ../lib/relay

setup_file() {
    export ID
    ID=$(make-relay id)
    # 127.0.0.9 is a cache of the site's own.
    make_media "$BATS_FILE_TMPDIR/media.ts" 40 # first: events begin with the relay
    relay_up 'proxies = ["127.0.0.9"]' -- "$ID,0,32,viewers=2,drain=0"
}
teardown_file() { relay_down; }
teardown() { end_started; }

# as NAME [OPTION…]: what a player of that name gets of the playlist.
as() { status_of -A "$1" "${@:2}" "$HTTP/w/$ID/index.m3u8"; }

@test "one more is refused, who watches goes on, a place that is free is taken, and the end is for all" {
    publish push "$ID" "$RELAY/media.ts"
    has() { curl -s -A one "$HTTP/w/$ID/index.m3u8" | grep -q EXTINF; }
    wait_for 12 has
    start live curl -sN -A two "$HTTP/w/$ID/live.ts"
    live() { [ -s "$BATS_TEST_TMPDIR/live.out" ]; }
    wait_for 5 live
    run -0 curl -si -A three "$HTTP/w/$ID/ll.m3u8"
    assert_equal "$(head -n 1 <<<"$output" | tr -d '\r')" 'HTTP/1.1 503 Service Unavailable'
    assert_equal "$(header retry-after)" 10
    assert_equal "$(header cache-control)" no-store
    assert_equal "$(header access-control-allow-origin)" '*'
    assert_output --partial 'all places are taken'
    assert_equal "$(as three)" 503
    assert_equal "$(status_of -A three "$HTTP/w/$ID/live.ts")" 503
    curl -s "$HTTP/w/$ID/state.json" | jq -e '.full and .stage == "live"'
    for _ in 1 2 3; do assert_equal "$(as one)" 200; done
    # A cache of the site's own is let in, for whomever it asks; another one is not.
    assert_equal "$(as three --interface 127.0.0.9 -H 'Via: 1.1 cache')" 200
    assert_equal "$(as four --interface 127.0.0.9 -H 'Via: 1.1 cache')" 200
    assert_equal "$(as three --interface 127.0.0.8 -H 'Via: 1.1 cache')" 503
    assert_equal "$(curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_viewers_refused_total{reservation=\"$ID\"} //p")" 4
    relay-serve --config "$RELAY/relay.toml" status | tee "$BATS_TEST_TMPDIR/status" | assert_matches_schema relay-serve
    jq -es 'any(.type == "event" and .viewers == 1 and .hls_viewers == 2)' "$BATS_TEST_TMPDIR/status"

    # Who no longer asks leaves its place after a while, and then is the one who has to wait.
    kill "$started_live"
    joined() { [ "$(as three)" = 200 ]; }
    wait_for 20 joined
    left() { curl -s -A three -o /dev/null "$HTTP/w/$ID/index.m3u8" && [ "$(as four)" = 200 ]; }
    wait_for 20 left
    assert_equal "$(as one)" 503
    over() { curl -s -A three "$HTTP/w/$ID/index.m3u8" | grep -q ENDLIST; }
    wait_for 40 over
    for name in one two three four five; do assert_equal "$(as "$name")" 200; done
}
