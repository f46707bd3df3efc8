// When each byte of a transport stream may leave: by its own clock (PCR) against the monotonic one.
#pragma once

#include "base/clock.hpp"
#include "base/units.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace push {

/// Pure; the caller brings the time. Positions are bytes of the stream since its beginning and only
/// grow. A stream that is faster than real time is slowed to it; one that was held up catches up
/// no faster than its reserved rate; one that is more than two seconds late, or whose clock jumps,
/// goes on from where it is.
class Pacer {
  public:
    using Duration = base::SteadyTime::duration;
    enum class Follow {
        pcr,  ///< spread the bytes between two PCRs over the time between them
        input ///< it comes live: pass it on, only cap the rate of a burst
    };

    Pacer(base::BitRate max_rate, Follow follow) : m_max_rate(max_rate), m_follow(follow) {}

    /// The packet that begins at @p position carries @p pcr_27m.
    void clock(std::uint64_t position, std::uint64_t pcr_27m, bool discontinuity);
    /// The bytes from @p position on, which have not left, never will: others come in their place.
    void take_back(std::uint64_t position);
    /// The input ends: what follows the last PCR leaves at the rate of what came before.
    void end() { m_ended = true; }

    /// When the bytes before @p position may have left, in the order of rising positions. Nothing:
    /// that shows only when the next PCR is known.
    [[nodiscard]] std::optional<base::SteadyTime> due(std::uint64_t position, base::SteadyTime now);
    /// @p bytes left at @p now.
    void sent(std::uint64_t bytes, base::SteadyTime now);
    /// @p bytes of those did not.
    void kept_back(std::uint64_t bytes) { m_free -= at_rate(bytes); }

    /// The rate of the last second of the stream's own time, when it was more than a tenth over the
    /// reserved one; told once for each such second.
    [[nodiscard]] std::optional<base::BitRate> take_excess();

  private:
    struct Mark {
        std::uint64_t position;
        Duration at; // since the first mark
    };

    [[nodiscard]] std::optional<Duration> media_time(std::uint64_t position);
    [[nodiscard]] Duration at_rate(std::uint64_t bytes) const;
    void measure(const Mark &mark);

    base::BitRate m_max_rate;
    Follow m_follow;
    bool m_ended = false;
    std::deque<Mark> m_marks; // the first is at or before what is asked for
    std::optional<std::uint64_t> m_last_pcr;
    double m_seconds_per_byte = 0;            // of the newest span between PCRs
    std::optional<base::SteadyTime> m_anchor; // when media time 0 left, or would have
    base::SteadyTime m_free{};                // when the reserved rate has room again
    std::optional<Mark> m_measured;           // where the second being measured began
    std::optional<base::BitRate> m_excess;
};

} // namespace push
