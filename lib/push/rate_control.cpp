#include "push/rate_control.hpp"

#include <algorithm>
#include <utility>

namespace push {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t k_waits_ms = 150; // and a round trip, and one of when nothing waited
constexpr double k_lossy = 0.1;          // of what is sent; less is a line's own loss, sent again
constexpr std::int64_t k_least_packets = 20;
constexpr double k_step_down = 0.55;
constexpr double k_of_taken = 0.85; // so that what waits gets less, too
constexpr double k_most_untaken = 0.6;
constexpr auto k_measure = 300ms;  // of what waits; less would take a pause of ours for the line's
constexpr double k_step_up = 0.15; // of itself, and of the reserved rate:
constexpr double k_least_step_up = 0.01;
constexpr double k_longest_step_up = 0.06;
constexpr double k_below_limit = 0.85;
constexpr double k_floor = 0.05;
constexpr auto k_effect = 700ms; // until a step down shows
constexpr auto k_clean = 3s;     // before the first step up
constexpr auto k_between_steps = 1s;
constexpr auto k_first_wait = 8s;
constexpr auto k_longest_wait = 256s;
constexpr auto k_holds = 5s;    // a step beyond the limit that goes well for so long: a better line
constexpr auto k_descent = 3s;  // steps that follow so soon belong together
constexpr auto k_forget = 600s; // after so long without trouble, the line is as good as new

base::BitRate part(base::BitRate rate, double of) {
    return {static_cast<std::int64_t>(static_cast<double>(rate.bps) * of)};
}

} // namespace

std::optional<base::BitRate> RateControl::take(const LineState &line, base::SteadyTime now) {
    if (std::exchange(m_begins, false)) {
        m_last = line;
        m_clean_since = now;
    }
    const double rest = untaken(line, now);
    const bool waits = too_much_waits(line);
    m_meter.add(line, waits, now);
    auto taken = m_meter.taken();
    if (taken) {
        taken = std::max(*taken, part(m_reserved, k_floor));
        if (m_down >= m_meter.since())
            m_limit = std::min(m_too_much, *taken);
    }
    if (!is_lossy(line) && !waits)
        return more(now);
    m_clean_since = now;
    const bool drains = line.queue_ms < std::exchange(m_queue_ms, line.queue_ms);
    if (m_down && (now - *m_down < k_effect || (drains && now - *m_down < k_descent)))
        return std::nullopt;
    const base::BitRate before = m_rate;
    m_rate = less(rest, waits ? taken : std::nullopt, now);
    return m_rate != before ? std::optional{m_rate} : std::nullopt;
}

void RateControl::restart(Restart on) {
    m_begins = true;
    m_meter.restart();
    m_waited_at.reset();
    if (on == Restart::same_line)
        return;
    m_least_rtt_us.reset();
    m_limit.reset();
    m_down.reset();
    m_up.reset();
    m_tries = false;
}

// What waits in the network itself makes the round trip longer: that may not excuse it.
bool RateControl::too_much_waits(const LineState &line) {
    m_least_rtt_us = std::min(m_least_rtt_us.value_or(line.rtt_us), line.rtt_us);
    const std::int64_t in_flight_ms = (line.rtt_us + *m_least_rtt_us) / 1000;
    return line.queue_ms > k_waits_ms + in_flight_ms;
}

bool RateControl::is_lossy(const LineState &line) {
    const LineState last = m_last;
    const std::int64_t sent = line.sent_packets - last.sent_packets;
    const std::int64_t again = line.retransmitted_packets - last.retransmitted_packets;
    const bool many = sent >= k_least_packets;
    const bool lossy = many && static_cast<double>(again) > k_lossy * static_cast<double>(sent);
    const bool dropped = line.dropped_packets > last.dropped_packets;
    if (many || sent < 0) // else it is counted with what follows
        m_last = line;
    m_last.dropped_packets = line.dropped_packets;
    return dropped || lossy;
}

/// Which part of what was made lately the line has left waiting.
double RateControl::untaken(const LineState &line, base::SteadyTime now) {
    if (m_waited_at && now - *m_waited_at < k_measure)
        return 0;
    const auto span = std::chrono::duration<double, std::milli>(now - m_waited_at.value_or(now));
    const auto more = static_cast<double>(line.queue_ms - m_waited_ms);
    const double out = m_waited_at ? std::clamp(more / span.count(), 0.0, k_most_untaken) : 0;
    m_waited_at = now;
    m_waited_ms = line.queue_ms;
    return out;
}

base::BitRate RateControl::less(double untaken, std::optional<base::BitRate> taken,
                                base::SteadyTime now) {
    if (!m_down || now - *m_down > k_forget)
        m_wait = k_first_wait;
    else if (now - *m_down > k_descent)
        m_wait = std::min<base::SteadyTime::duration>(m_wait * 2, k_longest_wait);
    m_tries = false;
    // What waits shows a step or two late. A further step says nothing new where it was measured.
    if (!taken || !m_down || now - *m_down > k_descent)
        m_too_much = m_up && now - *m_up < k_descent ? m_before_up : m_rate;
    m_limit = std::min(m_too_much, taken.value_or(m_too_much));
    m_up.reset();
    m_down = now;
    const double step = std::min(k_step_down, k_of_taken * (1 - untaken));
    return std::max(part(m_rate, step), part(m_reserved, k_floor));
}

std::optional<base::BitRate> RateControl::more(base::SteadyTime now) {
    if (m_tries && m_up && now - *m_up >= k_holds) {
        if (m_rate > m_limit.value_or(m_rate))
            m_limit.reset();
        m_tries = false;
    }
    if (m_rate >= m_reserved || now - m_clean_since < k_clean ||
        (m_up && now - *m_up < k_between_steps))
        return std::nullopt;
    const base::BitRate step =
        std::clamp(part(m_rate, k_step_up), part(m_reserved, k_least_step_up),
                   part(m_reserved, k_longest_step_up));
    base::BitRate next = std::min(m_reserved, {m_rate.bps + step.bps});
    if (m_limit) {
        const base::BitRate near = part(*m_limit, k_below_limit);
        if (m_tries)
            return std::nullopt; // it shows first whether this holds
        if (m_rate >= near) {
            if (m_down && now - *m_down < m_wait)
                return std::nullopt;
            m_tries = true;
        } else {
            next = std::min(next, std::max(near, m_rate));
        }
    }
    m_up = now;
    m_before_up = m_rate;
    m_rate = next;
    return m_rate;
}

} // namespace push
