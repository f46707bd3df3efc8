#include "relay/segmenter.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace relay {

namespace {

// A step larger than this between two cuts is a jump of the time stamps, not a long group.
constexpr std::int64_t k_max_step = 60 * k_ticks_per_second;
// Key frames every 2.000 s come as 1.98 s when frames are dropped: do not wait for twice that.
constexpr std::int64_t k_tolerance = k_ticks_per_second / 10;
// RFC 8216 4.3.3.1: a duration, rounded to the nearest second, must not exceed the target.
constexpr std::int64_t k_round_up = k_ticks_per_second * 4 / 10;
constexpr std::int64_t k_least_target_s = 4;
constexpr std::int64_t k_longest_first_s = 12;
constexpr std::int64_t k_window_targets = 3; // RFC 8216 6.2.2

std::int64_t rounded_s(std::int64_t ticks) {
    return (ticks + k_ticks_per_second / 2) / k_ticks_per_second;
}

} // namespace

Segmenter::Segmenter(Options options)
    : m_options(std::move(options)), m_next(m_options.first_sequence) {
    m_discontinuities = m_options.first_sequence; // rises over restarts too
}

void Segmenter::resume(std::deque<Segment> former) {
    m_segments = std::move(former);
    if (m_segments.empty())
        return;
    const Segment &last = m_segments.back();
    m_next = last.sequence + 1;
    m_discontinuities = last.discontinuities_before + (last.discontinuity ? 1 : 0);
    m_any_stream = true;
    m_target_s = k_least_target_s;
    for (const Segment &s : m_segments)
        m_target_s = std::max(m_target_s, rounded_s(s.ticks));
    forget_old();
}

std::optional<std::int64_t> Segmenter::open_begin() const {
    return m_open ? std::optional{m_open->begin} : std::nullopt;
}

void Segmenter::begin_stream() {
    m_pending_discontinuity = m_any_stream;
    m_any_stream = true;
    m_last_pts.reset();
}

std::int64_t Segmenter::clock_at(std::int64_t received_us) const {
    const std::int64_t us = std::max<std::int64_t>(0, received_us - m_cut_received_us);
    return m_cut_ticks + us * 9 / 100;
}

void Segmenter::cut(std::int64_t position, std::int64_t pts_90k, std::int64_t received_us) {
    m_last_received_us = std::max(m_last_received_us, received_us);
    std::int64_t now = clock_at(received_us);
    bool jump = false;
    if (m_last_pts) {
        const std::int64_t step = ((pts_90k - *m_last_pts) % k_pts_wrap + k_pts_wrap) % k_pts_wrap;
        jump = step > k_max_step; // forward by far, or backward
        if (!jump)
            now = m_cut_ticks + step;
    }
    m_last_pts = pts_90k;
    m_cut_ticks = now;
    m_cut_received_us = received_us;
    if (m_open && position <= m_open->begin)
        return;
    if (m_open && (jump || now - m_open->ticks >= m_options.target_ticks - k_tolerance))
        finish(position, now);
    if (m_open)
        m_parts.cut(position);
    else
        begin(position, now, true, std::exchange(m_pending_discontinuity, false) || jump);
}

void Segmenter::begin(std::int64_t position, std::int64_t ticks, bool at_cut, bool discontinuity) {
    m_open = Open{.begin = position, .ticks = ticks, .discontinuity = discontinuity};
    if (m_options.utc_ms && (!m_dated || discontinuity))
        m_dated = {ticks, m_options.utc_ms(m_last_received_us)};
    if (m_dated)
        m_open->utc_ms = m_dated->second + (ticks - m_dated->first) / 90;
    m_parts.open(m_next, position, at_cut);
}

void Segmenter::data(std::int64_t end, std::int64_t received_us) {
    m_last_received_us = std::max(m_last_received_us, received_us);
    if (!m_open || end <= m_open->begin)
        return;
    const std::int64_t longest =
        (m_target_s == 0 ? k_longest_first_s : m_target_s) * k_ticks_per_second + k_round_up;
    if (clock_at(received_us) - m_open->ticks >= longest)
        split(end);
}

void Segmenter::split(std::int64_t end) {
    if (!m_open || end <= m_open->begin)
        return;
    const std::int64_t now = clock_at(m_last_received_us);
    finish(end, now);
    begin(end, now, false, false);
}

void Segmenter::end_stream(std::int64_t end) {
    // Time stamps say how long the last pictures are; when they came does not.
    if (m_open && end > m_open->begin)
        finish(end, std::max(clock_at(m_last_received_us), m_open->ticks + m_parts.open_ticks()));
    m_open.reset();
    m_parts.close(end, 0);
    m_last_pts.reset();
}

void Segmenter::finish(std::int64_t end, std::int64_t ticks) {
    Segment done{.sequence = m_next++,
                 .begin = m_open->begin,
                 .end = end,
                 .ticks = std::max<std::int64_t>(ticks - m_open->ticks, 1),
                 .discontinuity = m_open->discontinuity,
                 .discontinuities_before = m_discontinuities,
                 .utc_ms = m_open->utc_ms};
    m_discontinuities += done.discontinuity ? 1 : 0;
    const std::int64_t whole = rounded_s(done.ticks);
    // Fixed by the first segment. Media that arrives faster than it plays can defeat data(): then
    // a larger target is the lesser evil.
    m_target_s = std::max({m_target_s, whole, k_least_target_s});
    m_parts.close(end, done.ticks);
    m_segments.push_back(done);
    m_open.reset();
    forget_old();
    forget_parts();
}

void Segmenter::forget_old() {
    // listed() counts from the end: what is dropped at the front does not change it.
    const std::size_t kept = 2 * std::max(listed(), m_options.window);
    while (m_segments.size() > kept)
        m_segments.pop_front();
}

void Segmenter::lose(std::int64_t sequence) {
    const auto found = std::ranges::find(m_segments, sequence, &Segment::sequence);
    if (found != m_segments.end())
        found->gap = true;
}

// RFC 8216bis, 4.4.4.9: served for three target durations after they were listed.
void Segmenter::forget_parts() {
    const std::int64_t kept = 2 * k_part_targets * m_target_s * k_ticks_per_second;
    std::int64_t ticks = 0;
    for (const Segment &s : std::views::reverse(m_segments)) {
        if (ticks > kept)
            return m_parts.forget_before(s.sequence + 1);
        ticks += s.ticks;
    }
    m_parts.forget_before(m_segments.empty() ? m_next : m_segments.front().sequence);
}

void Segmenter::drop_front() {
    if (m_segments.empty())
        return;
    m_segments.pop_front();
    m_parts.forget_before(m_segments.empty() ? m_next : m_segments.front().sequence);
}

bool Segmenter::can_spare_before(std::int64_t position) const {
    std::int64_t ticks = 0;
    for (auto it = m_segments.rbegin(); it != m_segments.rend() && it->begin >= position; ++it)
        ticks += it->ticks;
    return ticks >= k_window_targets * m_target_s * k_ticks_per_second;
}

std::size_t Segmenter::listed() const {
    std::size_t count = 0;
    std::int64_t ticks = 0;
    const std::int64_t needed =
        std::max(k_window_targets * m_target_s * k_ticks_per_second, m_options.window_ticks);
    for (auto it = m_segments.rbegin(); it != m_segments.rend(); ++it, ++count) {
        if (count >= m_options.window && ticks >= needed)
            break;
        ticks += it->ticks;
    }
    return count;
}

} // namespace relay
