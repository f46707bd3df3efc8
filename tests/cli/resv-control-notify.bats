# Others are told: by mail servers, web servers and calendars that are not ours.

load ../lib/common

export PORTS=17000
load ../lib/control

# The recorder of our answers (LD_PRELOAD) is not made for Python.
# sink: a mail and a web server of the test's own; what they get is in ./sink.
sink() {
    mkdir -p sink
    rm -f sink.out
    start sink env -u LD_PRELOAD notify-sink sink "$KEYS/tls.crt" "$KEYS/tls.key" 's3cret pass'
    wait_for 10 test -s sink.out
    read -r SMTP HTTPS <sink.out
    export SMTP HTTPS
}

# configured [NETWORK]: control may mail and call webhooks on this machine (or in NETWORK).
configured() {
    (umask 077 && echo 's3cret pass' >password)
    cat >>control.toml <<-END
	[notify.mail]
	server = "127.0.0.1:$SMTP"
	cacert = "$KEYS/tls.crt"
	from = "slotcast@example.org"
	user = "slotcast"
	password_file = "$PWD/password"
	[notify.webhooks]
	cacert = "$KEYS/tls.crt"
	allow = ["${1:-127.0.0.0/8}"]
	END
}

day() { date -u -d "+$1 days" "+%Y-%m-%dT$2:00Z"; }
book() { request book --start "$1" --duration 1h --rate 4M "${@:2}"; }
id_in() { jq -r 'select(.type == "reservation").id'; }
arrived() { [ "$(find sink -name "$1-*" ! -name '*.part' | wc -l)" -ge "$2" ]; }
hook() { jq -r "$2" <"sink/hook-$1"; }
said() { grep -q "$1" serve.err; }

# mail N: the mail as Python's own parser reads it, one JSON object; its calendar as python3-icalendar
# does.
mail() {
    /usr/bin/python3 - "sink/mail-$1" <<-'END'
	import email, email.policy, icalendar, json, sys
	head, raw = open(sys.argv[1], "rb").read().split(b"\n", 1)
	message = email.message_from_bytes(raw, policy=email.policy.default)
	parts = {p.get_content_type(): p for p in message.walk()}
	calendar = parts["text/calendar"]
	ics = icalendar.Calendar.from_ical(calendar.get_content())
	events = ics.walk("VEVENT")
	assert len(events) == 1 and not message.defects
	event = events[0]
	print(json.dumps({
	    "envelope": json.loads(head), "type": message.get_content_type(),
	    "parts": [p.get_content_type() for p in message.iter_parts()],
	    **{name.lower(): str(message[name]) for name in ("From", "To", "Subject", "Message-ID", "Date")},
	    "text": parts["text/plain"].get_content(), "part_method": calendar.get_param("method"),
	    "method": ics["METHOD"], "uid": event["UID"], "sequence": event["SEQUENCE"], "summary": event["SUMMARY"],
	    "start": event["DTSTART"].dt.isoformat(), "end": event["DTEND"].dt.isoformat(),
	    "status": event["STATUS"], "organizer": event["ORGANIZER"], "attendee": event["ATTENDEE"]}))
	END
}

