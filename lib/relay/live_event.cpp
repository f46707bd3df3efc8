#include "relay/live_event.hpp"

#include <algorithm>

namespace relay {

namespace {

using namespace std::chrono_literals;

// The other path of one publisher takes over when the first is this long silent …
constexpr auto k_path_silence = 300ms;
// … and another publisher is let in after this: until then the first one holds its place.
constexpr auto k_publisher_silence = 2s;
// After the end: longer than players with the playlist take to load it again.
constexpr auto k_farewell = 30s;
// A bare ticket's: nobody knows whose it is, so each is a stranger to every other.
constexpr std::string_view k_anonymous = "AAAAAAAAAAA";

} // namespace

std::string_view name(LiveEvent::News news) {
    switch (news) {
    case LiveEvent::News::first_media:
        return "first_media";
    case LiveEvent::News::lost:
        return "lost";
    case LiveEvent::News::back:
        return "back";
    case LiveEvent::News::ended:
        return "ended";
    }
    return "";
}

LiveEvent::LiveEvent(const wire::FeedEntry &entry, Store::Options options)
    : m_store(std::move(options)),
      m_event(std::make_shared<Event>(entry, m_store.tag(), m_store.recording())) {
    resume();
}

// Of an earlier life of this relay, what is on disk.
void LiveEvent::resume() {
    const RecordingPtr &recording = m_store.recording();
    if (!recording || recording->empty())
        return;
    m_had_media = true;
    m_silent = true;
    m_end_told = recording->was_ended();
    m_event->bytes_in = recording->bytes();
    publish();
}

std::vector<LiveEvent::Closing> LiveEvent::opened(const StreamKey &key, const StreamOpened &what,
                                                  base::SteadyTime now) {
    std::vector<Closing> replaced;
    for (const auto &[other, source] : m_sources) {
        if (other.carrier == key.carrier)
            continue; // its child has judged
        const bool same = what.instance != k_anonymous && source.instance == what.instance;
        if (same && source.path != what.path)
            continue; // the other path of the same publisher
        const bool silent = now - source.delivered >= k_publisher_silence;
        if (!same && !silent && what.generation <= source.generation)
            return {{.key = key, .reason = "busy"}};
        replaced.push_back({.key = other, .reason = "replaced"});
    }
    for (const Closing &old : replaced)
        closed(old.key);
    m_sources[key] = {.instance = what.instance,
                      .path = what.path,
                      .generation = what.generation,
                      .delivered = now};
    return replaced;
}

void LiveEvent::show(std::int64_t position) {
    if (m_had_media)
        ++m_event->gaps;
    m_store.begin_stream(position);
    m_shown.reset();
    m_merged.reset();
}

bool LiveEvent::another_delivers(base::SteadyTime now) const {
    return (m_shown || m_merged) && now - m_last_part < k_path_silence;
}

void LiveEvent::part(const StreamKey &key, const PartReady &part, base::SteadyTime now) {
    const auto source = m_sources.find(key);
    if (source == m_sources.end() || ended())
        return;
    source->second.delivered = now;
    source->second.numbered = !part.runs.empty();
    if (source->second.numbered)
        return merge(source->second, part, now);
    if (m_shown != key) {
        if (another_delivers(now))
            return;
        show(part.position);
        m_shown = key;
    }
    append({.extent = part.extent,
            .offset = part.offset,
            .bytes = part.bytes,
            .received_us = part.received_us,
            .cuts = part.cuts,
            .units = part.units});
    appended(now);
}

// The paths of one publisher are one stream, however many of them there are.
void LiveEvent::merge(const Source &source, const PartReady &part, base::SteadyTime now) {
    if (m_merged != source.instance) {
        if (another_delivers(now))
            return;
        show(0);
        m_merged = source.instance;
        m_merge = {};
    }
    append(m_merge.add(source.path, part, now), now);
}

void LiveEvent::append(const std::vector<PathMerge::Piece> &pieces, base::SteadyTime now) {
    if (pieces.empty())
        return;
    for (const PathMerge::Piece &piece : pieces)
        append(piece);
    appended(now);
    m_event->payloads_lost = m_payloads_lost + m_merge.lost();
}

void LiveEvent::append(const PathMerge::Piece &piece) {
    m_event->bytes_in.fetch_add(piece.bytes, std::memory_order_relaxed);
    m_store.append(piece.extent, piece.offset, piece.bytes, piece.received_us, piece.cuts,
                   piece.units);
}

void LiveEvent::appended(base::SteadyTime now) {
    m_last_part = now;
    if (m_store.empty())
        return; // no cut yet: nothing that a viewer could begin with
    m_event->live = true;
    if (!std::exchange(m_had_media, true))
        m_news.push_back(News::first_media);
    else if (m_silent)
        m_news.push_back(News::back);
    m_silent = false;
    publish();
}

void LiveEvent::closed(const StreamKey &key) {
    const auto source = m_sources.extract(key);
    tell_paths();
    if (source && source.mapped().numbered)
        return leave(source.mapped());
    if (m_shown != key)
        return;
    m_store.end_stream();
    m_shown.reset();
    publish();
}

void LiveEvent::stats(const StreamKey &key, const wire::IngestStats &numbers) {
    if (const auto source = m_sources.find(key); source != m_sources.end())
        source->second.numbers = numbers;
    tell_paths();
}

void LiveEvent::tell_paths() {
    std::vector<PathNumbers> out;
    out.reserve(m_sources.size());
    for (const auto &[key, source] : m_sources)
        out.push_back({.carrier = key.carrier,
                       .path = source.path,
                       .rate_bps = source.numbers.rate_bps,
                       .rtt_us = source.numbers.rtt_us,
                       .lost_packets = source.numbers.lost_packets,
                       .dropped_packets = source.numbers.dropped_packets});
    m_event->set_paths(std::move(out));
}

// The stream ends with its last path.
void LiveEvent::leave(const Source &source) {
    if (m_merged != source.instance)
        return;
    m_merge.leave(source.path);
    if (std::ranges::any_of(m_sources, [&](const auto &item) {
            return item.second.numbered && item.second.instance == source.instance;
        }))
        return;
    m_store.end_stream();
    m_merged.reset();
    m_payloads_lost += m_merge.lost();
    m_merge = {};
    publish();
}

void LiveEvent::keep_at_most(std::int64_t bytes) {
    m_store.keep_at_most(bytes);
    publish();
}

void LiveEvent::publish() {
    m_event->bytes_kept = m_store.bytes_kept();
    m_event->publish(m_store.snapshot());
}

void LiveEvent::tick(base::SteadyTime now) {
    if (ended()) {
        // Who followed the playlist has its end by now: the recording can be listed from its begin.
        m_ended_at = m_ended_at.value_or(now);
        if (bytes_kept() > 0 && now - *m_ended_at >= k_farewell && m_store.is_recorded())
            keep_at_most(0);
        return;
    }
    if (m_merged)
        append(m_merge.tick(now), now);
    if (m_had_media && !m_silent && now - m_last_part >= k_publisher_silence) {
        m_silent = true;
        m_event->live = false;
        m_news.push_back(News::lost);
    }
}

void LiveEvent::end(bool withdrawn) {
    if (withdrawn)
        m_event->withdrawn = true;
    if (ended())
        return;
    const bool followed = !m_store.empty();
    m_store.end();
    if (!followed)
        m_store.list_all();
    m_shown.reset();
    m_merged.reset();
    m_event->live = false;
    if (m_had_media && !std::exchange(m_end_told, true))
        m_news.push_back(News::ended);
    publish();
}

void LiveEvent::reopen(const wire::FeedEntry &entry, Store::Options options) {
    m_store = Store{std::move(options)};
    m_event = std::make_shared<Event>(entry, m_store.tag(), m_store.recording());
    m_silent = m_had_media; // what comes is told as "back"
    m_ended_at.reset();
    resume();
    m_end_told = false;
}

} // namespace relay
