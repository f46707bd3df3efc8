// What would do instead of what is not free: shifted, elsewhere, slower or shorter. Pure.
#pragma once

#include "resv/catalogue.hpp"

namespace resv {

/// What was asked for in vain.
struct Wanted {
    base::UtcTime start;
    base::Millis duration{0};
    base::BitRate rate;
};

/// One way to carry it: by this channel, over these carriers. Rules of the channel included.
struct Way {
    std::string channel;
    std::string relay;
    std::vector<std::string> carriers;
    std::int64_t viewers = 0;
    bool other_channel = false;  ///< than was asked for
    bool other_carriers = false; ///< than were asked for
    base::Seconds lead_in{0};
    base::Seconds drain{0};
    Span bounds; ///< the programme lies within it: not past, not beyond the horizon
    base::Millis shortest{0};
    base::Millis longest{0};
    base::Millis grid{0};       ///< of starts; 0: any
    std::vector<Demand> also{}; ///< beside those of the catalogue: quotas
};

/// What @p way takes at @p rate.
[[nodiscard]] std::vector<Demand> demands_of(const Way &way, base::BitRate rate);

struct Alternative {
    std::size_t way = 0; ///< index of the ways given
    base::UtcTime start;
    base::Millis duration{0};
    base::BitRate rate;
    bool operator==(const Alternative &) const = default;
};

/// Up to @p most alternatives to @p wanted, each admitted by shortages() beside @p live and within
/// the bounds, lengths and grid of its way; none twice, none what was wanted. Closest in time
/// first, then least changed, then least lost. As different as can be: one of each single change
/// (other channel, other carriers, earlier, later, lower rate, shorter) before a second of any.
///
/// Starts move by at most @p reach, which @p live must cover on both sides with lead-in and drain;
/// rates fall to no less than half, lengths too. All ways are tried as wanted, the first 24 that
/// fail also changed.
[[nodiscard]] std::vector<Alternative> alternatives(const Capacity &capacity, const Timetable &live,
                                                    const Wanted &wanted,
                                                    const std::vector<Way> &ways,
                                                    base::Millis reach, std::size_t most = 5);

} // namespace resv
