# resv-control export-carrier: accounts for a carrier's access side, as its programs read them.

load ../lib/common
load ../lib/control

export PORTS=27000

setup_carriers() {
    cat >>control.toml <<-END
	[carriers.dsl]
	type = "ppp"
	lines = 2
	capacity = "50M"
	pool = ["10.9.0.0/24"]

	[carriers.isp]
	type = "ppp"
	lines = 2
	capacity = "50M"
	user = "all@isp"
	password_file = "$PWD/isp.password"

	[carriers.tun]
	type = "wireguard"
	lines = 2
	capacity = "50M"
	peer_public_key = "JRI8Xc0zKP9kXk8qP84NdUQA04h6DLfFbwJn4g+/PFs="
	endpoint = "198.51.100.77:51820"
	allowed = ["203.0.113.10/32"]
	underlay = "lineA"
	pool = ["10.64.0.0/24", "fd00:64::/64"]
	END
    (umask 077 && echo secret >isp.password)
}
export_carrier() { resv-control -q export-carrier "$@"; }
# enrolled NAME: a new vault of that distributor, enrolled, in $PWD/NAME.
enrolled() {
    mkdir "$1"
    (cd "$1" && KEYS=$KEYS terminal_of "$1")
}
terminal_of() {
    printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\n' "$URL" "$KEYS/tls.crt" "$PWD/vault" >terminal.toml
    resv-store --config "$PWD/terminal.toml" init >/dev/null
    resv-control --config ../control.toml enrol "$1" --role distributor 2>/dev/null |
        resv-request --config "$PWD/terminal.toml" enrol --token-file - >/dev/null
}
# The password of a user, read as pppd(8) reads such a file: words, quoted or not, and comments.
password() {
    python3 - "$1" <<-'END'
	import shlex, sys
	for line in open("secrets"):
	    words = shlex.split(line, comments=True)
	    if words and words[0] == sys.argv[1] and words[1] == "*":
	        print(words[2])
	END
}

@test "export-carrier: pppd's secrets, one line for each distributor that is enrolled, none that is revoked" {
    setup_carriers
    resv-control init >/dev/null
    serve
    enrolled alice
    enrolled bob
    resv-control enrol boss --role operator >/dev/null 2>&1
    export_carrier dsl --format chap-secrets >secrets
    run grep -v '^#' secrets
    assert_equal "${#lines[@]}" 2
    assert_line --regexp '^"alice@dsl" \* "[A-Za-z0-9_-]{32}" 10\.9\.0\.2$'
    assert_line --regexp '^"bob@dsl" \* "[A-Za-z0-9_-]{32}" 10\.9\.0\.3$'
    alice=$(password alice@dsl) bob=$(password bob@dsl)
    [ "$alice" != "$bob" ]
    # The same again; with other keys of the same distributor, too.
    resv-request --config alice/terminal.toml rotate >/dev/null 2>&1
    export_carrier dsl --format chap-secrets --output again
    assert_equal "$(cat again)" "$(cat secrets)"

    resv-control -q revoke alice --reservations keep >/dev/null
    export_carrier dsl --format chap-secrets >secrets
    run grep -v '^#' secrets
    assert_output --regexp '^"bob@dsl" \* "[A-Za-z0-9_-]{32}" 10\.9\.0\.3$'
    assert_equal "$(password bob@dsl)" "$bob"
    mv alice former
    enrolled alice
    export_carrier dsl --format chap-secrets >secrets
    assert_equal "$(grep -c '"alice@dsl"' secrets)" 1
    [ "$(password alice@dsl)" != "$alice" ]
    sed -i 's/^pool = \["10.9.0.0/account_generation = 2\n&/' control.toml
    export_carrier dsl --format chap-secrets >secrets
    [ "$(password bob@dsl)" != "$bob" ]
    run -0 resv-control --print-config
    assert_line 'account_generation = 2'
    assert_line 'pool = ["10.64.0.0/24", "fd00:64::/64"]'
}

