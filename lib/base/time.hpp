// Instants are UTC milliseconds; they appear as RFC 3339 in every document and record.
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace base {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// An instant of UTC, to the millisecond.
using UtcTime = std::chrono::sys_time<Millis>;

constexpr std::int64_t unix_ms(UtcTime t) {
    return t.time_since_epoch().count();
}
constexpr UtcTime from_unix_ms(std::int64_t ms) {
    return UtcTime{Millis{ms}};
}

/// `2026-11-22T18:00:00Z`, with `.mmm` only when there are milliseconds.
[[nodiscard]] std::string format_rfc3339(UtcTime t);

/// Reads RFC 3339 with an explicit offset or Z, years 1970 to 9999; refuses leap seconds, dates
/// that do not exist and fractions finer than a millisecond (they would be rounded).
[[nodiscard]] Result<UtcTime> parse_rfc3339(std::string_view text);

/// Reads `2h30m`, `90s`, `1d`, `500ms`: positive, units in falling order, none twice.
[[nodiscard]] Result<Millis> parse_duration(std::string_view text);

/// The shortest text that parse_duration reads back; `0s` for zero.
[[nodiscard]] std::string format_duration(Millis d);

} // namespace base
