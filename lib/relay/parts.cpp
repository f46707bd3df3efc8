#include "relay/parts.hpp"

#include "relay/segmenter.hpp"

#include <algorithm>

namespace relay {

namespace {

constexpr std::int64_t k_max_step = 10 * k_ticks_per_second; // a larger one is a jump
constexpr std::int64_t k_least_ticks = 90;                   // so that no duration reads 0.000
// RFC 8216bis, EXT-X-PART-INF: all parts but the last reach 85 % of the target.
constexpr std::int64_t k_least_whole = Parts::k_target_ticks * 85 / 100;

} // namespace

void Parts::open(std::int64_t sequence, std::int64_t begin, bool independent) {
    m_open = Open{.sequence = sequence, .begin = begin, .independent = independent};
    m_cut = -1;
}

void Parts::unit(std::int64_t position, std::int64_t dts_90k, std::int64_t received_us) {
    if (!m_open || position < m_open->begin || (m_open->last && position <= m_open->last->position))
        return;
    if (!m_open->last) {
        m_open->last = Unit{.position = position, .dts_90k = dts_90k, .received_us = received_us};
        return;
    }
    const Unit &last = *m_open->last;
    std::int64_t step = ((dts_90k - last.dts_90k) % k_pts_wrap + k_pts_wrap) % k_pts_wrap;
    if (step > k_max_step)
        step = std::clamp<std::int64_t>((received_us - last.received_us) * 9 / 100, 0, k_max_step);
    const Unit next{.position = position,
                    .dts_90k = dts_90k,
                    .received_us = received_us,
                    .ticks = last.ticks + step,
                    .step = step};
    const bool at_cut = m_cut > last.position && m_cut <= position;
    const std::int64_t boundary = at_cut ? m_cut : position;
    const std::int64_t filled = next.ticks - m_open->ticks;
    const bool another_fits = filled + step <= k_target_ticks;
    m_open->last = next;
    if (another_fits && (!at_cut || filled < k_least_whole))
        return;
    finish(boundary, filled);
    m_open->begin = boundary;
    m_open->ticks = next.ticks;
    m_open->independent = at_cut;
}

void Parts::finish(std::int64_t end, std::int64_t ticks) {
    ticks = std::max(ticks, k_least_ticks);
    m_target = std::max(m_target, ticks);
    m_parts.push_back({.sequence = m_open->sequence,
                       .index = m_open->index++,
                       .begin = m_open->begin,
                       .end = end,
                       .ticks = ticks,
                       .independent = m_open->independent});
}

void Parts::close(std::int64_t end, std::int64_t ticks) {
    if (m_open && end > m_open->begin)
        finish(end, ticks - m_open->ticks);
    m_open.reset();
}

void Parts::forget_before(std::int64_t sequence) {
    while (!m_parts.empty() && m_parts.front().sequence < sequence)
        m_parts.pop_front();
}

std::int64_t Parts::open_ticks() const {
    return m_open && m_open->last ? m_open->last->ticks + m_open->last->step : 0;
}

} // namespace relay
