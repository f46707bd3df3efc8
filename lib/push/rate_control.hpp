// What an encoder may make, by how the line takes it.
#pragma once

#include "push/line_meter.hpp"

namespace push {

/// Pure; not thread-safe. The rate goes down at once, by nearly half, or more where what waits
/// shows how little the line takes, while media waits for the line, is dropped, or gets lost by
/// more than a tenth; and again after as long as the last step takes to show. When the line was
/// clean for a while it goes up in small steps, fast to just below what the line took while it was
/// too much and beyond that only now and then: each time that this fails, the wait before the next
/// try doubles. Never above the reserved rate, never below a twentieth of it.
class RateControl {
  public:
    explicit RateControl(base::BitRate reserved) : m_reserved(reserved), m_rate(reserved) {}

    /// The rate to keep to from @p now on, when it changed.
    [[nodiscard]] std::optional<base::BitRate> take(const LineState &line, base::SteadyTime now);
    enum class Restart { same_line, other_line };
    /// What is taken next is of another connection: the rate stays, and what is known of the line
    /// where that is the same.
    void restart(Restart on);
    [[nodiscard]] base::BitRate rate() const { return m_rate; }

  private:
    [[nodiscard]] bool is_lossy(const LineState &line);
    [[nodiscard]] bool too_much_waits(const LineState &line);
    [[nodiscard]] double untaken(const LineState &line, base::SteadyTime now);
    [[nodiscard]] base::BitRate less(double untaken, std::optional<base::BitRate> taken,
                                     base::SteadyTime now);
    [[nodiscard]] std::optional<base::BitRate> more(base::SteadyTime now);

    base::BitRate m_reserved;
    base::BitRate m_rate;
    LineState m_last;
    bool m_begins = true;        // the next is the first of its connection
    std::int64_t m_queue_ms = 0; // when it was too much last
    std::optional<std::int64_t> m_least_rtt_us;
    std::int64_t m_waited_ms = 0; // the queue, some time ago, and when that was
    std::optional<base::SteadyTime> m_waited_at;
    LineMeter m_meter;
    base::BitRate m_too_much{};             // the rate, when it went down
    std::optional<base::BitRate> m_limit;   // what was too much, lately
    base::BitRate m_before_up{};            // the rate before the last step up
    std::optional<base::SteadyTime> m_down; // when it went down last
    std::optional<base::SteadyTime> m_up;   // when it went up last
    base::SteadyTime m_clean_since{};
    base::SteadyTime::duration m_wait{}; // before the limit is tried again
    bool m_tries = false;                // it is above what was too much
};

} // namespace push
