# The JSON Schemas of lib/wire/schemas say what our readers take. That the programs print what they
# say is asserted where it is printed: assert_matches_schema.

load lib/common

setup() { cd "$BATS_TEST_TMPDIR" || return; }

schema() { "$SLOTCAST_ROOT/tests/lib/schema" "$@"; }

# equal NAME [PATH…]: of the document on standard input, and of each way to make it wrong, schema and
# reader think the same. Members at a PATH are left alone.
equal() {
    local name=$1
    shift
    schema mutants "$@" >documents
    schema judge "$name" <documents >by_schema
    read-document "$name" <documents >by_reader
    assert_equal "$(head -qn 1 by_schema by_reader | paste -s)" $'yes\tyes'
    (($(grep -c no by_schema) > 20)) # there was something to refuse
    run awk -F '\t' '{ split($2, verdict, ":") } $1 != verdict[1]' <(paste by_schema by_reader documents)
    assert_output ''
}

@test "schemas: each is one, and refers to what is there" {
    run -0 schema valid
}

@test "schemas: openapi.json is valid OpenAPI, by a validator that is not ours" {
    cd "$SLOTCAST_ROOT/tests/web" || return
    run -0 node node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js "$SLOTCAST_BUILD/openapi.json"
    assert_output --partial '"valid": true'
    # It does look: without what every operation needs, it says no.
    jq 'del(.paths["/v1/time"].get.responses["200"].description)' "$SLOTCAST_BUILD/openapi.json" >"$BATS_TEST_TMPDIR/bad.json"
    run node node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js "$BATS_TEST_TMPDIR/bad.json"
    refute_output --partial '"valid": true'
}

