# shellcheck shell=bash
# The two networks on one machine: five hosts as network namespaces. Sourced by demo.sh and by the
# tests; needs root (or a user namespace that has it).
#
#              inet0 192.0.2.2            198.51.100.10
#   terminal ─────────────── Internet ─────────────── control
#    │  │                       │ └────────────────── viewer  192.0.2.130
#    │  │                       └──────────────┐
#    │  └─ carA 10.2.0.2 ── line A ── 10.2.0.1 │ 198.51.100.20
#    └──── carB 10.3.0.2 ── line B ── 10.3.0.1 └ relay   ingest 203.0.113.10 (A) and .11 (B)
#
# The Internet can reach the ingest addresses too, so that a leak would arrive and be counted. Line B
# holds a default route that is better than the Internet's, so that a careless program would use it.

LAB=${LAB:-demo}                      # prefix of the namespaces' names
LAB_HOSTS="terminal internet control relay viewer"
CONTROL_ADDRESS=198.51.100.10
# shellcheck disable=SC2034 # for those who source this
RELAY_ADDRESS=198.51.100.20
INGEST_A=203.0.113.10 INGEST_B=203.0.113.11
MEDIA_UID=64010 # as in config/terminal.toml

# on HOST COMMAND…: runs it there. With ON_EXEC set it takes the shell's place, so that the pid of
# what runs in the background is the command's own.
on() {
    local host=$1
    shift
    ${ON_EXEC:+exec} nsenter --net="/run/netns/$LAB-$host" "$@"
}

# lab_wire HOST IF ADDRESS HOST IF ADDRESS: a cable between two hosts, IPv4 and IPv6 at once
# (10.2.0.2/24 comes with fd00:10:2::2/64).
lab_wire() {
    ip link add "$2" netns "$LAB-$1" type veth peer name "$5" netns "$LAB-$4"
    lab_address "$1" "$2" "$3"
    lab_address "$4" "$5" "$6"
}

lab_address() {
    local a b d
    IFS=./ read -r a b _ d _ <<<"$3"
    ip -n "$LAB-$1" address add "$3" dev "$2"
    ip -n "$LAB-$1" -6 address add "fd00:$a:$b::$d/64" dev "$2" nodad
    ip -n "$LAB-$1" link set "$2" up
}

lab_up() {
    local host
    for host in $LAB_HOSTS; do
        ip netns add "$LAB-$host"
        ip -n "$LAB-$host" link set lo up
        # Several paths lead to one address here: loose reverse-path checks, as on real multi-homed hosts.
        # shellcheck disable=SC2016 # for the inner shell
        on "$host" sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 2 >"$f"; done'
    done
    on internet sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'

    lab_wire terminal inet0 192.0.2.2/25 internet t0 192.0.2.1/25
    lab_wire viewer view0 192.0.2.130/25 internet v0 192.0.2.129/25
    lab_wire control ctl0 198.51.100.10/28 internet c0 198.51.100.1/28
    lab_wire relay pub0 198.51.100.20/28 internet r0 198.51.100.17/28
    lab_wire terminal carA 10.2.0.2/24 relay linA 10.2.0.1/24
    lab_wire terminal carB 10.3.0.2/24 relay linB 10.3.0.1/24

    ip -n "$LAB-terminal" route add default via 192.0.2.1 dev inet0 metric 100
    ip -n "$LAB-terminal" route add default via 10.3.0.1 dev carB metric 50
    ip -n "$LAB-viewer" route add default via 192.0.2.129
    ip -n "$LAB-control" route add default via 198.51.100.1
    ip -n "$LAB-relay" route add default via 198.51.100.17
    for host in "$INGEST_A" "$INGEST_B"; do
        ip -n "$LAB-relay" address add "$host/32" dev lo
        ip -n "$LAB-internet" route add "$host/32" via 198.51.100.20
    done
    lab_count
}

# lab_line_back DEV GATEWAY: the terminal's line is up again, and gets its default route as from DHCP. While rules of
# carrier-connect are there, the kernel takes a gateway only once DEV's own network is in its carrier's table again,
# which is a moment later.
lab_line_back() {
    ip -n "$LAB-terminal" link set "$1" up
    local route=(ip -n "$LAB-terminal" route add default via "$2" dev "$1" metric 50)
    for _ in {1..30}; do
        ! "${route[@]}" 2>/dev/null || return 0
        sleep 0.1
    done
    "${route[@]}"
}

# The kernel's counters on the terminal, after every filter of ours: what really went out or came in.
lab_count() {
    local dev kind
    {
        echo 'table inet lab {'
        for dev in inet0 carA carB; do
            for kind in reservation media; do echo "counter ${kind}_$dev {}"; done
        done
        echo 'chain out { type filter hook postrouting priority 400;'
        for dev in inet0 carA carB; do lab_count_rules oifname "$dev" daddr dport; done
        echo '}'
        echo 'chain in { type filter hook prerouting priority -400;'
        for dev in inet0 carA carB; do lab_count_rules iifname "$dev" saddr sport; done
        echo '}'
        echo '}'
    } | on terminal nft -f -
}

lab_count_rules() {
    echo "$1 $2 ip $3 $CONTROL_ADDRESS counter name reservation_$2"
    echo "$1 $2 ip $3 { $INGEST_A, $INGEST_B } counter name media_$2"
    # Whatever the media user sends counts as media, to wherever, IPv4 or IPv6.
    [ "$1" != oifname ] || echo "$1 $2 meta skuid $MEDIA_UID ip $3 != { $INGEST_A, $INGEST_B } counter name media_$2"
    [ "$1" != oifname ] || echo "$1 $2 meta skuid $MEDIA_UID meta nfproto ipv6 counter name media_$2"
}

# lab_bytes KIND IF: bytes of `media` or `reservation` that crossed the terminal's interface IF.
lab_bytes() {
    on terminal nft -j list counter inet lab "$1_$2" | jq '[.nftables[].counter.bytes? // empty] | add'
}

# Ends what still runs in the namespaces (they are ours alone) and removes them.
lab_down() {
    local host pid
    for host in $LAB_HOSTS; do
        [ -e "/run/netns/$LAB-$host" ] || continue
        for pid in $(ip netns pids "$LAB-$host"); do kill "$pid" 2>/dev/null || true; done
    done
    sleep 0.3
    for host in $LAB_HOSTS; do
        [ -e "/run/netns/$LAB-$host" ] || continue
        for pid in $(ip netns pids "$LAB-$host"); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns delete "$LAB-$host"
    done
}

# lab_configure FOLDER: the example configurations with every file of theirs below FOLDER, and a
# certificate for control.
lab_configure() {
    local file
    for file in control relay terminal; do
        sed "s#/etc/slotcast#$1#; s#/var/lib/slotcast#$1#; s#/run/slotcast#$1/run#" \
            "${BASH_SOURCE[0]%/*}/config/$file.toml" >"$1/$file.toml"
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
        -subj /CN=control -addext "subjectAltName=IP:$CONTROL_ADDRESS" \
        -keyout "$1/tls.key" -out "$1/tls.crt" 2>/dev/null
}
