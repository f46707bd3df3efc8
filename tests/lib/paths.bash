# Loaded after stack, by tests of an event that is sent over two lines: harm to lines that no interface
# tells of, a stream to send, and what a viewer sees of it.

# line_stream SECONDS: $STACK/in.ts, to be sent again and again.
line_stream() {
    ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440 -t "$1" \
        -c:v libx264 -preset ultrafast -b:v 2600k -minrate 2600k -maxrate 2600k -bufsize 400k -g 25 \
        -x264-params nal-hrd=cbr -c:a aac -b:a 128k -f mpegts -muxrate 3M "$STACK/in.ts"
}

# interface_of lineA: linA, the relay's end.
interface_of() { echo "lin${1#line}"; }

# cut LINE: what goes over it is lost, both ways; mend LINE.
cut() {
    on relay nft -f - <<-END
	table inet cut_$1 {
	    chain in { type filter hook prerouting priority -500; iifname "$(interface_of "$1")" counter drop; }
	    chain out { type filter hook postrouting priority 500; oifname "$(interface_of "$1")" counter drop; }
	}
	END
}
mend() { on relay nft delete table inet "cut_$1"; }

# lose LINE PERMILLE: so many of its packets are lost, both ways.
lose() {
    local end
    for end in "relay $(interface_of "$1")" "terminal car${1#line}"; do
        on "${end% *}" nft -f - <<-END
	table netdev loss_$1 {
	    chain in { type filter hook ingress device "${end#* }" priority 0; meta l4proto udp numgen random mod 1000 < $2 counter drop; }
	}
	END
    done
}

mend_all() {
    local host table
    for host in relay terminal; do
        for table in $(on "$host" nft list tables | awk '$3 ~ /^(cut|loss)_/ {print $2 ":" $3}'); do
            on "$host" nft delete table "${table%:*}" "${table#*:}"
        done
    done
}
# lost_by_nft: true when all four ends of lossy lines have dropped some.
lost_by_nft() {
    local line
    for line in lineA lineB; do
        on relay nft -j list table netdev "loss_$line"
        on terminal nft -j list table netdev "loss_$line"
    done | jq -s '[.[].nftables[].rule.expr? // empty | .[].counter.packets? // empty] | length == 4 and min > 0'
}

# send [OPTION…]: exec with push-stream, its statistics in $STATS, by its own pid.
send() {
    STATS=$BATS_TEST_TMPDIR/stats
    start send nsenter --net="/run/netns/$LAB-terminal" env SLOTCAST_CONFIG="$STACK/terminal.toml" \
        carrier-connect exec "$ID" -- push-stream --stats "$STATS" "$@" --loop "$ID" "$STACK/in.ts"
}
stats_say() { tail -n 1 "$STATS" 2>/dev/null | jq -e "$1" >/dev/null; }
# both_live: two connections, media over at least one.
both_live() { stats_say '([.paths[] | select(.state == "live")] | length) == 2 and any(.paths[]; .active)'; }
active_line() { tail -n 1 "$STATS" | jq -r '.paths[] | select(.active).carrier'; }

# watch_stream FILE: a viewer, from now on, until the relay or end_watch ends it; $WATCHED has what it saw.
watch_stream() {
    WATCHED=$BATS_TEST_TMPDIR/watched
    on viewer curl -sN --max-time 110 "$URL/live.ts" 2>/dev/null | "$SLOTCAST_ROOT/tests/lib/watch-ts" "$@" >"$WATCHED" 3>&- 4>&- &
    watcher=$!
}
end_watch() {
    kill "$watcher"
    wait "$watcher"
}
