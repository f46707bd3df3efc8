# A DVR window that slides: what is listed, what has left it, and what is gone.

load ../lib/common
export PORT=19780
load ../lib/relay

setup_file() {
    export ID
    ID=$(make-relay id)
    make_media "$BATS_FILE_TMPDIR/media.ts" 96 # first: the event begins with the relay
    relay_up 'dvr = "30s"' 'segments = 3' -- "$ID,0,300"
}
teardown_file() { relay_down; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }
teardown() { end_started; }

# feed SHARE: so many percent of the media, on from where it was.
feed() { timeout 60 dd bs=$(($(stat -c %s "$RELAY/media.ts") / 100)) count="$1" iflag=fullblock status=none <&9 >&8; }
# look COPY [LIST]: takes a copy of the playlist.
look() { curl -sf "$HTTP/w/$ID/${2:-index}.m3u8" >"$1"; }
first() { sed -n 's/^#EXT-X-MEDIA-SEQUENCE://p' "$1"; }
names() { grep '^[0-9]' "$1"; }
# span COPY: how much it lists, in ms.
span() { awk -F '[:,]' '/^#EXTINF/ {ms += 1000 * $2} END {print ms + 0}' "$1"; }
# slid N: it has by N segments since the beginning.
slid() { look now && [ "$(first now)" -ge $(($(first begin) + $1)) ]; }

# So much is listed and hardly more, without a hole, and all of it is there.
looks_well() {
    local list name begin
    for list in index ll; do
        look now "$list"
        assert [ "$(span now)" -ge 30000 ]
        assert [ "$(span now)" -lt 34000 ] # a target duration more
        begin=$(first now)
        assert_equal "$(names now | cut -d - -f 1)" "$(seq "$begin" $((begin + $(names now | wc -l) - 1)))"
        for name in $(names now); do assert_equal "$name $(status_of "$HTTP/w/$ID/$name")" "$name 200"; done
    done
}

@test "as much as dvr says is listed and can be fetched; what has left stays for as long again, then it is gone" {
    local front
    mkfifo media
    send push "$ID" media # fifteen times as fast as it plays
    exec 8<>media 9<"$RELAY/media.ts"
    feed 20 # less than the window
    wait_for 20 has_segments "$ID" 5
    look begin
    front=$(names begin | head -n 1)
    assert_equal "${front%%-*}" "$(first begin)"
    curl -sf "$HTTP/w/$ID/$front" >front.ts

    # RFC 8216, 6.2.2: what has left stays for as long as the playlist was. 48 s are more than one of it, less than two.
    feed 30
    wait_for 20 slid 5
    looks_well
    names now >former
    run -1 grep -x "$front" former
    curl -sf "$HTTP/w/$ID/$front" | cmp - front.ts

    feed 50
    wait_for 20 slid 28
    looks_well
    run -1 grep -xFf former now
    run -0 curl -si "$HTTP/w/$ID/$front"
    assert_line --partial 'HTTP/1.1 404'
    assert_equal "$(header cache-control)" no-store
    exec 8>&- 9<&-
}
