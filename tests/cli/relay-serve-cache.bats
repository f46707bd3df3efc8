# What a cache, a browser on another site and a viewer who comes again make of relay-serve's answers.

load ../lib/common
export PORT=18680
load ../lib/relay

setup_file() {
    export ID LOCKED SOON FAR
    ID=$(make-relay id) LOCKED=$(make-relay id) SOON=$(make-relay id) FAR=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" 60 # first: events begin with the relay
    relay_up -- "$ID,0,120" "$LOCKED,0,120,channel=studio2,disclosure=password,vid=abcdefgh12345678,password=sesame" \
        "$SOON,60,120,channel=studio3" "$FAR,3600,7200,channel=studio4"
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
    wait_for 12 has_segments "$ID" 2
}
teardown_file() {
    kill "$(cat "$RELAY/publisher")" || true
    relay_down
}

newest() { curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1; }

@test "the playlist: a short life, a strong tag, the same bytes for all, compressed for those who can" {
    local url=$HTTP/w/$ID/index.m3u8 tag dir=$BATS_TEST_TMPDIR
    kill -STOP "$(cat "$RELAY/publisher")" # the playlist stands still
    sleep 0.5
    run -0 curl -si "$url"
    assert_equal "$(header content-type)" application/vnd.apple.mpegurl
    assert_equal "$(header cache-control)" 'public, max-age=1'
    assert_equal "$(header vary)" Accept-Encoding
    assert_equal "$(header content-encoding)" ''
    assert_equal "$(header access-control-allow-origin)" '*'
    assert_regex "$(header date)" '^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$'
    assert [ "$(($(date +%s) - $(date -d "$(header date)" +%s)))" -le 5 ]
    tag=$(header etag)
    assert_regex "$tag" '^"[0-9a-f]{32}"$'
    curl -s "$url" >"$dir/a"
    curl -s "$url" -A other -H 'Cookie: a=b' >"$dir/b"
    cmp "$dir/a" "$dir/b"
    assert_equal "$(header content-length)" "$(stat -c %s "$dir/a")"

    run -0 curl -sI -H 'Accept-Encoding: br, gzip;q=0.5' "$url"
    assert_equal "$(header content-encoding)" gzip
    assert_equal "$(header vary)" Accept-Encoding
    local packed
    packed=$(header etag)
    assert [ "$packed" != "$tag" ]
    curl -s -H 'Accept-Encoding: gzip' "$url" >"$dir/a.gz"
    assert_equal "$(header content-length)" "$(stat -c %s "$dir/a.gz")"
    gzip -dc "$dir/a.gz" | cmp - "$dir/a"
    for none in identity 'gzip;q=0' 'br, deflate' 'gzip; q=0.0, *'; do
        assert_equal "$none $(curl -sI -H "Accept-Encoding: $none" "$url" | grep -ci '^content-encoding')" "$none 0"
    done

    assert_equal "$(status_of -H "If-None-Match: $tag" "$url")" 304
    assert_equal "$(status_of -H "If-None-Match: \"x\", W/$tag" "$url")" 304
    assert_equal "$(status_of -H 'If-None-Match: *' "$url")" 304
    assert_equal "$(status_of -H "Accept-Encoding: gzip" -H "If-None-Match: $packed" "$url")" 304
    for other in '"x"' "${tag:1:32}" "$packed" '' ',,'; do
        assert_equal "$other $(status_of -H "If-None-Match: $other" "$url")" "$other 200"
    done
    run -0 curl -si -H "If-None-Match: $tag" "$url"
    assert_equal "$(header etag)" "$tag"
    assert_equal "$(header cache-control)" 'public, max-age=1'
    assert_equal "$(header content-length)" ''
    assert_equal "$(header vary)" Accept-Encoding
    kill -CONT "$(cat "$RELAY/publisher")"
    changed() { [ "$(status_of -H "If-None-Match: $tag" "$url")" = 200 ]; }
    wait_for 10 changed
}

@test "a segment: for ever, a tag, ranges with and without conditions" {
    local name url whole=$BATS_TEST_TMPDIR/whole
    name=$(newest)
    url=$HTTP/w/$ID/$name
    curl -sf "$url" >"$whole"
    run -0 curl -sI "$url"
    assert_equal "$(header cache-control)" 'public, max-age=31536000, immutable'
    assert_equal "$(header content-length)" "$(stat -c %s "$whole")"
    assert_equal "$(header accept-ranges)" bytes
    assert_equal "$(header access-control-allow-origin)" '*'
    local tag
    tag=$(header etag)
    # Compressing media is of no use.
    assert_equal "$(curl -sI -H 'Accept-Encoding: gzip' "$url" | grep -ci '^content-encoding')" 0
    assert_equal "$(status_of -H "If-None-Match: $tag" "$url")" 304
    assert_equal "$(status_of -H "If-None-Match: $tag" -r 0-9 "$url")" 304
    curl -s -r 188-375 "$url" | cmp - <(tail -c +189 "$whole" | head -c 188)
    curl -s -r -188 "$url" | cmp - <(tail -c 188 "$whole")
    curl -s -r 1000- "$url" | cmp - <(tail -c +1001 "$whole")
    run -0 curl -si -r 188-375 -o /dev/null -D - "$url"
    assert_equal "$(header content-range)" "bytes 188-375/$(stat -c %s "$whole")"
    assert_equal "$(header content-length)" 188
    assert_equal "$(status_of -I -r 188-375 "$url")" 206
    assert_equal "$(status_of -r 0-9 -H "If-Range: $tag" "$url")" 206
    assert_equal "$(status_of -r 0-9 -H 'If-Range: "other"' "$url")" 200
    assert_equal "$(status_of -r 0-9 -H "If-Range: W/$tag" "$url")" 200
    run -0 curl -si -r 999999999- "$url"
    assert_line --partial 'HTTP/1.1 416'
    assert_equal "$(header content-range)" "bytes */$(stat -c %s "$whole")"
    assert_equal "$(header cache-control)" no-store
    assert_equal "$(status_of -r -0 "$url")" 416
    # What is no range, or more than one: all of it, as RFC 9110 allows.
    local bad
    for bad in 'bytes=5-1' 'bytes=a-b' 'bytes=' 'bytes=--1' 'items=0-1' 'bytes=0-1,3-4' 'bytes=99999999999999999999-'; do
        curl -s -H "Range: $bad" "$url" | cmp - "$whole"
        assert_equal "$bad $(status_of -H "Range: $bad" "$url")" "$bad 200"
    done
    assert_equal "$(status_of -H 'Range: bytes=0-1' -H 'Range: bytes=2-3' "$url")" 200
}

