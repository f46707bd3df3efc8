// Recurrence rules (RFC 5545 section 3.3.10) as text, read strictly. When they fall:
// ical/recurrence.
#pragma once

#include "base/time.hpp"

#include <optional>
#include <variant>
#include <vector>

namespace resv {

/// A rule that says on which days something recurs; the time of day is that of its start.
struct Rrule {
    enum class Frequency { daily, weekly, monthly, yearly };
    Frequency frequency = Frequency::daily;
    std::int64_t interval = 1;
    /// Exactly one of the two bounds it.
    std::optional<std::int64_t> count;
    /// The last instant, or the last day in the zone of the start; both included.
    std::optional<std::variant<base::UtcTime, std::chrono::year_month_day>> until;
    // The BY parts that name days; empty: not given. Below 0: from the end.
    struct WeekDay {
        std::int64_t nth = 0; ///< of its month, or year; 0: each
        unsigned day = 0;     ///< from Sunday on
    };
    std::vector<std::int64_t> months;
    std::vector<std::int64_t> month_days;
    std::vector<std::int64_t> year_days;
    std::vector<WeekDay> week_days;
    std::vector<std::int64_t> positions; ///< among the days of a month or year so named
    /// FREQ, INTERVAL, WKST and the BY parts, in the order in which they were written, upper case:
    /// a rule of RFC 5545 without its bounds.
    std::string pattern;
};

/// Reads @p text (at most 512 bytes), such as `FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10`. Every part of the
/// RFC is judged by its rules: values, ranges, which goes with which, none twice.
///
/// bad_data, naming the part: malformed; without COUNT or UNTIL, or with both; SECONDLY, MINUTELY
/// and HOURLY, BYHOUR, BYMINUTE and BYSECOND, since the time of day is the start's; and what
/// libical 3.0.16 gets wrong, as tests/lib/recurrences found: BYWEEKNO; WKST but MO and SU;
/// BYSETPOS with DAILY and WEEKLY, or with BYMONTHDAY from both ends; BYMONTHDAY from the end with
/// DAILY, and without BYMONTH with YEARLY; BYYEARDAY with other days or months.
[[nodiscard]] base::Result<Rrule> parse_rrule(std::string_view text);

/// Whether every BY part of @p rule names @p day.
[[nodiscard]] bool names_day(const Rrule &rule, std::chrono::year_month_day day);

} // namespace resv
