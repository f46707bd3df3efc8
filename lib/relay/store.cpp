#include "relay/store.hpp"

#include "relay/playlist.hpp"

#include <algorithm>
#include <utility>

namespace relay {

namespace {

constexpr std::size_t k_marks = 64; // parts, 20 ms each: longer than a viewer that keeps up needs
constexpr std::int64_t k_max_pending = std::int64_t{32} << 20;
// Each holds a descriptor: the extents of a full store, and as many again for streams that were
// cut.
constexpr std::size_t k_spare_slices = 64;

std::size_t most_slices(std::int64_t max_bytes) {
    return k_spare_slices + 2 * static_cast<std::size_t>(max_bytes / Extent::k_bytes);
}

void extend(std::deque<Slice> &row, const ExtentPtr &extent, std::int64_t offset,
            std::int64_t begin, std::int64_t bytes) {
    if (!row.empty() && row.back().extent == extent && row.back().end == begin &&
        row.back().offset + (row.back().end - row.back().begin) == offset) {
        row.back().end += bytes;
        return;
    }
    row.push_back({.extent = extent, .offset = offset, .begin = begin, .end = begin + bytes});
}

} // namespace

const Slice *Snapshot::find(std::int64_t position) const {
    const auto it = std::ranges::upper_bound(slices, position, {}, &Slice::end);
    return it == slices.end() || position < it->begin ? nullptr : &*it;
}

Store::Store(Options options)
    : m_options(std::move(options)), m_segmenter(m_options.segments),
      m_segments(std::make_shared<const std::vector<Segment>>()),
      m_parts(std::make_shared<const std::vector<Part>>()) {
    if (!m_options.recording)
        return;
    m_segmenter.resume(m_options.recording->segments());
    m_next_recorded = m_segmenter.next_sequence();
    if (!m_segmenter.segments().empty())
        m_memory_begin = m_end = m_segmenter.segments().back().end;
    rebuild();
}

// The segments that are finished since the last time.
void Store::record() {
    if (!m_options.recording)
        return;
    for (const Segment &s : m_segmenter.segments()) {
        if (s.sequence < m_next_recorded || s.gap)
            continue;
        Segment named = s;
        named.tag = m_options.tag;
        m_options.spool->write(m_options.recording, named, slices_of(m_slices, s.begin, s.end));
    }
    m_next_recorded = m_segmenter.next_sequence();
    if (std::exchange(m_lost, m_options.recording->lost()) == m_lost)
        return;
    std::vector<std::int64_t> lost; // that memory has not got either
    for (const Segment &s : m_segmenter.segments())
        if (s.end <= m_memory_begin && m_options.recording->is_lost(s.sequence))
            lost.push_back(s.sequence);
    for (const std::int64_t sequence : lost)
        m_segmenter.lose(sequence);
}

void Store::begin_stream(std::int64_t position) {
    end_stream();
    m_stream_end = position;
    m_streaming = true;
    m_segmenter.begin_stream();
}

void Store::end_stream() {
    if (m_joined)
        m_segmenter.end_stream(m_end);
    record();
    m_streaming = false;
    m_joined = false;
    m_stream_end = 0;
    m_pending.clear();
    rebuild();
}

void Store::end() {
    end_stream();
    m_ended = true;
    if (m_options.recording)
        m_options.spool->close(m_options.recording, true);
    rebuild();
}

void Store::close() {
    if (m_ended || !m_options.recording)
        return;
    end_stream();
    m_options.spool->close(m_options.recording, false);
}

bool Store::is_recorded() const {
    if (!m_ended || !m_options.recording)
        return false;
    for (const Segment &s : m_segmenter.segments())
        if (s.end > m_memory_begin && !m_options.recording->has(s.sequence))
            return false;
    return true;
}

void Store::list_all() {
    m_all = true;
    rebuild();
}

void Store::drop_all() {
    if (m_options.recording && !m_options.recording->empty()) {
        while (drop_front()) {
        }
        m_slices.clear();
        return list_all();
    }
    while (!m_segmenter.segments().empty())
        m_segmenter.drop_front();
    m_segments = std::make_shared<const std::vector<Segment>>();
    m_parts = std::make_shared<const std::vector<Part>>();
    m_playlist.reset();
    m_low_latency.reset();
    m_delta.reset();
    m_slices.clear();
    m_marks.clear();
    m_newest_cut = -1;
}

void Store::keep_at_most(std::int64_t bytes) {
    if (m_ended && bytes == 0)
        return drop_all();
    for (const Segment *first = nullptr; bytes_kept() > bytes &&
                                         (first = first_kept()) != nullptr &&
                                         m_segmenter.can_spare_before(first->end);)
        drop_front();
    rebuild();
}

void Store::add_pending(const ExtentPtr &extent, std::int64_t offset, std::int64_t bytes) {
    extend(m_pending, extent, offset, m_stream_end, bytes);
    while (m_pending.size() > 1 && m_stream_end - m_pending.front().begin > k_max_pending)
        m_pending.pop_front();
}

// The stream's first cut: what came since then takes its place at the end of the row.
void Store::join(std::int64_t cut) {
    while (!m_pending.empty() && m_pending.front().end <= cut)
        m_pending.pop_front();
    if (m_pending.empty() || cut < m_pending.front().begin)
        return; // the cut's own bytes are gone already: wait for the next one
    m_joined = true;
    m_shift = m_end - cut;
    for (Slice &s : m_pending) {
        const std::int64_t skip = std::max<std::int64_t>(0, cut - s.begin);
        m_slices.push_back({.extent = s.extent,
                            .offset = s.offset + skip,
                            .begin = s.begin + skip + m_shift,
                            .end = s.end + m_shift});
    }
    m_end = m_slices.back().end;
    m_pending.clear();
}

void Store::cut(const StreamCut &cut, std::int64_t received_us) {
    if (!m_joined)
        join(cut.position);
    if (!m_joined || cut.position + m_shift < m_slices.front().begin)
        return;
    m_newest_cut = std::max(m_newest_cut, cut.position + m_shift);
    m_segmenter.cut(cut.position + m_shift, cut.pts_90k, received_us);
}

void Store::append(const ExtentPtr &extent, std::int64_t offset, std::int64_t bytes,
                   std::int64_t received_us, const std::vector<StreamCut> &cuts,
                   const std::vector<StreamUnit> &units) {
    if (!m_streaming || m_ended)
        return;
    if (m_joined) {
        extend(m_slices, extent, offset, m_end, bytes);
        m_marks.push_back({.begin = m_end, .received_us = received_us});
        if (m_marks.size() > k_marks)
            m_marks.pop_front();
        m_end += bytes;
    } else {
        add_pending(extent, offset, bytes);
    }
    m_stream_end += bytes;
    auto next = cuts.begin();
    for (const StreamUnit &unit : units) {
        while (next != cuts.end() && next->position <= unit.position)
            cut(*next++, received_us);
        if (m_joined)
            m_segmenter.unit(unit.position + m_shift, unit.dts_90k, received_us);
    }
    while (next != cuts.end())
        cut(*next++, received_us);
    if (m_joined)
        m_segmenter.data(m_end, received_us);
    record();
    drop_old();
    rebuild();
}

std::int64_t Store::bytes_kept() const {
    return m_slices.empty() ? 0 : m_end - m_slices.front().begin;
}

std::int64_t Store::oldest() const {
    if (const Segment *first = first_kept())
        return std::max(first->begin, m_memory_begin);
    return m_segmenter.open_begin().value_or(m_end);
}

void Store::drop_unused() {
    while (m_slices.size() > 1 && m_slices.front().end <= oldest())
        m_slices.pop_front();
}

const Segment *Store::first_kept() const {
    for (const Segment &s : m_segmenter.segments())
        if (s.end > m_memory_begin && s.end > s.begin)
            return &s;
    return nullptr;
}

// The media of the oldest segment that is in memory goes. When it is, or may yet be, in the files
// it stays where it is listed.
bool Store::drop_front() {
    const Segment *const first = first_kept();
    if (first == nullptr)
        return false;
    if (!m_options.recording) {
        m_segmenter.drop_front();
    } else {
        m_memory_begin = first->end;
        if (m_options.recording->is_lost(first->sequence))
            m_segmenter.lose(first->sequence);
    }
    drop_unused();
    return true;
}

void Store::drop_old() {
    if (m_slices.empty())
        return;
    // A publisher without cuts or far over its rate does not get more memory than others.
    if (m_end - m_segmenter.open_begin().value_or(m_end) > m_options.max_bytes / 2) {
        m_segmenter.split(m_end);
        record();
    }
    drop_unused();
    const std::size_t most = most_slices(m_options.max_bytes);
    while ((m_end - oldest() > m_options.max_bytes || m_slices.size() > most) && drop_front()) {
    }
}

std::vector<Segment> Store::listed() const {
    const auto &all = m_segmenter.segments();
    const auto first = all.end() - static_cast<std::ptrdiff_t>(m_segmenter.listed());
    if (!m_all || !m_options.recording)
        return {first, all.end()};
    std::vector<Segment> out;
    for (Segment &s : m_options.recording->segments())
        out.push_back(std::move(s));
    // What is in memory only is listed while it is there.
    for (Segment &s : out) {
        const auto kept = std::ranges::find(all, s.sequence, &Segment::sequence);
        if (s.gap && kept != all.end() && !kept->gap && kept->end > m_memory_begin)
            s = *kept;
    }
    return out;
}

Store::Built Store::state() const {
    const auto &all = m_segmenter.segments();
    const auto first = all.end() - static_cast<std::ptrdiff_t>(m_segmenter.listed());
    return {.first = first == all.end() ? -1 : first->sequence,
            .next = m_segmenter.next_sequence(),
            .part = -1,
            .gaps = std::count_if(first, all.end(), [](const Segment &s) { return s.gap; }),
            .ended = m_ended,
            .all = m_all};
}

void Store::rebuild() {
    Built now = state();
    const bool changed = std::exchange(m_built, now) != now;
    now.part = m_segmenter.parts().open_count();
    const bool parts_changed = std::exchange(m_built_parts, now) != now;
    if (!changed && !parts_changed)
        return;
    const std::vector<Segment> segments = listed();
    const Listing listing{.segments = segments,
                          .target_s = m_segmenter.target_s(),
                          .tag = m_options.tag,
                          .ended = m_ended,
                          .on_demand = m_ended && (m_all || !m_options.recording)};
    const auto document = [](std::string text) {
        return text.empty() ? nullptr : std::make_shared<const Document>(std::move(text));
    };
    if (changed) {
        const auto &all = m_segmenter.segments();
        m_segments = std::make_shared<const std::vector<Segment>>(all.begin(), all.end());
        if (auto fresh = document(make_playlist(listing)))
            m_playlist = std::move(fresh);
    }
    const auto &all = m_segmenter.parts().all();
    m_parts = std::make_shared<const std::vector<Part>>(all.begin(), all.end());
    m_low_latency = document(make_low_latency_playlist(listing, m_segmenter, false));
    m_delta = m_ended ? nullptr : document(make_low_latency_playlist(listing, m_segmenter, true));
}

SnapshotPtr Store::snapshot() const {
    auto out = std::make_shared<Snapshot>();
    out->slices.assign(m_slices.begin(), m_slices.end());
    out->marks.assign(m_marks.begin(), m_marks.end());
    out->segments = m_segments;
    out->parts = m_parts;
    out->playlist = m_playlist;
    out->low_latency = m_low_latency;
    out->delta = m_delta;
    out->target_s = m_segmenter.target_s();
    out->next_sequence = m_segmenter.next_sequence();
    out->next_part = m_segmenter.parts().open_count();
    out->newest_cut = m_newest_cut;
    out->ended = m_ended;
    const auto &all = m_segmenter.segments();
    const std::size_t listed = m_segmenter.listed();
    if (listed > 0)
        out->window_begin = std::max(all[all.size() - listed].begin, m_memory_begin);
    else
        out->window_begin = m_slices.empty() ? 0 : m_slices.front().begin;
    return out;
}

} // namespace relay
