# relay-serve with few descriptors: viewers must not cut a publisher by using them up.

load ../lib/common

HTTP=http://127.0.0.1:18580

setup() {
    F=$BATS_TEST_TMPDIR
    ID=$(make-relay id)
    cat >"$F/relay.toml" <<EOT
id = "r1"
control = "https://127.0.0.1:9"
http = "127.0.0.1:18580"
data = "$F/data"
workers = 2
[ingest.lineA]
listen = "127.0.0.1:18581"
EOT
    make-relay data "$F/data" r1 "$ID,0,120"
    # Padded so that an extent is full within two seconds.
    ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=size=320x180:rate=25 -t 12 -c:v libx264 \
        -preset ultrafast -g 25 -b:v 500k -muxrate 16M -f mpegts "$F/media.ts"
}
teardown() { end_started; }

publish() {
    local ticket passphrase
    read -r ticket passphrase < <(play-relay ticket "$ID" r1)
    start publisher ffmpeg -nostdin -loglevel error -re -i "$F/media.ts" -c copy -muxrate 16M \
        -f mpegts "srt://127.0.0.1:18581?streamid=$ticket&passphrase=$passphrase"
    start viewer curl -sN "$HTTP/w/$ID/live.ts"
    wait_for 10 test -s "$F/viewer.out"
}
idle() { # idle N: opens N connections that say nothing, until it is ended
    start idle bash -c "ulimit -n 4096
        for ((i = 0; i < $1; i++)); do exec {fd}<>/dev/tcp/127.0.0.1/18580 || break; done
        echo open; sleep 60"
}
grows() { # grows BYTES: the viewer gets that much more
    local to=$(($(stat -c %s "$F/viewer.out") + $1))
    reached() { [ "$(stat -c %s "$F/viewer.out")" -ge "$to" ]; }
    wait_for 12 reached
}
cpu_ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
not_cut() {
    kill -0 "$started_publisher"
    run -1 grep -E 'ended: .*starting it again' "$F/relay.err"
}

@test "hundreds of idle connections do not cut the publisher" {
    start relay prlimit --nofile=128:128 relay-serve --config "$F/relay.toml"
    wait_for 5 curl -sf $HTTP/healthz
    grep -q '128 descriptors allow [0-9]* connections, not 4096' "$F/relay.err"
    publish
    idle 300
    wait_for 5 grep -q open "$F/idle.out"
    grows 12000000 # more than an extent
    not_cut
    kill "$started_idle"
    wait_for 5 curl -sf $HTTP/healthz
}

@test "a relay that gets no descriptor any more neither spins nor gives up its publisher" {
    start relay relay-serve --config "$F/relay.toml"
    wait_for 5 curl -sf $HTTP/healthz
    publish
    prlimit --pid "$started_relay" --nofile=12:20000 # less than it has open
    idle 20
    wait_for 8 grep -q 'publishers wait' "$F/relay.err"
    local before
    before=$(cpu_ticks "$started_relay")
    sleep 1
    [ $(($(cpu_ticks "$started_relay") - before)) -lt 30 ]
    prlimit --pid "$started_relay" --nofile=20000:20000
    wait_for 5 grep -q 'memory for media again' "$F/relay.err"
    grows 1000000
    not_cut
    kill "$started_idle"
    wait_for 5 curl -sf $HTTP/healthz
}
