# The keys, ledger and folder of resv-control: damaged, foreign, or open to others, they are refused.

load ../lib/common
export PORTS=22000
load ../lib/control

@test "keys that others can read, links and damaged keys are refused" {
    resv-control init
    chmod 640 data/signing.key
    run -77 resv-control serve
    assert_output --partial 'mode lets others in'
    chmod 600 data/signing.key
    chmod 755 data
    run -77 resv-control serve
    chmod 700 data
    ln data/group.key second
    run -65 resv-control serve
    assert_output --partial 'hard link'
    rm second
    mv data/group.key elsewhere
    ln -s ../elsewhere data/group.key
    run -65 resv-control serve
    assert_output --partial 'symbolic link'
    rm data/group.key
    mkfifo -m 600 data/group.key
    run -65 timeout 10 resv-control serve
    assert_output --partial 'not a regular file'
    rm data/group.key
    truncate -s 20 elsewhere
    mv elsewhere data/group.key
    run -65 resv-control serve
    assert_output --partial 'not a key'
}

# enrol_refused CODE: neither of two verbs works with the keys as they are.
enrol_refused() {
    run "-$1" --separate-stderr resv-control enrol alice --role distributor
    assert_output ''
    run -78 resv-control check
    assert_output --partial '"name":"keys","ok":false'
}

@test "a key with a flipped bit anywhere is refused" {
    resv-control init
    for key in signing.key group.key; do
        cp "data/$key" whole
        for ((at = RANDOM % 3; at < $(stat -c %s whole); at += 3)); do
            cp whole "data/$key"
            flip "data/$key" "$at" $((RANDOM % 8))
            echo "$key, byte $at"
            run -65 --separate-stderr resv-control enrol alice --role distributor
            assert_output ''
        done
        cp whole "data/$key"
    done
    resv-control enrol alice --role distributor
}

@test "empty, oversized and exchanged keys, and those of another control, are refused" {
    resv-control init
    for key in signing.key group.key; do
        cp "data/$key" whole
        : >"data/$key"
        enrol_refused 65
        head -c 2000000 /dev/zero >"data/$key"
        enrol_refused 65
        { cat whole; echo; } >"data/$key"
        enrol_refused 65
        cp whole "data/$key"
    done
    cp data/group.key data/signing.key
    enrol_refused 65
    mv data/ledger.sqlite data/group.key .
    rm -r data
    resv-control init
    cp ledger.sqlite data/ledger.sqlite # whole, and so are the keys; but it is not theirs
    enrol_refused 65
    assert_output --partial 'not the signing key'
    run -65 timeout 10 resv-control serve
    run -65 resv-control init
}

@test "keys that cannot be read are an error" {
    resv-control init
    for key in signing.key group.key; do
        chmod 0 "data/$key"
        run -77 bound resv-control enrol alice --role distributor
        assert_output --partial "$key: permission denied"
        chmod 600 "data/$key"
    done
}

@test "keys, ledger or data folder of another user are refused, also by root" {
    [ "$(id -u)" = 0 ] || skip 'changes owners'
    resv-control init
    resv-control enrol alice --role distributor
    touch data/ledger.sqlite-wal
    chmod 600 data/ledger.sqlite-wal
    for part in data data/signing.key data/group.key data/ledger.sqlite data/ledger.sqlite-wal; do
        chown 65534 "$part"
        run -77 timeout 10 resv-control serve
        assert_output --partial "$PWD/$part: it belongs to another user"
        run -77 resv-control enrol alice --role distributor
        chown 0 "$part"
    done
    resv-control check
}

@test "a ledger that others can open is refused" {
    resv-control init
    touch data/ledger.sqlite-wal
    for part in data/ledger.sqlite data/ledger.sqlite-wal; do
        for mode in 640 604 602; do
            chmod "$mode" "$part"
            run -77 timeout 10 resv-control serve
            assert_output --partial "$PWD/$part: its mode lets others in"
            run -77 resv-control reservations
        done
        chmod 600 "$part"
    done
    resv-control check
}

@test "check reports a TLS key that others can read, serve warns of it" {
    resv-control init
    cp "$KEYS/tls.key" .
    edit "s,^tls_key.*,tls_key = \"$PWD/tls.key\","
    for mode in 604 660 602; do
        chmod "$mode" tls.key
        run -78 resv-control check
        assert_output --partial '"name":"tls_key","ok":false'
    done
    serve
    grep -q "warning: $PWD/tls.key: mode 0602 lets others read or replace it; chmod 600 $PWD/tls.key" serve.err
    end_started
    chmod 640 tls.key # its group may: ssl-cert
    run -0 resv-control check
    serve
    run -1 grep -q warning serve.err
}
