# Loaded after stack, by tests that run in a guest: its kernel has PPP, 802.1Q and netem. Carrier dsl is PPPoE
# over a VLAN with 10 ms of delay and 1 % of loss: pppd against pppoe-server, which asks for the password.
#
#   setup_file() { dialled_up; }   the whole system, and $ID, a reservation of now on dsl and lineA
#   line NETEM...                  what the frames from the access side meet
#   accounts PASSWORD              what the access side takes
#
# Another kind of line: define make_line, DIALLED_DEVICE and DIALLED_SETTINGS (of control's carrier) after loading.

PASSWORD=s3cret-of-the-line
export INGEST_DSL=203.0.113.12

DIALLED_DEVICE=dsl0.7
DIALLED_SETTINGS='service = "tv"'
make_line() {
    local file
    ip link add dsl0 netns "$LAB-terminal" type veth peer name acc0 netns "$LAB-relay"
    for file in terminal:dsl0 relay:acc0; do
        ip -n "$LAB-${file%:*}" link set "${file#*:}" up
        ip -n "$LAB-${file%:*}" link add link "${file#*:}" name "${file#*:}.7" type vlan id 7
        ip -n "$LAB-${file%:*}" link set "${file#*:}.7" up
    done
    line delay 10ms loss 1%
    ON_EXEC=1 on relay pppoe-server -I acc0.7 -S tv -L 10.4.0.1 -R 10.4.0.10 -N 4 -O "$STACK/server.options" -F \
        >"$STACK/server.out" 2>&1 3>&- 4>&- &
}

# The line, and a carrier of that name in all three configurations.
stack_edit() {
    ip -n "$LAB-relay" address add "$INGEST_DSL/32" dev lo
    ip -n "$LAB-internet" route add "$INGEST_DSL/32" via 198.51.100.20 # a leak would arrive
    printf 'require-chap\nlcp-echo-interval 1\nlcp-echo-failure 5\n' >"$STACK/server.options"
    accounts "$PASSWORD"
    (umask 077 && echo "$PASSWORD" >"$STACK/dsl.password")
    sed -i "/ingest_addresses/a dsl = \"$INGEST_DSL:9000\"" "$STACK/control.toml"
    printf '[ingest.dsl]\nlisten = "%s:9000"\n' "$INGEST_DSL" >>"$STACK/relay.toml"
    cat >>"$STACK/control.toml" <<-END
	[carriers.dsl]
	type = "ppp"
	lines = 2
	capacity = "20M"
	user = "studio@carrier"
	password_file = "$STACK/dsl.password"
	$DIALLED_SETTINGS
	END
    sed -i 's/^preset.*/preset = "dsl"/' "$STACK/terminal.toml"
    printf '[carriers.dsl]\ninterface = "ppp-dsl"\ndevice = "%s"\n' "$DIALLED_DEVICE" >>"$STACK/terminal.toml"
    make_line
}
# line NETEM…: what the frames from the access side meet.
line() { on relay tc qdisc replace dev acc0.7 root netem "$@"; }
accounts() { (umask 077 && echo "studio@carrier * $1 *" >/etc/ppp/chap-secrets); }

dialled_up() {
    modprobe -a pppoe ppp_async # they make /dev/ppp
    stack_up
    on terminal nft -f - <<-END
	table inet leaks {
	    counter media {}
	    chain out { type filter hook postrouting priority 500;
	        oifname "inet0" meta skuid $MEDIA_UID counter name media
	        oifname "inet0" ip daddr $INGEST_DSL counter name media
	    }
	}
	END
    book_dsl
}
book_dsl() {
    terminal resv-request book --now --duration 20m --rate 2M --carrier dsl --carrier lineA >"$STACK/booking"
    terminal resv-store add <"$STACK/booking" >/dev/null
    ID=$(jq -r 'select(.type == "reservation").id' "$STACK/booking")
    URL=$(jq -r 'select(.type == "reservation").viewer_url' "$STACK/booking")
    URL=${URL%/}
    export ID URL
}
connect() { terminal carrier-connect "$@"; }
leaked() { on terminal nft -j list counter inet leaks media | jq '[.nftables[].counter.packets? // empty] | add'; }
dialled() { jq -r '.owned.processes[0].pid' "$STACK/run/carriers/dsl.json"; }