@test "HEAD says what GET would, without a body, of everything" {
    local path
    for path in / /index.m3u8 "/$(newest)" /live.ts /none.ts; do
        local said
        said=$(curl -sI -m 5 -o /dev/null -w '%{http_code} %{content_type}' "$HTTP/w/$ID$path")
        run curl -s -m 1 -o "$BATS_TEST_TMPDIR/body" -w '%{http_code} %{content_type}' "$HTTP/w/$ID$path"
        assert_output "$said"
    done
    for path in /healthz /metrics /c/studio1/ /nowhere; do
        run -0 curl -sI -m 5 "$HTTP$path"
        assert_line --regexp '^HTTP/1.1 (200|302|404)'
    done
    # Nothing follows the head: the next answer on the connection is whole.
    run -0 bash -c "exec 5<>/dev/tcp/127.0.0.1/$PORT
        printf 'HEAD /w/$ID/index.m3u8 HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&5
        timeout 5 cat <&5 | grep -a -c '^HTTP/1.1 200\|^ok\|^#EXT'"
    assert_output 3
}

@test "a player on another site may read the stream and its refusals; other methods are refused" {
    local url=$HTTP/w/$ID/index.m3u8 method
    run -0 curl -si -X OPTIONS -H 'Origin: https://other.example' -H 'Access-Control-Request-Method: GET' \
        -H 'Access-Control-Request-Headers: range' "$url"
    assert_line --partial 'HTTP/1.1 204'
    assert_equal "$(header access-control-allow-origin)" '*'
    assert_equal "$(header access-control-allow-methods)" 'GET, HEAD, OPTIONS'
    assert_equal "$(header content-length)" ''
    for path in "w/$ID/none.ts" "w/$FAR/index.m3u8" "w/$FAR/live.ts" "w/abcdefgh12345678/index.m3u8"; do
        run -0 curl -si "$HTTP/$path"
        assert_equal "$path $(header access-control-allow-origin)" "$path *"
    done
    # Pages and counters are not for other sites' scripts.
    for path in "w/$ID/" metrics "w/abcdefgh12345678/"; do
        run -0 curl -si "$HTTP/$path"
        assert_equal "$path $(header access-control-allow-origin)" "$path "
    done
    for method in PUT DELETE PATCH TRACE FOO get; do
        run -0 curl -si -X "$method" "$url"
        assert_line --partial 'HTTP/1.1 405'
        assert_equal "$method $(header allow)" "$method GET, HEAD, OPTIONS, POST"
    done
    for path in '' index.m3u8 live.ts "$(newest)"; do
        run -0 curl -si -d x=y "$HTTP/w/$ID/$path"
        assert_line --partial 'HTTP/1.1 405'
        assert_equal "$path $(header allow)" "$path GET, HEAD, OPTIONS"
    done
    run ! curl -sf -X CONNECT "$url"
}

@test "before its time the playlist says when to come again, and no cache keeps that" {
    run -0 curl -si "$HTTP/w/$FAR/index.m3u8"
    assert_line --partial 'HTTP/1.1 503'
    assert_equal "$(header cache-control)" no-store
    assert [ "$(header retry-after)" -gt 3000 ]
    run -0 curl -si "$HTTP/w/$SOON/index.m3u8"
    assert_line --partial 'HTTP/1.1 503'
    assert [ "$(header retry-after)" -le 51 ]
}

@test "below a password only the viewer's own cache keeps things" {
    local where
    where=$(curl -s -o /dev/null -w '%{redirect_url}' -d password=sesame "$HTTP/w/abcdefgh12345678/")
    publish locked "$LOCKED" "$RELAY/media.ts"
    listed() { curl -s "${where}index.m3u8" | grep -q '^#EXTINF'; }
    wait_for 12 listed
    run -0 curl -sI "${where}index.m3u8"
    assert_equal "$(header cache-control)" 'private, max-age=1'
    run -0 curl -sI "$where$(curl -s "${where}index.m3u8" | grep -m 1 '\.ts$')"
    assert_equal "$(header cache-control)" 'private, max-age=31536000, immutable'
    end_started
}
