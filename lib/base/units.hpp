// Rates and sizes are types; K, M and G are powers of 1000 everywhere.
#pragma once

#include "base/result.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

/// Bits per second.
struct BitRate {
    std::int64_t bps = 0;
    auto operator<=>(const BitRate &) const = default;
};

/// Reads `6M`, `2.5M`, `800K`, `1G` or plain bit/s; positive, at most 1 Tbit/s, a whole number of
/// bit/s.
[[nodiscard]] Result<BitRate> parse_rate(std::string_view text);

/// `6M`, `2500K`: the shortest exact form that parse_rate reads back.
[[nodiscard]] std::string format_rate(BitRate rate);

/// Reads a byte count: `64K`, `16M`, `1G` (powers of 1000), positive, at most 1 TB.
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);

} // namespace base