# exchange METHOD TARGET STATUS TYPE BODY: as record-http writes it.
exchange() {
    local crlf=$'\r\n' asked got
    asked="$1 $2 HTTP/1.1${crlf}Host: x$crlf$crlf"
    got="HTTP/1.1 $3 x${crlf}Content-Type: $4$crlf${FIELD:+$FIELD$crlf}Content-Length: ${#5}$crlf$crlf$5"
    printf '1 a new 0\n\n1 a in %d\n%s\n1 a out %d\n%s\n' ${#asked} "$asked" ${#got} "$got"
}

@test "schemas: answers that openapi.json does not describe are found" {
    check() { node "$SLOTCAST_ROOT/tests/web/check-answers.mjs" "$SLOTCAST_BUILD/openapi.json" "$@"; }
    local json=application/json problem=application/problem+json now='{"time":"2026-11-22T18:00:00Z"}'
    missing='{"type":"urn:slotcast:problem:not_found","title":"x","status":404,"detail":"x","code":"not_found"}'
    exchange GET /v1/time 200 $json "$now" >good
    exchange GET /v1/nothing 404 $problem "$missing" >>good
    run -0 check good
    assert_output '2 answers, 0 kinds of fault'
    {
        exchange GET /v1/time 204 $json "$now"
        exchange GET /v1/time 200 text/plain "$now"
        exchange GET /v1/time 200 $json '{"time":"2026-11-22T18:00:00Z","zone":"UTC"}'
        exchange GET /v1/time 200 $json '{"time":"today"}'
        exchange GET '/v1/time?zone=UTC' 200 $json "$now"
        FIELD='X-Zone: UTC' exchange GET /v1/time 200 $json "$now"
        exchange GET /v1/nothing 200 $json '{}'
        exchange GET /v1/time 404 $problem "$missing"
        exchange DELETE /v1/time 405 $problem "$missing"
        exchange GET /v1/channels 403 $problem "${missing//404/403}"
        exchange POST /v1/keys/enrol 200 $json '{"name":"a","role":"king"}'
    } >bad
    run -1 check bad
    assert_line 'GET /v1/time: 204 has an undescribed status'
    assert_line 'GET /v1/time: 200 has an undescribed type: text/plain'
    assert_line --regexp 'GET /v1/time: 200 .*additional properties'
    assert_line --regexp 'GET /v1/time: 200 .*pattern'
    assert_line 'GET /v1/time: 200 was given for an undescribed parameter: zone'
    assert_line 'GET /v1/time: 200 has an undescribed field: x-zone'
    assert_line 'GET /v1/nothing: 200 has a status for which there is no route'
    assert_line 'GET /v1/time: 404 has an undescribed status'
    assert_line 'DELETE /v1/time: 405 has the code not_found'
    assert_line --regexp 'GET /v1/channels: 403 .*allowed values'
    assert_line 'POST /v1/keys/enrol: 200 was given without Idempotency-Key'
    assert_line --regexp 'POST /v1/keys/enrol: 200 was given for an undescribed body: .*'
    assert_line --regexp 'POST /v1/keys/enrol: 200 data.*'
    : >none
    run -1 check none
    assert_output 'no answers were recorded'
}

@test "schemas: a settings record and its document are judged as our readers do" {
    resv-store --vault vault init >terminal
    make-settings --terminal terminal | equal settings
    # The ids of relays are held against each other, which no schema can.
    make-settings --terminal terminal --open | equal settings-document relays.id carriers.ingest.relay
    local key=eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg=
    make-settings --terminal terminal --open --carrier a --carrier b --carrier c --carrier d --carrier e \
        --connection 'ppp={"mode":"pppoe","service":"tv","concentrator":"","user":"a@b","password":"x y"}' \
        --connection 'ppp={"mode":"serial","number":"*99#","init":["ATZ","AT+CGDCONT=1,\"IP\",\"a.b\""],"speed":9600,"user":"a","password":""}' \
        --connection "wireguard={\"private_key\":\"$key\",\"addresses\":[\"10.9.0.2/32\",\"fd00::2/128\"],\"peer_public_key\":\"$key\",
        \"preshared_key\":\"$key\",\"endpoint\":{\"host\":\"10.2.0.1\",\"port\":51820},\"allowed\":[\"203.0.113.0/24\"],
        \"keepalive_s\":25,\"mtu\":1420,\"underlay\":\"\",\"allow_internet_underlay\":true}" \
        --connection 'wwan={"apn":"private.example","user":"","password":"","pin":"1234","ip_type":"ipv4v6"}' \
        --connection 'command={}' | equal settings-document relays.id carriers.ingest.relay carriers.wireguard.underlay
}

# That a record has its type is for those who read a pipe; control's answers are known by their place.
@test "schemas: what is asked of control, and what it answers, is judged as our readers do" {
    equal request <<-END
	{"start":"2026-11-22T18:00:00Z","end":"2026-11-22T20:00:00.250+01:00","rate_bps":6000000,"title":"Town hall",
	 "viewers":200,"channel":"studio1","carriers":["lineA","lineB"],"disclosure":"password",
	 "password_hash":"\$argon2id\$…","notify":["mailto:ops@example.org"],"hold":true}
	END
    equal reservation type v <<-END
	{"type":"reservation","v":1,"id":"01m81s0j8tvnq7jqqa8ewr51qe","state":"held","owner":"studio",
	 "channel":"one","relay":"r1","start":"2026-11-22T18:00:00Z","end":"2026-11-22T20:00:00Z","lead_in_s":10,
	 "drain_s":10,"rate_bps":6000000,"viewers":20,"carriers":["lineA"],"title":"Town hall",
	 "disclosure":"unlisted","viewer_url":"http://198.51.100.20:8080/w/x/","generation":1,"revision":1,
	 "created":"2026-11-20T18:00:00.001Z","hold_expires":"2026-11-20T18:05:00.001Z",
	 "fee":{"minor":12500,"currency":"EUR"}}
	END
    equal slot type v <<-END
	{"type":"slot","v":1,"start":"2026-11-22T18:00:00Z","latest_start":"2026-11-22T20:00:00Z",
	 "duration_s":3600,"grid_s":900,"channel":"one","carriers":["lineA"],"rate_bps":6000000,"viewers":20,
	 "fee":{"minor":12500,"currency":"EUR"},
	 "left":{"streams":2,"lines":1,"carrier_bps":20000000,"rate_bps":10000000,"viewers":166}}
	END
    equal problem type alternatives.type alternatives.v <<-END
	{"type":"urn:slotcast:problem:no_capacity","title":"Conflict","status":409,"code":"no_capacity",
	 "detail":"not everything it needs is free","hint":"look at slots","shortfalls":[{"resource":
	 "carrier:lineA:bits","needed":7600000,"available":4800000,"from":"2026-11-22T18:59:50Z",
	 "to":"2026-11-22T20:00:10Z"}],"alternatives":[{"type":"alternative","v":1,
	 "start":"2026-11-22T21:00:00Z","end":"2026-11-22T22:00:00Z","channel":"one","carriers":["lineA"],
	 "rate_bps":6000000,"viewers":20,"expires":"2026-11-20T18:05:00Z","offer":"x","fee":{"minor":0,
	 "currency":"JPY"}}]}
	END
}

@test "schemas: what is asked of a series, and what of it is not booked, is judged as our readers do" {
    # A series of holds is for its reader to refuse, and is no request that is malformed.
    equal series-request <<-END
	{"request":{"start":"2026-11-22T18:00:00Z","end":"2026-11-22T20:00:00Z","rate_bps":6000000,"title":"",
	 "carriers":["lineA"],"disclosure":"public","notify":[],"hold":false},"repeat":"FREQ=WEEKLY;COUNT=3","zone":"Europe/Berlin","on_clash":"skip"}
	END
    equal clash type v problem.type <<-END
	{"type":"clash","v":1,"local":"2026-11-22T18:00:00","start":"2026-11-22T17:00:00Z","problem":
	 {"type":"urn:slotcast:problem:overlap","title":"Conflict","status":409,"code":"overlap",
	 "detail":"the channel is taken","hint":"look at slots"}}
	END
}

@test "schemas: the feed and the reports of relays are judged as our readers do" {
    equal feed-entry <<-END
	{"reservation":"01m81s0j8tvnq7jqqa8ewr51qe","serial":7,"channel":"one","start":"2026-11-22T18:00:00Z",
	 "end":"2026-11-22T20:00:00Z","lead_in_s":10,"drain_s":10,"state":"booked","generation":1,
	 "title":"Town hall","disclosure":"public","vid":"x","password_hash":"","viewers":20,
	 "max_rate_bps":6600000,"retention_s":86400}
	END
    equal report <<<'{"event":"ended","reservation":"01m81s0j8tvnq7jqqa8ewr51qe","at":"2026-11-22T20:00:10Z","bytes":5}'
    equal receipt <<-END
	{"type":"receipt","v":1,"reservation":"01m81s0j8tvnq7jqqa8ewr51qe","relay":"r1","admitted":"2026-11-22T17:59:55Z",
	 "first_media":"2026-11-22T18:00:00Z","ended":"2026-11-22T20:00:10Z","gaps":1,"bytes_in":7,"bytes_out":9,
	 "payloads_lost":0,"peak_viewers":2,"signer":"0123456789abcdef","signature":"$(printf 'A%.0s' {1..86})"}
	END
}
