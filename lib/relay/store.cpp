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
      m_parts(std::make_shared<const std::vector<Part>>()) {}

void Store::begin_stream(std::int64_t position) {
    end_stream();
    m_stream_end = position;
    m_streaming = true;
    m_segmenter.begin_stream();
}

void Store::end_stream() {
    if (m_joined)
        m_segmenter.end_stream(m_end);
    m_streaming = false;
    m_joined = false;
    m_stream_end = 0;
    m_pending.clear();
    rebuild();
}

void Store::end() {
    end_stream();
    m_ended = true;
    rebuild();
}

void Store::drop_all() {
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
    while (bytes_kept() > bytes && m_segmenter.can_spare_front())
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
    drop_old();
    rebuild();
}

std::int64_t Store::bytes_kept() const {
    return m_slices.empty() ? 0 : m_end - m_slices.front().begin;
}

std::int64_t Store::oldest() const {
    if (!m_segmenter.segments().empty())
        return m_segmenter.segments().front().begin;
    return m_segmenter.open_begin().value_or(m_end);
}

void Store::drop_unused() {
    while (m_slices.size() > 1 && m_slices.front().end <= oldest())
        m_slices.pop_front();
}

void Store::drop_front() {
    m_segmenter.drop_front();
    drop_unused();
}

void Store::drop_old() {
    if (m_slices.empty())
        return;
    // A publisher without cuts or far over its rate does not get more memory than others.
    if (m_end - m_segmenter.open_begin().value_or(m_end) > m_options.max_bytes / 2)
        m_segmenter.split(m_end);
    drop_unused();
    const std::size_t most = most_slices(m_options.max_bytes);
    while ((m_end - oldest() > m_options.max_bytes || m_slices.size() > most) &&
           !m_segmenter.segments().empty())
        drop_front();
}

Store::Built Store::state() const {
    const auto &all = m_segmenter.segments();
    const auto first = all.end() - static_cast<std::ptrdiff_t>(m_segmenter.listed());
    return {.first = first == all.end() ? -1 : first->sequence,
            .next = m_segmenter.next_sequence(),
            .part = -1,
            .ended = m_ended};
}

void Store::rebuild() {
    Built now = state();
    if (now != m_built) {
        m_built = now;
        const auto &all = m_segmenter.segments();
        m_segments = std::make_shared<const std::vector<Segment>>(all.begin(), all.end());
        std::string text = make_playlist(m_segmenter, m_options.tag, m_ended);
        if (!text.empty())
            m_playlist = std::make_shared<const Document>(std::move(text));
    }
    now.part = m_segmenter.parts().open_count();
    if (std::exchange(m_built_parts, now) == now)
        return;
    const auto &all = m_segmenter.parts().all();
    m_parts = std::make_shared<const std::vector<Part>>(all.begin(), all.end());
    const auto make = [this](bool skip) {
        std::string text = make_low_latency_playlist(m_segmenter, m_options.tag, m_ended, skip);
        return text.empty() ? nullptr : std::make_shared<const Document>(std::move(text));
    };
    m_low_latency = make(false);
    m_delta = m_ended ? nullptr : make(true);
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
        out->window_begin = all[all.size() - listed].begin;
    else
        out->window_begin = m_slices.empty() ? 0 : m_slices.front().begin;
    return out;
}

} // namespace relay
