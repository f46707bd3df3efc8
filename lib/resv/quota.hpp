// How much one distributor may have. What it has at once is a resource like any other; what it has
// in all, and in a month, are sums.
#pragma once

#include "resv/admission.hpp"

#include <optional>

namespace resv {

/// None: no bound.
struct Quota {
    std::optional<std::int64_t> at_once;   ///< reservations that occupy something at one time
    std::optional<std::int64_t> ahead;     ///< reservations that are still to end
    std::optional<base::Millis> per_month; ///< of programmes that start in one month, in UTC
};

/// What a distributor has without the reservation in question.
struct Usage {
    std::int64_t ahead = 0;
    base::Millis airtime{0}; ///< in the month in question
};

/// "distributor:NAME:at_once", of which every reservation of @p owner takes one.
[[nodiscard]] std::string at_once_resource(const std::string &owner);

/// The calendar month of UTC that holds @p t.
[[nodiscard]] Span month_of(base::UtcTime t);

/// What @p quota leaves too little of for a programme @p when, of "distributor:NAME:ahead" and
/// "distributor:NAME:per_month" (seconds).
[[nodiscard]] std::vector<Shortage> over_quota(const Quota &quota, const std::string &owner,
                                               const Usage &usage, Span when);

} // namespace resv
