# Loaded after common and lab, by the tests of carrier-connect: the lab's terminal with a vault, a
# configuration for its two lines, both families, and settings of the test's own making.
#
#   setup_file()    { carriers_up; }
#   teardown_file() { lab_down; }
#   setup()         { carriers_reset; }
#   event [OPTION…]  sets $ID to a reservation of now, with lines A and B, in the vault; no relay
#                    runs here, so no echo is to be asked

MEDIA_UID=64010
INGEST6_A=2001:db8::10
CARRIERS=$BATS_FILE_TMPDIR/carriers
# shellcheck disable=SC2034 # for the tests
export SLOTCAST_CONFIG=$CARRIERS/terminal.toml

carriers_up() {
    mkdir -p "$CARRIERS"
    chmod 755 "$CARRIERS"
    lab_up
    # The ingest address in both families, reachable on all three ways: what leaks arrives.
    ip -n "$LAB-relay" -6 address add "$INGEST6_A/128" dev lo nodad
    ip -n "$LAB-internet" -6 route add "$INGEST6_A/128" via fd00:198:51::20
    ip -n "$LAB-terminal" -6 route add default via fd00:192:0::1 dev inet0 metric 100
    cat >"$SLOTCAST_CONFIG" <<-END
	# the test's terminal
	reservation_interface = "inet0"
	preset = "lineA"   # the better line
	media_uid = $MEDIA_UID
	vault = "$CARRIERS/vault"
	state = "$CARRIERS/run"

	[carriers.lineA]
	interface = "carA"
	gateway4 = "10.2.0.1"
	gateway6 = "fd00:10:2::1"

	[carriers.lineB]
	interface = "carB"
	gateway4 = "10.3.0.1"
	gateway6 = "fd00:10:3::1"
	END
    resv-store init >"$CARRIERS/terminal"
    resv-store -q trust "$(make-settings --key)"
    count_leaks
}

# Packets on the Internet interface that are the media user's, or for the relay's ingest, whoever sent
# them: counted behind every filter of ours.
count_leaks() {
    on terminal nft -f - <<-END
	table inet leaks { chain out { type filter hook postrouting priority 500;
	    oifname "inet0" meta skuid $MEDIA_UID counter
	    oifname "inet0" ip daddr { $INGEST_A, $INGEST_B } counter
	    oifname "inet0" ip6 daddr $INGEST6_A counter
	}
	}
	END
}
leaked() { on terminal nft list table inet leaks | awk '/counter packets/ {n += $(NF - 2)} END {print n + 0}'; }

# New lines, the rules of a fresh machine, nothing of ours in use; for the start of a test.
carriers_reset() {
    local line net=2 id
    for id in $(connect status | jq -r '.reservations[]' | sort -u); do connect -q down "$id"; done
    for line in A B; do
        ip -n "$LAB-terminal" link delete "car$line" 2>/dev/null || true
        lab_wire terminal "car$line" "10.$net.0.2/24" relay "lin$line" "10.$net.0.1/24"
        net=$((net + 1))
    done
    ip -n "$LAB-terminal" route add default via 10.3.0.1 dev carB metric 50
    ip -n "$LAB-terminal" -6 route add default via fd00:10:3::1 dev carB metric 50
    on terminal nft reset counters table inet leaks >/dev/null
}

event() {
    ID=$(make-settings --terminal "$CARRIERS/terminal" --in 1s --no-probe --carrier lineA --carrier lineB "$@" |
        resv-store add | jq -r .reservation)
}

connect() { on terminal carrier-connect "$@"; }

# Everything about the terminal's routing and filters, without counters and without the link-local
# addresses that come when the kernel has checked them.
routing() {
    on terminal sh -c 'for f in -4 -6; do ip $f rule; ip $f route show table all; done
        nft -s list ruleset' | grep -v -e '^[a-z ]*fe80:' -e '^multicast ff00'
}

rules() { on terminal ip "$1" rule | sed -n "s/^\([5-7][0-9][0-9]\):\t*/\1 /p"; }

# as_media COMMAND…, as_user COMMAND…: in the terminal, as the media user or anybody.
as_media() { on terminal setpriv --reuid "$MEDIA_UID" --regid "$MEDIA_UID" --clear-groups "$@"; }
as_user() { on terminal setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }

# send ADDRESS: one datagram to the relay's port there; what it prints is bash's own complaint.
send() { echo "echo x >/dev/udp/$1/9000"; }

tx() { ip -n "$LAB-terminal" -s -j link show "$1" | jq '.[0].stats64.tx.packets'; }