@test "mail: booking, change and cancellation reach a real mail server, with a calendar others read" {
    sink
    configured
    resv-control init
    serve
    terminal
    # Long and not ASCII: folded in the header and in the calendar.
    title='Bürgerversammlung über den Haushalt, die Straße „Am Bächle“ und die neue Schule; mit Fragen'
    id=$(book "$(day 2 12:00)" --title "$title" --notify mailto:ops@example.org | id_in)
    wait_for 10 arrived mail 1
    mail 1 >1.json
    assert_equal "$(jq -c .envelope 1.json)" \
        '{"from":"slotcast@example.org","to":["ops@example.org"],"tls":true,"authenticated":true}'
    assert_equal "$(jq -r '.type, .from, .to, .subject' 1.json)" "multipart/alternative
slotcast@example.org
ops@example.org
$title is booked"
    assert_equal "$(jq -c '[.parts, .method, .part_method, .status, .sequence]' 1.json)" \
        '[["text/plain","text/calendar"],"REQUEST","REQUEST","CONFIRMED",1]'
    assert_equal "$(jq -r '.uid, .summary, .start, .end, .organizer, .attendee' 1.json)" "$id@slotcast
$title
$(day 2 12:00 | sed 's/Z/+00:00/')
$(day 2 13:00 | sed 's/Z/+00:00/')
mailto:slotcast@example.org
mailto:ops@example.org"
    assert_equal "$(jq -r .text 1.json | grep -c "$(jq -r .viewer_url <<<"$(request show "$id")")")" 1
    request extend "$id" --end "$(day 2 14:00)" >/dev/null
    wait_for 10 arrived mail 2
    request cancel "$id" >/dev/null
    wait_for 10 arrived mail 3
    mail 2 >2.json
    mail 3 >3.json
    # Of the same event, each time newer.
    assert_equal "$(jq -s 'map(.uid) | unique | length' 1.json 2.json 3.json)" 1
    assert_equal "$(jq -s 'map(.["message-id"]) | unique | length' 1.json 2.json 3.json)" 3
    assert_equal "$(jq -sc 'map([.method, .status, .sequence, .end[11:13]])' 1.json 2.json 3.json)" \
        '[["REQUEST","CONFIRMED",1,"13"],["REQUEST","CONFIRMED",2,"14"],["CANCEL","CANCELLED",3,"14"]]'
    run cat serve.err
    refute_output --partial s3cret
}

