# examples/weekly.sh: books, stores and schedules; the line it makes is run by a real cron, whose clock
# is set to just before the line's minute. Only control and the two programs at the end are stand-ins.
load ../lib/common
load ../lib/control_files

setup() {
    export SLOTCAST_CONFIG=$BATS_TEST_TMPDIR SLOTCAST_VAULT=$BATS_TEST_TMPDIR/vault
    printf 'control = "https://127.0.0.1:9"\npreset = "lineA"\n[carriers.lineA]\ninterface = "carA"\n' \
        >"$SLOTCAST_CONFIG/terminal.toml"
    resv-store init >"$BATS_TEST_TMPDIR/terminal"
    resv-store -q trust "$(make-settings --key)"
    mkdir "$BATS_TEST_TMPDIR/bin"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    program resv-request <<'END'
        case " $* " in *' --dry-run '*) exec "$SLOTCAST_BUILD/bin/resv-request" "$@" ;; esac
        [ ! -e "$here/refuse" ] || { echo 'refused' >&2; exit 1; }
        echo "$*" >>"$here/booked"
        while [ $# -gt 0 ]; do
            case $1 in --start) start=$2;; --title) title=$2;; --duration) duration=$2;; esac
            shift
        done
        echo '{"type":"reservation","v":1}'
        make-settings --terminal "$here/terminal" --start "$start" --duration "$duration" --title "$title"
END
    # shellcheck disable=SC2016 # what stands in the programs
    {
        program carrier-connect <<<'echo "${0##*/} $* vault=$SLOTCAST_VAULT" >>"$here/ran"; shift 3; "$@"'
        program push-stream <<<'echo "${0##*/} $*" >>"$here/ran"'
    }
    export INPUT=$BATS_TEST_TMPDIR/in.ts DAY=sunday TIME=10:00 ZONE=Europe/Paris TITLE='Weekly service'
}

teardown() { end_started; }

# program NAME: a shell script on the PATH from standard input.
program() {
    { printf '#!/bin/bash\nhere=%q\n' "$BATS_TEST_TMPDIR"; cat; } >"$BATS_TEST_TMPDIR/bin/$1"
    chmod +x "$BATS_TEST_TMPDIR/bin/$1"
}

# with_own_cron COMMAND…: crontabs, /run and the system's cron jobs are its own.
with_own_cron() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare -m bash -ec '
        mount -t tmpfs tmpfs /var/spool/cron
        mkdir -m 1730 /var/spool/cron/crontabs
        chgrp crontab /var/spool/cron/crontabs || true
        mount -t tmpfs tmpfs /run
        mount -t tmpfs tmpfs /etc/cron.d
        touch /run/no-crontab && mount --bind /run/no-crontab /etc/crontab
        "$@"' bash "$@"
}

weekly() { bash "$SLOTCAST_ROOT/examples/weekly.sh"; }
export -f weekly

@test "weekly.sh books once, however often it is run, and keeps other crontab lines" {
    other() {
        echo '5 4 * * * /bin/true # keep me' | crontab -
        weekly >/dev/null && weekly && crontab -l
    }
    export -f other
    run -0 with_own_cron bash -ec other
    id=$(resv-store list | jq -r .reservation)
    assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/booked")" 1
    assert_line '5 4 * * * /bin/true # keep me'
    assert_equal "$(grep -c "# slotcast $id\$" <<<"$output")" 1
    # the coming Sunday at 10:00 in Paris, whatever the season
    start=$(resv-store list | jq -r .start)
    assert_equal "$(TZ=Europe/Paris date -d "$start" '+%A %H:%M')" 'Sunday 10:00'
    assert [ "$(date -d "$start" +%s)" -gt "$(date +%s)" ]
    assert [ "$(date -d "$start" +%s)" -le "$(date -d '+169 hours' +%s)" ]
}

# weekly_on DATE: weekly.sh at noon of that day, as far as it asks `date`.
weekly_on() {
    local then=$BATS_TEST_TMPDIR/then
    mkdir -p "$then"
    printf '#!/bin/bash\nLD_PRELOAD=%s FAKETIME="@%s 12:00:00" exec %s "$@"\n' \
        "$(echo /usr/lib/*/faketime/libfaketime.so.1)" "$1" "$(command -v date)" >"$then/date"
    chmod +x "$then/date"
    PATH=$then:$PATH with_own_cron bash -c 'weekly; code=$?; crontab -l; exit $code'
}
days_before() { date -d "$1 $2 days ago" +%F; }

