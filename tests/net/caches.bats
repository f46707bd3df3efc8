# Real nginx and Varnish in front of relay-serve, with the configurations of examples/caches: what many viewers cost the
# relay then, what is not kept, and the watch page over HTTPS.

load ../lib/common
load ../lib/control_files
export PORT=19080
load ../lib/relay

VID=abcdefgh12345678

setup_file() {
    export ID LOCKED
    ID=$(make-relay id) LOCKED=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" 200 # first: events begin with the relay
    relay_up -- "$ID,0,300,title=<b>Town & hall" "$LOCKED,0,300,channel=studio2,disclosure=password,vid=$VID,password=sesame"
    nginx_up
    varnish_up
    publish push "$ID" "$RELAY/media.ts"
    echo "$started" >"$RELAY/publisher"
    publish locked "$LOCKED" "$RELAY/media.ts"
    echo "$started" >>"$RELAY/publisher"
    wait_for 12 has_segments "$ID" 2
}
teardown_file() {
    mapfile -t pids < <(cat "$RELAY"/{publisher,nginx.pid,varnish.pid} 2>/dev/null)
    kill "${pids[@]}" || true
    relay_down
}
teardown() { end_started; }

export PROXY=http://127.0.0.1:19090 SECURE=https://127.0.0.1:19091 VARNISH=http://127.0.0.1:19092

# The configurations as they stand there, but for addresses, names and folders.
nginx_up() {
    (cd "$RELAY" && self_signed)
    mkdir "$RELAY/cache"
    sed "s,listen 80;,listen ${PROXY#*//};,; s,listen 443,listen ${SECURE#*//},; s,198.51.100.20:8080,127.0.0.1:$PORT,
        s,/etc/slotcast,$RELAY,; s,/var/cache/nginx/slotcast,$RELAY/cache/c," "$SLOTCAST_ROOT/examples/caches/nginx.conf" >"$RELAY/site.conf"
    cat >"$RELAY/nginx.conf" <<END
daemon off; user root; pid $RELAY/nginx.pid; error_log $RELAY/nginx.err; worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    log_format cache '\$upstream_cache_status \$uri'; access_log $RELAY/nginx.log cache;
    client_body_temp_path $RELAY/cache/b; proxy_temp_path $RELAY/cache/p; fastcgi_temp_path $RELAY/cache/f;
    uwsgi_temp_path $RELAY/cache/u; scgi_temp_path $RELAY/cache/s;
    include $RELAY/site.conf;
}
END
    nginx -p "$RELAY" -c "$RELAY/nginx.conf" >"$RELAY/nginx.out" 2>&1 3>&- &
    wait_for 5 curl -sf "$PROXY/healthz"
}
varnish_up() {
    sed "s,198.51.100.20,127.0.0.1,; s,\"8080\",\"$PORT\"," "$SLOTCAST_ROOT/examples/caches/varnish.vcl" >"$RELAY/site.vcl"
    varnishd -F -j none -n "$RELAY/varnish" -a "${VARNISH#*//}" -f "$RELAY/site.vcl" -s malloc,64m \
        -p pipe_timeout=900 >"$RELAY/varnish.out" 2>&1 3>&- &
    echo $! >"$RELAY/varnish.pid"
    wait_for 20 curl -sf "$VARNISH/healthz"
}

metric() { curl -s "$HTTP/metrics" | sed -n "s/^slotcast_relay_$1{reservation=\"$2\"} //p"; }
newest() { curl -s "$HTTP/w/$ID/index.m3u8" | grep '\.ts$' | tail -n 1; }
is() { [ "$(metric "$1" "$ID")" = "$2" ]; }

# hint: the part that is filled now, as SEQUENCE.INDEX. quiet: it has been the same for longer than one takes.
hint() { curl -s "$HTTP/w/$ID/ll.m3u8" | sed -n 's/.*HINT.*URI="\([0-9.]*\)-.*/\1/p'; }
quiet() {
    local now
    now=$(hint)
    sleep 0.5
    [ "$(hint)" = "$now" ]
}

# crowd URL N: N viewers of HLS there for 8 s; what they found is in $output.
crowd() {
    local before
    before=$(metric segments_total "$ID")
    run -0 timeout 90 load-viewers hls "${1#*//}" "/w/$ID/index.m3u8" --viewers "$2" --seconds 8
    assert_equal "$(jq .lost_connections <<<"$output")" 0
    # Each had each byte: none was left out of a segment.
    jq -e '.segments >= 4 and .least_of_mean > 0.5' <<<"$output"
    # What the relay was asked for: each segment once.
    assert_equal "$(($(metric segments_total "$ID") - before))" "$(jq .segments <<<"$output")"
}

@test "500 viewers of HLS through nginx cost the relay one fetch of each segment" {
    local from=$SECONDS playlists
    : >"$RELAY/nginx.log"
    crowd "$PROXY" 500
    # nginx' own account: as many misses, and hundreds of answers for each.
    assert_equal "$(grep -c "^MISS /w/$ID/.*\.ts$" "$RELAY/nginx.log")" "$(jq .segments <<<"$output")"
    assert [ "$(grep -c "^HIT /w/$ID/.*\.ts$" "$RELAY/nginx.log")" -ge $((499 * ($(jq .segments <<<"$output") - 2))) ]
    # And a playlist a second.
    playlists=$(grep -cE "^(MISS|EXPIRED|REVALIDATED) /w/$ID/index.m3u8$" "$RELAY/nginx.log")
    assert [ "$playlists" -le $((SECONDS - from + 3)) ]
    assert [ "$(grep -c "/w/$ID/index.m3u8$" "$RELAY/nginx.log")" -ge 2000 ]
}

