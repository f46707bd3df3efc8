#include "push/pace.hpp"

#include "media/ts_scanner.hpp"

#include <algorithm>

namespace push {

namespace {

using namespace std::chrono_literals;
using Duration = Pacer::Duration;

constexpr std::uint64_t k_pcr_hz = 27'000'000;
// PCRs are to come every 100 ms (H.222.0, 2.7.2); a longer way than this is another timeline.
constexpr std::uint64_t k_longest_step = 3 * k_pcr_hz;
constexpr Duration k_hopelessly_late = 2s;
// A burst as short as this is no excess, and one that would wait longer than that is no burst.
constexpr Duration k_burst = 20ms;
constexpr Duration k_longest_hold = 500ms;
constexpr Duration k_measured_span = 1s;

Duration from_pcr(std::uint64_t ticks) {
    return std::chrono::nanoseconds{static_cast<std::int64_t>(ticks * 1000 / 27)};
}

} // namespace

Duration Pacer::at_rate(std::uint64_t bytes) const {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
        static_cast<double>(bytes) * 8.0 / static_cast<double>(m_max_rate.bps)));
}

void Pacer::clock(std::uint64_t position, std::uint64_t pcr, bool discontinuity) {
    Mark mark{position, Duration::zero()};
    if (!m_marks.empty()) {
        const Mark &last = m_marks.back();
        const std::uint64_t bytes = position - last.position;
        const std::uint64_t step = (pcr + media::k_pcr_wrap - *m_last_pcr) % media::k_pcr_wrap;
        const bool goes_on = !discontinuity && step <= k_longest_step;
        if (goes_on && step == 0 && bytes == 0)
            return;
        const auto guessed = std::chrono::duration_cast<Duration>(
            std::chrono::duration<double>(m_seconds_per_byte * static_cast<double>(bytes)));
        mark.at = last.at + (goes_on ? from_pcr(step) : guessed);
        if (goes_on && bytes > 0)
            m_seconds_per_byte =
                std::chrono::duration<double>(from_pcr(step)).count() / static_cast<double>(bytes);
        if (!goes_on)
            m_measured.reset();
    }
    m_last_pcr = pcr;
    m_marks.push_back(mark);
    measure(mark);
}

void Pacer::take_back(std::uint64_t position) {
    while (!m_marks.empty() && m_marks.back().position >= position)
        m_marks.pop_back();
    m_measured.reset();
}

void Pacer::measure(const Mark &mark) {
    if (!m_measured)
        m_measured = mark;
    const Duration span = mark.at - m_measured->at;
    if (span < k_measured_span)
        return;
    const double seconds = std::chrono::duration<double>(span).count();
    const double bps = static_cast<double>(mark.position - m_measured->position) * 8.0 / seconds;
    if (bps > 1.1 * static_cast<double>(m_max_rate.bps))
        m_excess = base::BitRate{static_cast<std::int64_t>(bps)};
    m_measured = mark;
}

std::optional<base::BitRate> Pacer::take_excess() {
    return std::exchange(m_excess, std::nullopt);
}

std::optional<Duration> Pacer::media_time(std::uint64_t position) {
    while (m_marks.size() > 1 && m_marks[1].position <= position)
        m_marks.pop_front();
    if (m_marks.empty())
        return m_ended ? std::optional{Duration::zero()} : std::nullopt;
    const Mark &from = m_marks.front();
    if (position <= from.position)
        return from.at;
    const auto past = static_cast<double>(position - from.position);
    if (m_marks.size() > 1) {
        const Mark &to = m_marks[1];
        const double part = past / static_cast<double>(to.position - from.position);
        return from.at + std::chrono::duration_cast<Duration>((to.at - from.at) * part);
    }
    if (!m_ended)
        return std::nullopt;
    return from.at + std::chrono::duration_cast<Duration>(
                         std::chrono::duration<double>(m_seconds_per_byte * past));
}

std::optional<base::SteadyTime> Pacer::due(std::uint64_t position, base::SteadyTime now) {
    base::SteadyTime when = now;
    if (m_follow == Follow::pcr) {
        const auto media = media_time(position);
        if (!media)
            return std::nullopt;
        if (!m_anchor)
            m_anchor = now - *media;
        when = *m_anchor + *media;
        if (now - when > k_hopelessly_late) {
            m_anchor = now - *media;
            when = now;
        }
    } else {
        (void)media_time(position); // drops the marks that were passed
    }
    const base::SteadyTime room = m_free - k_burst;
    if (room - std::max(when, now) > k_longest_hold)
        m_free = when; // its own rate is too high: that is told, not hidden
    else
        when = std::max(when, room);
    return when;
}

void Pacer::sent(std::uint64_t bytes, base::SteadyTime now) {
    m_free = std::max(m_free, now) + at_rate(bytes);
}

} // namespace push
