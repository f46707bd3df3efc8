#include "relay/path_merge.hpp"

#include <algorithm>

namespace relay {

namespace {

constexpr std::size_t k_recent = 256;   // runs: those of half a second, with losses
constexpr std::size_t k_max_cuts = 512; // that wait: more of them are an attack

} // namespace

// RFC 3550, appendix A.1: the number nearest to what is awaited.
std::int64_t PathMerge::extended(std::int64_t sequence, base::SteadyTime now) {
    if (!m_next)
        m_next = sequence;
    const auto ahead = static_cast<std::int16_t>(static_cast<std::uint16_t>(sequence - *m_next));
    if (ahead >= 0 || m_shown_at == base::SteadyTime{} || now - m_shown_at < k_begin_anew)
        return *m_next + ahead;
    m_held.clear();
    m_cuts.clear();
    for (auto &[number, path] : m_paths)
        path = {};
    m_next = *m_next + 65536 + ahead; // ahead of all numbers that are known
    return *m_next;
}

void PathMerge::note_cuts(const Path &path, const std::vector<StreamCut> &cuts) {
    for (const StreamCut &cut : cuts) {
        const auto after = std::ranges::upper_bound(path.recent, cut.position, {}, &Run::position);
        if (after == path.recent.begin())
            continue; // forgotten
        const Run &run = *std::prev(after);
        const std::int64_t inside = cut.position - run.position;
        if (inside >= (run.end - run.first) * run.payload)
            continue;
        m_cuts.emplace(Place{run.first + inside / run.payload, inside % run.payload}, cut.pts_90k);
        if (m_cuts.size() > k_max_cuts)
            m_cuts.erase(m_cuts.begin());
    }
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
    note_cuts(m_paths[path], part.cuts);
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
    if (!out.empty())
        show_cuts(out.back());
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
                       .cuts = {}});
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

// Both paths tell of the same random-access points, and one path of those that the other missed.
void PathMerge::show_cuts(Piece &last) {
    while (!m_cuts.empty() && m_cuts.begin()->first.first < *m_next) {
        const auto [place, pts] = *m_cuts.begin();
        m_cuts.erase(m_cuts.begin());
        const auto after = std::ranges::upper_bound(m_shown, place.first, {}, &Run::first);
        if (after == m_shown.begin() || place.first >= std::prev(after)->end)
            continue; // of a payload that was given up, or long ago
        const Run &run = *std::prev(after);
        if (place.second >= run.payload)
            continue; // the paths do not say the same: whoever sends that has no such place
        const std::int64_t position =
            run.position + (place.first - run.first) * run.payload + place.second;
        if (position <= m_last_cut)
            continue;
        m_last_cut = position;
        last.cuts.push_back({.position = position, .pts_90k = pts});
    }
}

} // namespace relay
