#include "relay/stream_answers.hpp"

#include "relay/http_rules.hpp"
#include "relay/playlist.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr auto k_early = 10min; // viewers may wait connected from then on
constexpr int k_live_playlist_s = 1;
constexpr int k_ended_playlist_s = 60;
constexpr int k_blocked_playlist_s = 6;
constexpr int k_patience_targets = 3;
constexpr base::Millis k_least_patience = 8s;
constexpr int k_poster_s = 5;
constexpr std::int64_t k_parts_ahead = 9; // RFC 8216bis: 3 s of parts, in parts

std::string_view audience(const Event &event) {
    return event.entry()->disclosure == resv::Disclosure::password ? "private" : "public";
}

Reply live(const EventPtr &event, base::UtcTime now, Viewer viewer) {
    const EntryPtr entry = event->entry();
    if (event->is_over(now))
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens() - k_early)
        return plain_reply(503, "too early", retry_after(entry->window.opens() - k_early - now));
    Reply out{.kind = Reply::Kind::live};
    out.event = event;
    out.viewer = viewer.number;
    out.headers = fmt::format("Content-Type: video/mp2t\r\n{}", k_no_store);
    return out;
}

Reply waiting(const EventPtr &event, const Awaited &awaited) {
    // RFC 8216bis, 6.2.5.2: after three target durations a blocked request may be given up.
    const auto targets = k_patience_targets * event->snapshot()->target_s * 1s;
    return {.kind = Reply::Kind::wait,
            .event = event,
            .awaited = awaited,
            .patience = std::max<base::Millis>(targets, k_least_patience)};
}

Reply listed(const HttpRequest &request, const EventPtr &event, const DocumentPtr &document,
             int seconds) {
    return document_reply(document,
                          fmt::format("Content-Type: application/vnd.apple.mpegurl\r\n"
                                      "Cache-Control: {}, max-age={}\r\n",
                                      audience(*event), seconds),
                          request.accept_encoding, request.if_none_match);
}

// There is no playlist yet.
Reply no_playlist(const EventPtr &event, base::UtcTime now) {
    const EntryPtr entry = event->entry();
    if (event->is_over(now))
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens())
        return plain_reply(503, "no media yet", retry_after(entry->window.opens() - now));
    return waiting(event, {});
}

Reply playlist(const HttpRequest &request, const EventPtr &event, base::UtcTime now) {
    const SnapshotPtr snapshot = event->snapshot();
    if (!snapshot->playlist)
        return no_playlist(event, now);
    return listed(request, event, snapshot->playlist,
                  snapshot->ended ? k_ended_playlist_s : k_live_playlist_s);
}

// What RFC 8216bis, 6.2.5.2, has a server refuse: further ahead than a player can mean.
bool is_too_far(const Awaited &awaited, const Snapshot &snapshot) {
    if (awaited.sequence > snapshot.next_sequence + 1)
        return true;
    const std::int64_t there = awaited.sequence == snapshot.next_sequence ? snapshot.next_part : 0;
    return awaited.sequence >= snapshot.next_sequence && awaited.part > there + k_parts_ahead;
}

Reply low_latency(const HttpRequest &request, const EventPtr &event, base::UtcTime now) {
    const auto directives = parse_directives(request.query);
    if (!directives)
        return plain_reply(400, "not the directives of RFC 8216bis, 6.2.5");
    const SnapshotPtr snapshot = event->snapshot();
    if (!snapshot->low_latency)
        return no_playlist(event, now);
    const Awaited awaited{.sequence = directives->sequence, .part = directives->part};
    if (!snapshot->ended && is_too_far(awaited, *snapshot))
        return plain_reply(400, "that far ahead there will be nothing soon");
    if (!awaited.is_there(*snapshot))
        return waiting(event, awaited);
    // The answer to a question that was never asked before is good for a while.
    const bool fresh = awaited.sequence >= snapshot->next_sequence - 1;
    const int seconds = snapshot->ended ? k_ended_playlist_s
                        : fresh         ? k_blocked_playlist_s
                                        : k_live_playlist_s;
    const bool skip = directives->skip && snapshot->delta;
    return listed(request, event, skip ? snapshot->delta : snapshot->low_latency, seconds);
}

// What of a segment or a part: empty when it is gone meanwhile.
using Media = std::function<std::vector<Slice>(std::int64_t from, std::int64_t to)>;

// A name that never means anything else than these @p size bytes.
Reply immutable(const HttpRequest &request, const EventPtr &event, std::string_view name,
                std::int64_t size, const Media &media) {
    const std::string etag = fmt::format("\"{}\"", name);
    const std::string headers =
        fmt::format("Accept-Ranges: bytes\r\nCache-Control: {}, max-age=31536000, immutable\r\n"
                    "ETag: {}\r\n",
                    audience(*event), etag);
    if (names_etag(request.if_none_match, etag))
        return {.status = 304, .headers = headers};
    // RFC 9110, 13.1.5: a range of something else than the viewer has is of no use to it.
    const bool same = request.if_range.empty() || request.if_range == etag;
    const auto range = same ? parse_range(request.range, size) : std::nullopt;
    if (range && range->first == size)
        return plain_reply(416, "not in this segment",
                           fmt::format("Content-Range: bytes */{}\r\n", size));
    const auto [from, to] = range.value_or(std::pair{std::int64_t{0}, size});
    Reply out{.status = range ? 206 : 200};
    out.media = media(from, to);
    if (out.media.empty())
        return plain_reply(404, "not found");
    out.headers = "Content-Type: video/mp2t\r\n" + headers;
    if (range)
        out.headers += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, to - 1, size);
    ++event->segments_out;
    out.event = event;
    return out;
}