@test "weekly.sh refuses a time that a change of clocks makes absent or double" {
    local spring autumn
    spring=$(next_change 03)
    autumn=$(next_change 10)
    export TIME=02:30
    for days in 3 7; do # at noon of the Sunday before, the next one is meant
        run -64 weekly_on "$(days_before "$spring" $days)"
        assert_line --partial "resv-request: error: --start: '$spring 02:30' does not exist in Europe/Paris"
        assert_line --partial 'no crontab for'
    done
    run -64 weekly_on "$(days_before "$autumn" 3)"
    assert_line --partial "resv-request: error: --start: '$autumn 02:30' happens twice in Europe/Paris"
    assert_file_not_exists "$BATS_TEST_TMPDIR/booked"
    # An hour later there is nothing to choose.
    TIME=3:30 run -0 weekly_on "$(days_before "$autumn" 3)"
    assert_line --partial "${autumn}T02:30:00Z"
}

@test "weekly.sh drops the lines of events that are gone" {
    stale() {
        echo '0 0 1 1 * carrier-connect exec X # slotcast 01m81s0j8tvnq7jqqa8ewr51qe' | crontab -
        weekly >/dev/null && crontab -l
    }
    export -f stale
    run -0 with_own_cron bash -ec stale
    refute_output --partial 01m81s0j8tvnq7jqqa8ewr51qe
    assert_output --partial '# slotcast '
}

@test "weekly.sh changes no crontab when the booking is refused or crontab fails" {
    touch "$BATS_TEST_TMPDIR/refuse"
    refused() {
        echo '5 4 * * * /bin/true' | crontab -
        weekly && exit 99
        crontab -l
    }
    export -f refused
    run -0 with_own_cron bash -c refused
    assert_line '5 4 * * * /bin/true'
    refute_output --partial slotcast
    rm "$BATS_TEST_TMPDIR/refuse"
    # shellcheck disable=SC2016 # what stands in the program
    program crontab <<<'[ "$1" != -l ] && touch "$here/written"; echo "cannot open spool" >&2; exit 1'
    run -74 weekly
    assert_output --partial 'cannot open spool'
    assert_file_not_exists "$BATS_TEST_TMPDIR/written"
}

@test "a real cron runs the line in its minute" {
    run_it() {
        weekly
        read -r minute hour day month _ < <(crontab -l)
        at=$(date -d "$(date +%Y)-$month-$day $hour:$minute" +%s)
        [ "$at" -gt "$(date +%s)" ] || at=$(date -d "$(date -d '+1 year' +%Y)-$month-$day $hour:$minute" +%s)
        # cron with its clock two seconds before that minute
        LD_PRELOAD=$(echo /usr/lib/*/faketime/libfaketime.so.1) FAKETIME="+$((at - $(date +%s) - 2))s" \
            FAKETIME_DONT_FAKE_MONOTONIC=1 timeout 20 cron -f &
        cron=$!
        for _ in {1..150}; do
            ! grep -qs ^push-stream "$BATS_TEST_TMPDIR/ran" || break
            sleep 0.1
        done
        kill "$cron" || true
        cat "$BATS_TEST_TMPDIR/ran"
    }
    export -f run_it
    run -0 with_own_cron bash -ec run_it 3>&-
    id=$(resv-store list | jq -r .reservation)
    assert_line "carrier-connect exec $id -- $BATS_TEST_TMPDIR/bin/push-stream $id $INPUT vault=$SLOTCAST_VAULT"
    assert_line "push-stream $id $INPUT"
}

@test "weekly.sh books from a real control" {
    cd "$BATS_TEST_TMPDIR"
    rm bin/resv-request
    port=$((28000 + BASHPID % 4000)) # for this file only, and below the ephemeral ones
    control_files "$port"
    resv-control -q --config control.toml init
    start control resv-control --config control.toml serve
    wait_for 10 timeout 5 resv-request time
    resv-control -q --config control.toml enrol studio --role distributor | resv-request enrol
    # twice: the second run finds it in the vault
    run -0 with_own_cron bash -ec 'weekly && weekly && crontab -l'
    id=$(resv-store list | jq -r .reservation)
    assert_equal "$(resv-request list | jq -r .id)" "$id"
    assert_line --regexp "push-stream $id $INPUT # slotcast $id\$"
}
