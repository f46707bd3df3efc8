// The two clocks of a machine, as an interface, so that every rule about time can be tested.
#pragma once

#include "base/time.hpp"

#include <chrono>

namespace base {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Wall clock (may be stepped) and monotonic clock (never is). Thread-safe.
class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual UtcTime now() const = 0;
    [[nodiscard]] virtual SteadyTime steady() const = 0;
};

/// The machine's own clocks.
class SystemClock final : public Clock {
  public:
    [[nodiscard]] UtcTime now() const override {
        return std::chrono::floor<Millis>(std::chrono::system_clock::now());
    }
    [[nodiscard]] SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

/// A clock that a test sets.
class FakeClock final : public Clock {
  public:
    explicit FakeClock(UtcTime start) : m_now(start) {}
    [[nodiscard]] UtcTime now() const override { return m_now; }
    [[nodiscard]] SteadyTime steady() const override {
        return SteadyTime{(m_now - m_stepped).time_since_epoch()};
    }
    void advance(Millis by) { m_now += by; }
    /// Sets the wall clock alone, as NTP may.
    void step(Millis by) {
        m_now += by;
        m_stepped += by;
    }

  private:
    UtcTime m_now;
    Millis m_stepped{0};
};

} // namespace base
