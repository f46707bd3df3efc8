# shellcheck shell=bash
# Sourced by what measures the whole system outside Bats: control, relay and terminal in the lab, enrolled,
# with one reservation of 10 Mbit/s over line A. The caller has set $root, $build and $work (a folder of
# its own, mode 711), runs in namespaces of its own, and calls lab_down at its end.

PATH=$build/bin:$PATH
unset SLOTCAST_CONFIG SLOTCAST_CONTROL SLOTCAST_VAULT SLOTCAST_PRESET
LAB=sys$$
# shellcheck source=examples/lab.sh
. "$root/examples/lab.sh"

# host NAME COMMAND…: there, with its configuration. As `on`, with ON_EXEC set it takes the shell's place.
host() {
    local name=$1
    shift
    on "$name" env SLOTCAST_CONFIG="$work/$name.toml" "$@"
}

# system_up SECONDS: sets $id, which starts within 4 s ($start, seconds since 1970) and lasts so long. A
# system_configure of the caller's may change the configurations in $work.
system_up() {
    lab_up
    lab_configure "$work"
    ! declare -F system_configure >/dev/null || system_configure
    host control resv-control -q init >/dev/null
    host control resv-control -q serve &
    for _ in {1..100}; do
        on control curl -sf --cacert "$work/tls.crt" "https://$CONTROL_ADDRESS:8443/healthz" >/dev/null && break
        sleep 0.1
    done
    host control resv-control -q enrol r1 --role relay | host relay relay-serve -q enrol --token-file -
    ON_EXEC=1 host relay relay-serve -q &
    relay=$!
    host terminal resv-store -q init >/dev/null
    host control resv-control -q enrol studio --role distributor |
        host terminal resv-request -q enrol --token-file - >/dev/null
    start=$(($(date +%s) + 4))
    host terminal resv-request book --start "$(date -u -d "@$start" +%Y-%m-%dT%H:%M:%SZ)" --duration "$1s" \
        --rate 10M --title Measured --carrier lineA | host terminal resv-store -q add >/dev/null
    id=$(host terminal resv-store next --within 1m)
    export id
}
