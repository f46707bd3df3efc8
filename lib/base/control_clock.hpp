// Control's clock, as this machine knows it.
#pragma once

#include "base/clock.hpp"

#include <atomic>

namespace base {

/// An offset against the monotonic clock, so that a step of the machine's own clock moves neither
/// start nor end. Thread-safe.
class ControlClock {
  public:
    /// Begins with the wall clock's time. @p clock outlives it.
    explicit ControlClock(const Clock &clock) : m_clock(clock) { set_wall_offset(Millis{0}); }

    /// The offset by which control's clock shows @p control at @p at. Rounded to be late, never
    /// early.
    [[nodiscard]] static Millis offset_of(UtcTime control, SteadyTime at) {
        return control.time_since_epoch() - std::chrono::ceil<Millis>(at.time_since_epoch());
    }
    /// Control's clock minus CLOCK_MONOTONIC. All processes of a machine share that one, so this is
    /// the number that they tell each other, and it may be told late and more than once.
    void set_offset(Millis offset) { m_offset_ms = offset.count(); }
    [[nodiscard]] Millis offset() const { return Millis{m_offset_ms}; }

    /// Control's clock minus the wall clock, at this moment.
    void set_wall_offset(Millis offset) {
        // In this order: a pause between the two readings makes us late, never early.
        const UtcTime control = m_clock.now() + offset;
        set_offset(offset_of(control, m_clock.steady()));
    }
    [[nodiscard]] Millis wall_offset() const { return now() - m_clock.now(); }

    [[nodiscard]] UtcTime now() const {
        return UtcTime{std::chrono::floor<Millis>(steady().time_since_epoch()) + offset()};
    }
    /// The monotonic instant at which control's clock will show @p t.
    [[nodiscard]] SteadyTime steady_at(UtcTime t) const {
        return SteadyTime{t.time_since_epoch() - offset()};
    }
    [[nodiscard]] SteadyTime steady() const { return m_clock.steady(); }

  private:
    const Clock &m_clock;
    std::atomic<std::int64_t> m_offset_ms{0};
};

} // namespace base
