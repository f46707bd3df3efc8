# HTTP message signatures (RFC 9421) against an independent implementation, npm's
# http-message-signatures: what it signs a real control accepts, and what ours sign it verifies.

load ../lib/common
export PORTS=16000
load ../lib/control

@test "control accepts what another implementation signs, and nothing that was changed or is amiss" {
    resv-control init
    serve
    resv-control -q enrol elsewhere --role distributor >token
    run -0 timeout 60 node "$SLOTCAST_ROOT/tests/web/signed-client.mjs" "$URL" "$KEYS/tls.crt" token studio1 lineA
    diff - <(printf '%s\n' "${lines[@]}") <<'EOF'
enrol 200 -
get 200 -
query 200 -
book 201 -
repeat 201 -
same-answer true -
other-order 200 -
two-digests 201 -
replay 401 replayed
path 401 bad_signature
query 401 bad_signature
no-query 401 bad_signature
method 401 bad_signature
host 421 misdirected
body 400 bad_digest
body-and-digest 401 bad_signature
no-digest 401 bad_signature
added-digest 401 bad_signature
idempotency-key 401 bad_signature
no-idempotency-key 401 bad_signature
nonce 401 bad_signature
signature 401 bad_signature
unsigned 401 unsigned
header-twice 401 bad_signature
expired 401 signature_expired
future 401 bad_signature
too-long 401 bad_signature
no-time 401 bad_signature
uncovered-digest 401 bad_signature
uncovered-key 401 bad_signature
uncovered-query 401 bad_signature
more-covered 401 bad_signature
no-nonce 401 bad_signature
no-expires 401 bad_signature
tag 401 bad_signature
algorithm 401 bad_signature
stranger 401 unknown_key
borrowed-id 401 bad_signature
two-signatures 401 bad_signature
EOF
    assert_equal "$(resv-control reservations | wc -l)" 2 # what was refused booked nothing
}

@test "what resv-request signs verifies with another implementation, and not when it was changed" {
    printf 'control = "%s"\ncacert = "%s"\nvault = "%s"\npreset = "lineA"\n[carriers.lineA]\ninterface = "lo"\n' \
        "$URL" "$KEYS/tls.crt" "$PWD/vault" >terminal.toml
    resv-store --config "$PWD/terminal.toml" init >/dev/null
    id=$(resv-store --config "$PWD/terminal.toml" id)
    start server node "$SLOTCAST_ROOT/tests/web/signed-server.mjs" "$KEYS/tls.crt" "$KEYS/tls.key" \
        "$(jq -r .key_id <<<"$id")" "$(jq -r .sign_key <<<"$id")" "${URL##*:}"
    wait_for 20 grep -q ready server.err
    start=$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:00Z)
    run -0 request list
    run -1 request slots --from "$start" --to "$(date -u -d '+3 hours' +%FT%TZ)" --duration 1m --rate 4M
    run -1 request book --start "$start" --duration 1h --rate 4M --title 'Rathaus, Saal 1 – größer'
    assert_equal "$(jq -c '[.method, .verified, .digest, .changed]' server.out)" "$(cat <<'EOF'
["GET",true,true,true]
["GET",true,true,true]
["POST",true,true,true]
EOF
)"
}
