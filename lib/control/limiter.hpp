// How often one may ask: token buckets, by key and by address.
#pragma once

#include "base/time.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace control {

/// So many per second in the long run, so many at once after a pause. per_second 0: no limit.
struct Allowance {
    std::int64_t per_second = 0;
    std::int64_t at_once = 0;
};

/// Thread-safe. Its memory is bounded: when too many ask at one time, those who are new share one
/// bucket.
class Limiter {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Takes one from the bucket of @p who. When it is empty: how long until it has one again.
    [[nodiscard]] std::optional<base::Millis> take(const std::string &who,
                                                   const Allowance &allowance, Time now);
    /// How often it was empty.
    [[nodiscard]] std::uint64_t refused() const;

  private:
    struct Bucket {
        double tokens = 0;
        Time at;
    };
    void forget_full(const Allowance &allowance, Time now);

    mutable std::mutex m_mutex;
    std::unordered_map<std::string, Bucket> m_buckets;
    Time m_next_sweep{};
    std::uint64_t m_refused = 0;
};

/// Whose bucket a client's "IP:port" is: its IPv4 address, or the /64 that its IPv6 address is in,
/// for a host has all of one.
[[nodiscard]] std::string bucket_of(std::string_view peer);

} // namespace control