@test "webhooks: signed as Standard Webhooks says, by the key that control tells" {
    sink
    configured
    resv-control init
    serve
    terminal
    id=$(book "$(day 2 12:00)" --title 'Town hall' --notify "https://127.0.0.1:$HTTPS/hook?key=k" | id_in)
    wait_for 10 arrived hook 1
    assert_equal "$(hook 1 .path)" '/hook?key=k'
    hook 1 .body | jq -c . >body.json
    assert_equal "$(jq -c '[.type, .data.id, .data.title, .data.state, .data.revision]' body.json)" \
        "[\"reservation.booked\",\"$id\",\"Town hall\",\"booked\",1]"
    hook 1 .body | assert_matches_schema notice
    # Another implementation of Ed25519 verifies what is signed, and not what was changed.
    ask "$URL/v1/webhooks" | jq -r '.public_key | ltrimstr("whpk_")' | base64 -d >key.raw
    { printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00' && cat key.raw; } >key.der
    hook 1 '.headers["webhook-signature"] | ltrimstr("v1a,")' | base64 -d >signature
    hook 1 '.headers["webhook-id"] + "." + .headers["webhook-timestamp"] + "." + .body' | head -c -1 >signed
    verify() { openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in "$1" -sigfile signature; }
    run -0 verify signed
    sed 's/Town/Gown/' signed >changed
    run ! verify changed
    [[ "$(hook 1 '.headers["webhook-id"]')" =~ ^msg_[0-9a-z]{26}$ ]]
    (($(date +%s) - $(hook 1 '.headers["webhook-timestamp"]') < 60))
}

@test "what fails is tried again under the same id; what never works is given up, and said" {
    sink
    configured
    resv-control init
    serve
    terminal
    book "$(day 2 12:00)" --notify "https://127.0.0.1:$HTTPS/busy" --notify mailto:busy@example.org \
        --notify mailto:never@example.org --notify "https://127.0.0.1:$HTTPS/moved" \
        --notify "https://127.0.0.1:$HTTPS/gone" >/dev/null
    wait_for 10 said 'gives up telling mailto:never@example.org .* 550'
    wait_for 10 said 'gives up telling https://127.0.0.1:[0-9]*/… .* 410'
    wait_for 10 said 'could not tell https://127.0.0.1:[0-9]*/… .* 307'
    wait_for 20 arrived mail 1
    paths() { jq -rs 'map(.path)[]' sink/hook-* | sort | uniq -c | grep -q '2 /busy'; }
    wait_for 20 paths
    assert_equal "$(jq -rs 'map(select(.path == "/busy").headers["webhook-id"]) | unique | length' sink/hook-*)" 1
    # Nobody followed the redirect, and no path, which may be a secret, is in the log.
    run jq -rs 'map(.path)[]' sink/hook-*
    refute_output --partial stolen
    run cat serve.err
    refute_output --regexp 'busy at|/moved|/gone'
}

@test "webhooks to addresses that are not public are refused after the name was looked up" {
    sink
    configured 10.9.9.0/24 # and not this machine
    resv-control init
    serve
    terminal
    book "$(day 2 12:00)" --notify "https://127.0.0.1:$HTTPS/a" --notify "https://localhost:$HTTPS/b" \
        --notify "https://2130706433:$HTTPS/c" --notify "https://[::1]:$HTTPS/d" \
        --notify "https://[::ffff:127.0.0.1]:$HTTPS/e" --notify https://169.254.169.254/latest \
        --notify "https://0:$HTTPS/f" >/dev/null
    refused() { [ "$(grep -c 'gives up .* connections to .* are not allowed' serve.err)" = 7 ]; }
    wait_for 20 refused
    assert_equal "$(find sink -name 'hook-*')" ''
}

@test "what control was not told to send is refused clearly; a killed control tells afterwards" {
    sink
    resv-control init
    serve
    terminal
    run -1 book "$(day 2 12:00)" --notify mailto:ops@example.org
    assert_output --partial 'this control sends no e-mail, to mailto:ops@example.org'
    run -64 book "$(day 2 12:00)" --notify $'mailto:ops@example.org\r\nBcc: all@example.org'
    run -64 book "$(day 2 12:00)" --notify ops@example.org
    assert_output --partial 'hint: write mailto:'
    end_started
    sink
    configured
    sed -i "s/127.0.0.1:$SMTP/127.0.0.1:1/" control.toml # nobody is there
    serve
    book "$(day 2 12:00)" --notify mailto:ops@example.org >/dev/null
    wait_for 10 said 'could not tell mailto:ops@example.org'
    kill -9 "$started_serve"
    wait "$started_serve" || true # its locks go with it
    sql 'UPDATE outbox SET due_ms = 0' # not to wait for it
    sed -i "s/\"127.0.0.1:1\"/\"127.0.0.1:$SMTP\"/" control.toml
    serve
    wait_for 10 arrived mail 1
    gone() { [ "$(sql 'SELECT count(*) FROM outbox')" = 0 ]; }
    wait_for 10 gone
}

@test "two controls on one database tell of each booking once" {
    sink
    on_postgres
    configured
    resv-control init
    serve
    terminal
    sed "s/:${URL##*:}/:$((${URL##*:} + 40))/" control.toml >second.toml
    start second resv-control --config second.toml serve
    for hour in 01 03 05 07 09 11 13 15; do
        book "$(day 2 $hour:00)" --notify "https://127.0.0.1:$HTTPS/$hour" >/dev/null
    done
    wait_for 20 arrived hook 8
    empty() { [ "$(sql 'SELECT count(*) FROM outbox')" = 0 ]; }
    wait_for 10 empty
    assert_equal "$(jq -rs 'map(.path) | sort | join(" ")' sink/hook-*)" '/01 /03 /05 /07 /09 /11 /13 /15'
}

@test "event.ics and freebusy.ics are read by a parser that is not ours" {
    resv-control init
    serve
    terminal
    id=$(book "$(day 2 12:00)" --title 'Große Sitzung; Teil 1, öffentlich' | id_in)
    request show "$id" --ics >event.ics
    run -0 /usr/bin/python3 - <<-'END'
	import icalendar
	event, = icalendar.Calendar.from_ical(open("event.ics", "rb").read()).walk("VEVENT")
	print(event["UID"], event["SUMMARY"], event["DTSTART"].dt.isoformat(), event["SEQUENCE"], event["STATUS"])
	END
    assert_output "$id@slotcast Große Sitzung; Teil 1, öffentlich $(day 2 12:00 | sed 's/Z/+00:00/') 1 CONFIRMED"
    run -64 request show "$id" --ics --table
}
