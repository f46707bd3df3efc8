#!/bin/bash
# Books the coming week's event, stores its settings and lets cron start it.
#
# Run it as often as you like: an event that is stored already is not booked again, and its line
# stands in the crontab once. To have it done for you, let cron run it too, say each Monday:
#
#   0 9 * * 1  DAY=sunday TIME=10:00 ZONE=Europe/Paris INPUT=/srv/service.ts  /usr/local/bin/weekly.sh
#
# carrier-connect needs root, so this is meant for root's crontab.
set -euo pipefail

day=${DAY:-sunday}                   # of the event, and its local time there
time=${TIME:-10:00}
zone=${ZONE:-$(cat /etc/timezone 2>/dev/null || echo Etc/UTC)}
duration=${DURATION:-1h30m}
rate=${RATE:-6M}
title=${TITLE:-Weekly service}
input=${INPUT:?the file or source that push-stream sends, such as /srv/talk.ts}
lead=${LEAD:-5m}                     # cron starts carrier-connect this long before the window

# --- When: the next such day whose time is still to come -------------------------------------------
# The calendar only: which instant that is, resv-request says. It refuses a time that a change of
# clocks makes absent or double that day.
clock=$(date -u -d "$time" +%H:%M)
date=$(TZ=$zone date -d "$day 12:00" +%F)
if [[ "$date $clock" < $(TZ=$zone date -d '1 minute' '+%F %H:%M') ]]; then
    date=$(date -u -d "$date 7 days" +%F)
fi
wanted=(--duration "$duration" --rate "$rate" --title "$title")
start=$(resv-request book --dry-run --start "$date $clock" --zone "$zone" "${wanted[@]}" | jq -r .body.start)

# --- The reservation: the one in the vault, or a new one -------------------------------------------
stored() {
    resv-store list | jq -r --arg start "$start" --arg title "$title" \
        'select(.start == $start and .title == $title) | .reservation' | head -n 1
}
id=$(stored)
if [ -z "$id" ]; then
    resv-request book --start "$start" "${wanted[@]}" | resv-store add >/dev/null
    id=$(stored)
fi
[ -n "$id" ] || { echo 'weekly.sh: error: the booking is not in the vault' >&2; exit 70; }

# --- Its line in the crontab -----------------------------------------------------------------------
line=$(resv-store schedule "$id" --as cron --input "$input" --lead "$lead")

# Only "no crontab" means an empty one: on any other failure the user's lines must not be lost.
table=$(LC_ALL=C crontab -l 2>&1) || case $table in
    'no crontab for '*) table= ;;
    *) echo "weekly.sh: error: crontab -l: $table" >&2; exit 74 ;;
esac

# Everything but this event's line, which may have changed, and those of events that are gone.
other_lines() {
    local entry event
    while IFS= read -r entry; do
        event=${entry##*'# slotcast '}
        if [ "$event" != "$entry" ]; then
            [ "$event" != "$id" ] || continue
            resv-store --quiet get "$event" >/dev/null 2>&1 || continue
        fi
        printf '%s\n' "$entry"
    done
}
resv-store prune >/dev/null
{
    [ -z "$table" ] || other_lines <<<"$table"
    printf '%s\n' "$line"
} | crontab -
echo "$start $id"