@test "export-carrier: wg takes the peers, with the addresses that are theirs" {
    setup_carriers
    resv-control init >/dev/null
    serve
    enrolled alice
    enrolled bob
    name=we$((BATS_ROOT_PID % 100000))
    start wg wireguard-go -f "$name"
    wait_for 5 wg show "$name"
    { printf '[Interface]\nPrivateKey = %s\n' "$(wg genkey)" && export_carrier tun --format wireguard; } >peers
    run -0 wg setconf "$name" peers
    run -0 wg show "$name" allowed-ips
    assert_equal "$(cut -f 2 <<<"$output" | sort | xargs)" '10.64.0.2/32 fd00:64::2/128 10.64.0.3/32 fd00:64::3/128'
    assert_equal "$(wg show "$name" preshared-keys | cut -f 2 | sort -u | grep -c '^.\{43\}=$')" 2
    resv-control -q revoke alice --reservations keep >/dev/null
    { printf '[Interface]\nPrivateKey = %s\n' "$(wg genkey)" && export_carrier tun --format wireguard; } >peers
    run -0 wg syncconf "$name" peers
    assert_equal "$(wg show "$name" allowed-ips | cut -f 2)" '10.64.0.3/32 fd00:64::3/128'
}

@test "export-carrier: what is secret goes to no terminal, and into no file that others read" {
    setup_carriers
    resv-control init >/dev/null
    run -1 script -qec 'resv-control export-carrier dsl --format chap-secrets' /dev/null
    assert_output --partial 'it is not shown on a terminal'
    assert_output --partial 'hint: --output FILE writes a file of mode 0600'
    refute_output --partial '# Accounts'
    (umask 0 && export_carrier dsl --format chap-secrets --output secrets)
    assert_equal "$(stat -c %a secrets)" 600
    # A failed one leaves the former.
    echo former >secrets
    run -1 export_carrier lineA --format chap-secrets --output secrets
    assert_equal "$(cat secrets)" former
    run -66 export_carrier dsl --format chap-secrets --output /none/such/file
    run -0 bash -c 'resv-control -q export-carrier dsl --format chap-secrets >/dev/null'
    run -74 bash -c 'resv-control -q export-carrier dsl --format chap-secrets >/dev/full'
}

@test "export-carrier: refuses a carrier that has no such accounts" {
    setup_carriers
    run -66 export_carrier dsl --format chap-secrets # before init
    resv-control init >/dev/null
    run -1 export_carrier none --format chap-secrets
    assert_output --partial 'there is no [carriers.none]'
    run -1 export_carrier lineA --format chap-secrets
    assert_output --partial 'carrier lineA is of type link'
    run -1 export_carrier tun --format chap-secrets
    run -1 export_carrier dsl --format wireguard
    run -1 export_carrier isp --format chap-secrets
    assert_output --partial 'all use the one account'
    refute_output --partial secret
    run -64 export_carrier dsl --format ini
    run -64 export_carrier dsl
}

@test "export-carrier: a pool that is used up takes no further distributor, and a wrong one is refused" {
    setup_carriers
    sed -i 's#10.9.0.0/24#10.9.0.0/30#' control.toml
    resv-control init >/dev/null
    serve
    enrolled alice
    mkdir bob
    run bash -c "cd bob && $(declare -f terminal_of); URL=$URL KEYS=$KEYS terminal_of bob"
    assert_output --partial 'the pool of carrier dsl is used up'
    for pool in '["10.9.0.1/24"]' '["10.9.0.0/24", "10.8.0.0/24"]' '["ten"]'; do
        sed "s#^pool = \[\"10.9.0.0/30\"\]#pool = $pool#" control.toml >wrong.toml
        run -78 resv-control --config "$PWD/wrong.toml" --print-config
        assert_output --partial 'carriers.dsl.pool'
    done
    sed '/^pool = \["10.64/d' control.toml >wrong.toml
    run -78 resv-control --config "$PWD/wrong.toml" --print-config
    assert_output --partial 'carriers.tun.pool: is empty'
}