// Of what is in memory.
Media in_memory(const Snapshot &snapshot, std::int64_t begin) {
    return [&snapshot, begin](std::int64_t from, std::int64_t to) {
        return slices_of(snapshot.slices, begin + from, begin + to);
    };
}

Reply not_there(const Snapshot &snapshot) {
    return snapshot.ended ? plain_reply(410, "this event is over") : plain_reply(404, "not found");
}

// From memory as long as it is there, then from the recording: the same bytes.
Reply segment(const HttpRequest &request, const EventPtr &event, std::string_view name) {
    const auto sequence = parse_segment_name(name, event->tag());
    const RecordingPtr &recording = event->recording();
    if (!sequence && !recording)
        return plain_reply(404, "not found");
    const SnapshotPtr snapshot = event->snapshot();
    if (sequence) {
        const auto found = std::ranges::find(*snapshot->segments, *sequence, &Segment::sequence);
        if (found != snapshot->segments->end() && found->tag.empty() &&
            !slices_of(snapshot->slices, found->begin, found->end).empty())
            return immutable(request, event, name, found->end - found->begin,
                             in_memory(*snapshot, found->begin));
    }
    const auto recorded = recording ? recording->find(name) : std::nullopt;
    if (!recorded)
        return sequence ? not_there(*snapshot) : plain_reply(404, "not found");
    return immutable(
        request, event, name, recorded->segment.end - recorded->segment.begin,
        [&](std::int64_t from, std::int64_t to) { return recording->media(*recorded, from, to); });
}

// The one that is hinted at is waited for.
Reply part(const HttpRequest &request, const EventPtr &event, std::string_view name) {
    const auto place = parse_part_name(name, event->tag());
    if (!place)
        return plain_reply(404, "not found");
    const auto [sequence, index] = *place;
    const SnapshotPtr snapshot = event->snapshot();
    const auto found = std::ranges::find_if(*snapshot->parts, [&](const Part &p) {
        return p.sequence == sequence && p.index == index;
    });
    if (found != snapshot->parts->end())
        return immutable(request, event, name, found->end - found->begin,
                         in_memory(*snapshot, found->begin));
    if (!snapshot->ended && snapshot->playlist && sequence == snapshot->next_sequence &&
        index == snapshot->next_part)
        return waiting(event, {.sequence = sequence, .part = index});
    return not_there(*snapshot);
}

// Who asks after a while waits for a new one; the next ones get that until it is old.
Reply poster(const HttpRequest &request, const EventPtr &event) {
    const SnapshotPtr snapshot = event->snapshot();
    const bool has_media = snapshot->newest_cut >= 0 || snapshot->playlist;
    if (!has_media)
        return plain_reply(404, "not found");
    const std::int64_t now_us = monotonic_us();
    event->poster_asked_us = now_us;
    if (!event->poster_is_known(now_us)) {
        Reply out = waiting(event, {.poster = true});
        out.patience = k_least_patience;
        return out;
    }
    const DocumentPtr picture = event->poster();
    if (!picture)
        return plain_reply(404, "not found");
    return document_reply(
        picture,
        fmt::format("Content-Type: image/jpeg\r\nCache-Control: {}, max-age={}\r\n",
                    audience(*event), k_poster_s),
        "", request.if_none_match);
}

// Who watches asks for playlists all along while the event is on air.
bool has_place(const EventPtr &event, base::UtcTime now, Viewer viewer) {
    return event->is_over(now) || now < event->entry()->window.opens() ||
           event->attend(viewer.number, viewer.exempt, monotonic_us());
}

// Of what is over the playlist is asked for once, then media: each needs room on the line, but not
// what takes none of it. What is live is asked for far more often: without a limit it pays for no
// look at the event.
bool has_room(const HttpRequest &request, const Reply &reply, bool is_playlist,
              const EventPtr &event, base::UtcTime now, Viewer viewer, Egress &egress) {
    const bool takes = reply.kind == Reply::Kind::whole && reply.status < 300 &&
                       request.method != "HEAD" && (is_playlist || !reply.media.empty());
    return !takes || !egress.is_limited() || !event->is_over(now) || egress.attend(*event, viewer);
}

} // namespace

Reply stream_answer(const HttpRequest &request, const EventPtr &event, std::string_view name,
                    base::UtcTime now, Viewer viewer, Egress &egress) {
    const bool in_parts = name.substr(0, name.find('-')).contains('.');
    const bool is_playlist = name == "index.m3u8" || name == "ll.m3u8";
    const bool refused = is_playlist && !has_place(event, now, viewer);
    Reply out = refused                ? full_reply()
                : name == "live.ts"    ? live(event, now, viewer)
                : name == "index.m3u8" ? playlist(request, event, now)
                : name == "ll.m3u8"    ? low_latency(request, event, now)
                : name == "poster.jpg" ? poster(request, event)
                : in_parts             ? part(request, event, name)
                                       : segment(request, event, name);
    if (!has_room(request, out, is_playlist, event, now, viewer, egress))
        out = full_reply();
    out.headers += k_any_origin;
    return out;
}

} // namespace relay
