// Control's clock, as this machine knows it.
#pragma once

#include "base/clock.hpp"

#include <cstdint>

namespace push {

/// Set from the offset that the sender tells; goes on by the monotonic clock, so that a step of the
/// machine's own clock moves neither start nor end.
class ControlClock {
  public:
    explicit ControlClock(const base::Clock &clock) : m_clock(clock) {}

    void set_offset_ms(std::int64_t offset_ms) {
        // In this order: a pause between the two readings makes us late, never early.
        m_control = m_clock.now() + base::Millis{offset_ms};
        m_steady = m_clock.steady();
    }
    [[nodiscard]] base::UtcTime now() const {
        return m_control + std::chrono::floor<base::Millis>(m_clock.steady() - m_steady);
    }
    /// The monotonic instant at which control's clock will show @p t.
    [[nodiscard]] base::SteadyTime steady_at(base::UtcTime t) const {
        return m_steady + (t - m_control);
    }
    [[nodiscard]] base::SteadyTime steady() const { return m_clock.steady(); }

  private:
    const base::Clock &m_clock;
    base::SteadyTime m_steady{};
    base::UtcTime m_control{};
};

} // namespace push
