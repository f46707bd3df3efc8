// What a reservation's rate means: TS bytes × 8, averaged over any second.
#pragma once

#include "base/clock.hpp"
#include "base/units.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace media {

/// Counts bytes over a sliding window of one and of two seconds, in steps of 10 ms. No allocation,
/// not thread-safe.
class RateMeter {
  public:
    void add(base::SteadyTime now, std::size_t bytes) {
        move_to(step_of(now));
        m_steps.at(index(m_step)) += bytes;
        m_last += bytes;
    }
    /// Bytes of the second that ends now.
    [[nodiscard]] std::uint64_t last_second(base::SteadyTime now) {
        move_to(step_of(now));
        return m_last;
    }
    /// Bytes of the second before that.
    [[nodiscard]] std::uint64_t second_before(base::SteadyTime now) {
        move_to(step_of(now));
        return m_before;
    }
    [[nodiscard]] base::BitRate rate(base::SteadyTime now) {
        return {static_cast<std::int64_t>(last_second(now) * 8)};
    }

  private:
    static constexpr std::int64_t k_second = 100; // steps
    static constexpr std::int64_t k_steps = 2 * k_second;

    static std::int64_t step_of(base::SteadyTime t) {
        return std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count() / 10;
    }
    static std::size_t index(std::int64_t step) {
        return static_cast<std::size_t>(((step % k_steps) + k_steps) % k_steps);
    }
    void move_to(std::int64_t step) {
        if (step > m_step + k_steps) {
            *this = RateMeter{};
            m_step = step;
        }
        while (m_step < step) {
            ++m_step;
            const std::uint64_t leaves = m_steps.at(index(m_step - k_second));
            m_last -= leaves;
            m_before += leaves;
            m_before -= m_steps.at(index(m_step)); // two seconds old
            m_steps.at(index(m_step)) = 0;
        }
    }

    std::array<std::uint64_t, k_steps> m_steps{};
    std::int64_t m_step = 0;
    std::uint64_t m_last = 0;
    std::uint64_t m_before = 0;
};

/// A token bucket.
class Bucket {
  public:
    /// @p per_second tokens a second, never more than @p depth at once; full at first.
    Bucket(double per_second, double depth)
        : m_per_second(per_second), m_depth(depth), m_tokens(depth) {}
    /// Takes @p n tokens if there are as many.
    [[nodiscard]] bool take(base::SteadyTime now, double n = 1) {
        if (m_at != base::SteadyTime{})
            m_tokens =
                std::min(m_depth, m_tokens + m_per_second *
                                                 std::chrono::duration<double>(now - m_at).count());
        m_at = now;
        if (m_tokens < n)
            return false;
        m_tokens -= n;
        return true;
    }

  private:
    double m_per_second;
    double m_depth;
    double m_tokens;
    base::SteadyTime m_at{};
};

} // namespace media
