# How an event ends at relay-serve, and how it goes on after all. Control is played by make-relay.

load ../lib/common

CONTROL=127.0.0.1:18443
HTTP=http://127.0.0.1:18480

setup() {
    cd "$BATS_TEST_TMPDIR" || return
    cat >relay.toml <<EOF
id = "r1"
control = "https://$CONTROL"
cacert = "$PWD/crt"
http = "127.0.0.1:18480"
data = "$PWD/data"
[ingest.lineA]
listen = "127.0.0.1:18481"
EOF
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=control \
        -addext subjectAltName=IP:127.0.0.1 -keyout key -out crt 2>/dev/null
    ID=$(make-relay id)
    mkfifo feed
    exec 7<>feed
    start control sh -c "exec timeout 100 make-relay control r1 $CONTROL crt key <feed 7>&-"
    wait_for 5 curl -s --cacert crt "https://$CONTROL/"
}
teardown() {
    exec 7>&-
    end_started
}

serve() { # serve [OPTION…]
    start relay timeout 60 relay-serve --config relay.toml --events - "$@" 7>&-
    wait_for 5 curl -sf $HTTP/healthz
}
publish() { # publish NAME SECONDS: a live source, in the background
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$ID" r1)
    start "$1" timeout 20 ffmpeg -nostdin -loglevel error -re -f lavfi -i testsrc=size=160x90:rate=25 \
        -t "$2" -c:v mpeg2video -g 12 -b:v 300k -f mpegts \
        "srt://127.0.0.1:18481?streamid=$ticket&passphrase=$passphrase"
}
happened() { jq -es "any($1)" relay.out; }
reported() { jq -es --arg id "$ID" "any(.[]; .reports[] | (.reservation == \$id and $1))" control.out; }
answers() { [ "$(curl -s -m 1 -o /dev/null -w '%{http_code}' "$HTTP/w/$ID/live.ts")" = "$1" ]; }

@test "with --once the report of the end has reached control when it ends" {
    make-relay data data r1 "$ID,0,4,drain=1"
    serve --once
    publish push 20
    wait_for 5 happened '.type == "first_media"'
    local code=0
    wait "$started_relay" || code=$?
    assert_equal "$code" 0
    reported '.event == "ended" and .bytes > 0'
}

@test "with --once it ends when the event is cancelled" {
    make-relay data data r1 "$ID,0,60"
    serve --once
    wait_for 5 answers 200
    echo "2 $ID,0,60,state=cancelled" >&7
    local code=0
    wait "$started_relay" || code=$?
    assert_equal "$code" 0
}

@test "an extension that comes after the end makes the event go on, under the same address" {
    make-relay data data r1 "$ID,0,4,drain=0"
    serve
    publish first 20
    wait_for 5 happened '.type == "first_media"'
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 8 happened '.type == "ended"'
    wait_for 5 answers 410
    wait "$started_viewer"
    echo "2 $ID,-10,60" >&7
    wait_for 5 answers 200
    publish second 20
    wait_for 8 happened '.type == "back"'
    start again curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 5 test -s again.out
    wait_for 5 reported '.event == "back"'
    curl -s --cacert crt "https://$CONTROL/?after=0" | assert_matches_schema feed
    jq -c '.reports[]' control.out | assert_matches_schema report
    assert_matches_schema relay-serve <relay.out
    run ! happened '.type == "ended" and .bytes == 0'
}
