// The machine's clocks, with a wall clock that can be set, as NTP may, beside a monotonic one that
// cannot.
#pragma once

#include "base/clock.hpp"

#include <atomic>

namespace test {

/// Thread-safe.
class SteppedClock final : public base::Clock {
  public:
    [[nodiscard]] base::UtcTime now() const override {
        return m_clock.now() + base::Millis{m_step_ms};
    }
    [[nodiscard]] base::SteadyTime steady() const override { return m_clock.steady(); }
    void step(base::Millis by) { m_step_ms += by.count(); }

  private:
    base::SystemClock m_clock;
    std::atomic<std::int64_t> m_step_ms{0};
};

} // namespace test
