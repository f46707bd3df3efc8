#include "relay/stream_answers.hpp"

#include "relay/http_rules.hpp"
#include "relay/playlist.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace relay {

namespace {

using namespace std::chrono_literals;

constexpr auto k_early = 10min; // viewers may wait connected from then on
constexpr int k_live_playlist_s = 1;
constexpr int k_ended_playlist_s = 60;

// Which bytes of the event's media [begin, end) are; empty when some of them are gone.
std::vector<Slice> slices_of(const Snapshot &snapshot, std::int64_t begin, std::int64_t end) {
    std::vector<Slice> out;
    std::int64_t found = 0;
    for (const Slice &s : snapshot.slices) {
        const std::int64_t from = std::max(s.begin, begin);
        const std::int64_t to = std::min(s.end, end);
        if (from >= to)
            continue;
        found += to - from;
        out.push_back(
            {.extent = s.extent, .offset = s.offset + from - s.begin, .begin = from, .end = to});
    }
    if (found != end - begin)
        out.clear();
    return out;
}

std::string_view audience(const Event &event) {
    return event.entry()->disclosure == resv::Disclosure::password ? "private" : "public";
}

Reply live(const EventPtr &event, base::UtcTime now) {
    const EntryPtr entry = event->entry();
    if (event->snapshot()->ended || now >= entry->window.closes())
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens() - k_early)
        return plain_reply(503, "too early", retry_after(entry->window.opens() - k_early - now));
    Reply out{.kind = Reply::Kind::live};
    out.event = event;
    out.headers = fmt::format("Content-Type: video/mp2t\r\n{}", k_no_store);
    return out;
}

Reply playlist(const HttpRequest &request, const EventPtr &event, base::UtcTime now) {
    const SnapshotPtr snapshot = event->snapshot();
    if (snapshot->playlist)
        return document_reply(snapshot->playlist,
                              fmt::format("Content-Type: application/vnd.apple.mpegurl\r\n"
                                          "Cache-Control: {}, max-age={}\r\n",
                                          audience(*event),
                                          snapshot->ended ? k_ended_playlist_s : k_live_playlist_s),
                              request.accept_encoding, request.if_none_match);
    const EntryPtr entry = event->entry();
    if (snapshot->ended || now >= entry->window.closes())
        return plain_reply(410, "this event is over");
    if (now < entry->window.opens())
        return plain_reply(503, "no media yet", retry_after(entry->window.opens() - now));
    Reply out{.kind = Reply::Kind::playlist};
    out.event = event;
    return out;
}

// Bytes [begin, end) of the media under a name that never means anything else.
Reply immutable(const HttpRequest &request, const EventPtr &event, std::string_view name,
                const Snapshot &snapshot, std::int64_t begin, std::int64_t end) {
    const std::string etag = fmt::format("\"{}\"", name);
    const std::string headers =
        fmt::format("Accept-Ranges: bytes\r\nCache-Control: {}, max-age=31536000, immutable\r\n"
                    "ETag: {}\r\n",
                    audience(*event), etag);
    if (names_etag(request.if_none_match, etag))
        return {.status = 304, .headers = headers};
    const std::int64_t size = end - begin;
    // RFC 9110, 13.1.5: a range of something else than the viewer has is of no use to it.
    const bool same = request.if_range.empty() || request.if_range == etag;
    const auto range = same ? parse_range(request.range, size) : std::nullopt;
    if (range && range->first == size)
        return plain_reply(416, "not in this segment",
                           fmt::format("Content-Range: bytes */{}\r\n", size));
    const auto [from, to] = range.value_or(std::pair{std::int64_t{0}, size});
    Reply out{.status = range ? 206 : 200};
    out.media = slices_of(snapshot, begin + from, begin + to);
    if (out.media.empty()) // dropped meanwhile
        return plain_reply(404, "not found");
    out.headers = "Content-Type: video/mp2t\r\n" + headers;
    if (range)
        out.headers += fmt::format("Content-Range: bytes {}-{}/{}\r\n", from, to - 1, size);
    ++event->segments_out;
    out.event = event;
    return out;
}

Reply segment(const HttpRequest &request, const EventPtr &event, std::string_view name) {
    const auto sequence = parse_segment_name(name, event->tag());
    const SnapshotPtr snapshot = event->snapshot();
    const auto found =
        std::ranges::find(*snapshot->segments, sequence.value_or(-1), &Segment::sequence);
    if (sequence && snapshot->ended && found == snapshot->segments->end())
        return plain_reply(410, "this event is over");
    if (!sequence || found == snapshot->segments->end())
        return plain_reply(404, "not found");
    return immutable(request, event, name, *snapshot, found->begin, found->end);
}

} // namespace

Reply stream_answer(const HttpRequest &request, const EventPtr &event, std::string_view name,
                    base::UtcTime now) {
    Reply out = name == "live.ts"      ? live(event, now)
                : name == "index.m3u8" ? playlist(request, event, now)
                                       : segment(request, event, name);
    out.headers += k_any_origin;
    return out;
}

} // namespace relay