@test "100 viewers of HLS through Varnish cost the relay one fetch of each segment" {
    crowd "$VARNISH" 100
}

@test "what comes through either is what the relay has, in ranges, compressed, and with conditions" {
    local name front
    name=$(newest)
    curl -sf "$HTTP/w/$ID/$name" >"$BATS_TEST_TMPDIR/whole"
    for front in "$PROXY" "$VARNISH"; do
        curl -sf "$front/w/$ID/$name?x=$RANDOM" | cmp - "$BATS_TEST_TMPDIR/whole"
        curl -sf -r 188-375 "$front/w/$ID/$name" | cmp - <(tail -c +189 "$BATS_TEST_TMPDIR/whole" | head -c 188)
        run -0 curl -sI "$front/w/$ID/$name"
        assert_equal "$(header cache-control)" 'public, max-age=31536000, immutable'
        assert_equal "$(status_of -H "If-None-Match: $(header etag)" "$front/w/$ID/$name")" 304
        assert_equal "$(curl -sI -H 'Accept-Encoding: br, gzip' "$front/w/$ID/index.m3u8" | tr -d '\r' | grep -ic '^content-encoding: gzip$')" 1
        curl -sf --compressed "$front/w/$ID/index.m3u8" | grep -q '^#EXTM3U'
        assert_equal "$(curl -sI "$front/w/$ID/index.m3u8" | grep -ic '^content-encoding')" 0
        curl -sf "$front/w/$ID/index.m3u8" | grep -q '^#EXTM3U'
        assert_equal "$front $(status_of "$front/w/$ID/999999-0000.ts")" "$front 404"
    done
}

@test "the numbers are nobody's, though the relay takes the cache for its own machine" {
    assert_equal "$(status_of "$HTTP/metrics")" 200
    local front path
    for front in "$PROXY" "$SECURE" "$VARNISH"; do
        for path in /metrics '/metrics?x' //metrics /%6detrics /w/../metrics; do
            assert_equal "$front$path $(status_of -k --path-as-is "$front$path")" "$front$path 404"
        done
    done
}

@test "live.ts comes at once through either, from the relay for each, who leaves with his viewer" {
    local front out=$BATS_TEST_TMPDIR n=0
    for front in "$PROXY" "$VARNISH"; do
        start "a$n" curl -sN "$front/w/$ID/live.ts"
        start "b$n" curl -sN "$front/w/$ID/live.ts"
        n=$((n + 1))
    done
    wait_for 5 is viewers 4
    grown() { [ "$(stat -c %s "$out/$1.out")" -gt 300000 ]; }
    for name in a0 b0 a1 b1; do wait_for 10 grown "$name"; done
    # All of what a viewer has is in the stream: packets, of it and of no other.
    for name in a0 a1; do
        head -c 188000 "$out/$name.out" >"$out/part"
        assert_equal "$(od -An -v -tx1 -w188 "$out/part" | awk '{print $1}' | sort -u)" 47
    done
    end_started
    wait_for 10 is viewers 0
}

@test "requests for what comes next: one waits at the relay for all who ask the same" {
    local front next n who
    for front in "$PROXY" "$VARNISH"; do
        kill -STOP "$(head -n 1 "$RELAY/publisher")" # nothing comes next
        wait_for 5 quiet
        next=$(hint) next=${next%.*}
        for n in 1 2 3 4; do start "w$n" curl -sf -m 20 "$front/w/$ID/ll.m3u8?_HLS_msn=$next"; done
        start other curl -sf -m 20 "$front/w/$ID/ll.m3u8?_HLS_msn=$((next + 1))&_HLS_part=0"
        wait_for 5 is requests_waiting 2
        kill -CONT "$(head -n 1 "$RELAY/publisher")"
        for n in 1 2 3 4; do
            who=started_w$n
            wait "${!who}"
            grep -q "^$next-" "$BATS_TEST_TMPDIR/w$n.out"
            cmp "$BATS_TEST_TMPDIR/w1.out" "$BATS_TEST_TMPDIR/w$n.out"
        done
        wait "$started_other"
        grep -q "\"$((next + 1))\.0-" "$BATS_TEST_TMPDIR/other.out"
    done
}

@test "below a password nothing is kept for others" {
    local front where name before
    for front in "$PROXY" "$VARNISH"; do
        where=$(curl -s -o /dev/null -w '%{redirect_url}' -d password=sesame "$front/w/$VID/")
        assert_regex "$where" "^$front/w/$VID/[A-Za-z0-9_-]{32}/$"
        assert_equal "$(status_of -d password=wrong "$front/w/$VID/")" 403
        name=$(curl -sf "${where}index.m3u8" | grep -m 1 '\.ts$')
        before=$(metric segments_total "$LOCKED")
        curl -sf "$where$name" | cmp - <(curl -sf "$where$name")
        assert_equal "$(($(metric segments_total "$LOCKED") - before))" 2
        assert_equal "$front $(status_of "$front/w/$VID/$name")" "$front 403"
    done
}

@test "the watch page plays through nginx over HTTPS, in Chromium" {
    run -0 curl -s --cacert "$RELAY/tls.crt" -o /dev/null -w '%{http_version} %{http_code}' "$SECURE/w/$ID/"
    assert_output '2 200'
    : >"$RELAY/nginx.log"
    run env HOME="$BATS_TEST_TMPDIR" timeout 100 node "$SLOTCAST_ROOT/tests/web/watch.mjs" live "$SECURE/w/$ID/"
    assert_success
    assert_line "the page's policy was not violated"
    assert_line 'no other host is asked'
    # All that Chromium had came by nginx, the parts too.
    grep -qE "^MISS /w/$ID/[0-9]+\.[0-9]+-" "$RELAY/nginx.log"
}
