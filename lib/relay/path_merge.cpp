#include "relay/path_merge.hpp"

#include <algorithm>

namespace relay {

namespace {

constexpr std::size_t k_recent = 256;    // runs: those of half a second, with losses
constexpr std::size_t k_max_marks = 512; // of a kind that wait: more of them are an attack

} // namespace

// RFC 3550, appendix A.1: the number nearest to what is awaited.
std::int64_t PathMerge::extended(std::int64_t sequence, base::SteadyTime now) {
    if (!m_next)
        m_next = sequence;
    const auto ahead = static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - *m_next));
    if (ahead >= 0 || m_shown_at == base::SteadyTime{} || now - m_shown_at < k_begin_anew)
        return *m_next + ahead;
    m_held.clear();
    m_cuts.found.clear();
    m_units.found.clear();
    for (auto &[number, path] : m_paths)
        path = {};
    m_next = *m_next + 65536 + ahead; // ahead of all numbers that are known
    return *m_next;
}

void PathMerge::note(Marks &marks, const Path &path, std::int64_t position, std::int64_t stamp) {
    const auto after = std::ranges::upper_bound(path.recent, position, {}, &Run::position);
    if (after == path.recent.begin())
        return; // forgotten
    const Run &run = *std::prev(after);
    const std::int64_t inside = position - run.position;
    if (inside >= (run.end - run.first) * run.payload)
        return;
    marks.found.emplace(Place{run.first + inside / run.payload, inside % run.payload}, stamp);
    if (marks.found.size() > k_max_marks)
        marks.found.erase(marks.found.begin());
}

std::vector<PathMerge::Piece> PathMerge::add(unsigned path, const PartReady &part,
                                             base::SteadyTime now) {
    std::int64_t offset = part.offset;
    std::int64_t position = part.position;
    for (const wire::IngestRun &came : part.runs) {
        Run run{.first = extended(came.sequence, now),
                .payload = came.packets * k_packet,
                .position = position};
        run.end = run.first + came.count;
        Path &from = m_paths[path];
        from.delivered = now;
        from.passed = std::max(from.passed, run.end);
        from.recent.push_back(run);
        if (from.recent.size() > k_recent)
            from.recent.pop_front();
        m_held.emplace(run.first, Held{.run = run,
                                       .extent = part.extent,
                                       .offset = offset,
                                       .received_us = part.received_us,
                                       .since = now});
        offset += came.count * run.payload;
        position += came.count * run.payload;
    }
    for (const StreamCut &cut : part.cuts)
        note(m_cuts, m_paths[path], cut.position, cut.pts_90k);
    for (const StreamUnit &unit : part.units)
        note(m_units, m_paths[path], unit.position, unit.dts_90k);
    return release(now);
}

// Whether what is missing before @p next will not come: every path that delivers is past it, or it
// was waited for long enough.
bool PathMerge::is_lost(const Held &next, base::SteadyTime now) const {
    if (now - next.since >= k_window || m_held.size() > k_max_held)
        return true;
    return std::ranges::none_of(m_paths, [&](const auto &item) {
        const Path &path = item.second;
        return path.passed < next.run.first && now - path.delivered < k_window;
    });
}

// Both paths tell of the same places, and one path of those that the other missed.
template <typename Take> void PathMerge::show(Marks &marks, Take take) {
    while (!marks.found.empty() && marks.found.begin()->first.first < *m_next) {
        const auto [place, stamp] = *marks.found.begin();
        marks.found.erase(marks.found.begin());
        const auto after = std::ranges::upper_bound(m_shown, place.first, {}, &Run::first);
        if (after == m_shown.begin() || place.first >= std::prev(after)->end)
            continue; // of a payload that was given up, or long ago
        const Run &run = *std::prev(after);
        if (place.second >= run.payload)
            continue; // the paths do not say the same: whoever sends that has no such place
        const std::int64_t position =
            run.position + (place.first - run.first) * run.payload + place.second;
        if (position <= marks.last)
            continue;
        marks.last = position;
        take(position, stamp);
    }
}

std::vector<PathMerge::Piece> PathMerge::release(base::SteadyTime now) {
    std::vector<Piece> out;
    while (!m_held.empty()) {
        const auto held = m_held.begin();
        const Run &run = held->second.run;
        if (run.first > *m_next) {
            if (!is_lost(held->second, now))
                break;
            m_lost += run.first - *m_next;
            m_next = run.first;
        }
        m_twice += std::min(run.end, *m_next) - run.first;
        if (run.end > *m_next)
            show(held->second, out, now);
        m_held.erase(held);
    }
    if (out.empty())
        return out;
    Piece &last = out.back();
    show(m_cuts, [&last](std::int64_t position, std::int64_t pts) {
        last.cuts.push_back({.position = position, .pts_90k = pts});
    });
    show(m_units, [&last](std::int64_t position, std::int64_t dts) {
        last.units.push_back({.position = position, .dts_90k = dts});
    });
    return out;
}

void PathMerge::show(const Held &held, std::vector<Piece> &out, base::SteadyTime now) {
    const Run &run = held.run;
    const std::int64_t offset = held.offset + (*m_next - run.first) * run.payload;
    const std::int64_t bytes = (run.end - *m_next) * run.payload;
    m_received_us = std::max(m_received_us, held.received_us);
    if (!out.empty() && out.back().extent == held.extent &&
        out.back().offset + out.back().bytes == offset)
        out.back().bytes += bytes;
    else
        out.push_back({.extent = held.extent,
                       .offset = offset,
                       .bytes = bytes,
                       .received_us = m_received_us,
                       .cuts = {},
                       .units = {}});
    if (!m_shown.empty() && m_shown.back().end == *m_next && m_shown.back().payload == run.payload)
        m_shown.back().end = run.end;
    else
        m_shown.push_back(
            {.first = *m_next, .end = run.end, .payload = run.payload, .position = m_position});
    if (m_shown.size() > k_recent)
        m_shown.pop_front();
    m_position += bytes;
    m_next = run.end;
    m_shown_at = now;
}

} // namespace relay
