// What a line can take, seen while more waits for it.
#pragma once

#include "base/clock.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace push {

/// How the line fares, of the sender's status.
struct LineState {
    /// How long ago the oldest media that is not acknowledged was made, give or take a burst.
    std::int64_t queue_ms = 0;
    std::int64_t rtt_us = 0;
    /// Of media::k_srt_payload_bytes, acknowledged or not; these three rise.
    std::int64_t sent_packets = 0;
    std::int64_t retransmitted_packets = 0; ///< what got lost, and was sent again
    std::int64_t dropped_packets = 0;       ///< what was too late to be sent at all
};

/// As long as media waits, what the line takes is all that it can, and is known from when the
/// oldest of it was made, now and a while ago: whatever is made meanwhile. Pure; not thread-safe.
class LineMeter {
  public:
    /// @p waits: more than a line that keeps up leaves waiting. Times and packets rise, or all
    /// begins anew.
    void add(const LineState &line, bool waits, base::SteadyTime now);
    /// What was taken since media began to wait, or in a part of that if it was more. At the first
    /// time that it waits no more that is counted in, so that a line which stood still for a moment
    /// is not one that takes nothing; then, and at first, nothing is known.
    [[nodiscard]] std::optional<base::BitRate> taken() const { return m_taken; }
    /// When it began to wait. Only while taken() is known.
    [[nodiscard]] base::SteadyTime since() const { return m_took.front().at; }
    void restart() { *this = {}; }

  private:
    struct Count {
        base::SteadyTime at;
        double packets = 0; // by then
    };
    [[nodiscard]] std::optional<double> made_until(base::SteadyTime time) const;

    std::deque<Count> m_made;     // lately
    std::deque<Count> m_took;     // the line, since media waits
    bool m_over = false;          // it waits no more
    base::BitRate m_most_taken{}; // in any short span
    std::optional<base::BitRate> m_taken;
};

} // namespace push
