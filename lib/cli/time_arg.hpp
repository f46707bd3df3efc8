// Times as people type them: RFC 3339, or `[date] HH:MM` in a zone; never guessed, never rounded.
#pragma once

#include "base/time.hpp"

namespace cli {

/// Reads @p text as an instant. `18:00` is today's in @p zone (an IANA name; empty: the machine's
/// zone); `2026-11-22 18:00[:30]` that day's. A local time that a daylight-saving change makes
/// absent or double is refused, naming both readings. Does not refuse the past: see not_past.
[[nodiscard]] base::Result<base::UtcTime> parse_time(std::string_view text, std::string_view zone,
                                                     base::UtcTime now);

/// Refuses an instant before @p now: `--start 09:00: is past (it is 10:12; …)`.
[[nodiscard]] base::Result<base::UtcTime> not_past(base::UtcTime t, base::UtcTime now,
                                                   std::string_view option);

/// The IANA name of @p zone (empty: of the machine's zone).
[[nodiscard]] base::Result<std::string> zone_name(std::string_view zone);

/// Minutes east of UTC at @p t in @p zone (empty: the machine's zone, not $TZ's, as cron reads it).
[[nodiscard]] base::Result<std::chrono::minutes> zone_offset(base::UtcTime t,
                                                             std::string_view zone);

/// `2026-11-22 18:00:00 CET` for people.
[[nodiscard]] std::string format_local(base::UtcTime t, std::string_view zone);

} // namespace cli
