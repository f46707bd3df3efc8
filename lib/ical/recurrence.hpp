// When a series falls: RFC 5545's rules by libical, local times by the system's time zones.
#pragma once

#include "resv/rrule.hpp"

namespace ical {

/// One of a series, at the wall time of its start.
struct Occurrence {
    std::string local; ///< `2027-03-28T18:00:00`, in the series' zone, as the rule has it
    base::UtcTime start;
};

/// When @p rule falls from @p start on, at its local time in @p zone (an IANA name): at most @p
/// most, none after @p limit but one; each later than the one before. A wall time that clocks skip
/// is as much later as they skip; of one that comes twice it is the first (RFC 5545, sections
/// 3.3.10 and 3.3.5).
///
/// bad_data: there is no such zone. refused: the first is not @p start, there are more than
/// @p most, or more are asked for than there are within ten years of @p limit.
[[nodiscard]] base::Result<std::vector<Occurrence>>
occurrences(const resv::Rrule &rule, const std::string &zone, base::UtcTime start, std::size_t most,
            base::UtcTime limit);

} // namespace ical
