// What can be reserved: channels, relays, carriers, and what one reservation takes of each.
#pragma once

#include "base/units.hpp"
#include "resv/admission.hpp"

#include <map>
#include <string>

namespace resv {

struct Relay {
    std::int64_t streams = 0; ///< at one time
    base::BitRate ingest;     ///< in all
    base::BitRate egress;     ///< in all, towards viewers
};

struct Carrier {
    std::int64_t lines = 0; ///< access lines, one per reservation
    base::BitRate capacity; ///< of all lines together
};

struct Channel {
    std::string relay; ///< a key of Catalogue::relays
    std::int64_t viewers = 0;
    base::BitRate max_rate;
};

/// By name. Every name that a channel mentions exists.
struct Catalogue {
    std::map<std::string, Relay, std::less<>> relays;
    std::map<std::string, Carrier, std::less<>> carriers;
    std::map<std::string, Channel, std::less<>> channels;
};

/// All units of all resources of @p catalogue.
[[nodiscard]] Capacity capacity_of(const Catalogue &catalogue);

/// Whether units of @p resource are bit/s; else they are counts.
[[nodiscard]] bool is_rate(std::string_view resource);

/// What a carrier's line is reserved at: rate x 1.25 + 100 kbit/s (SRT's overhead and
/// retransmission), rounded up.
[[nodiscard]] base::BitRate line_rate(base::BitRate rate);

/// The highest rate for which line_rate() is at most @p line; 0 when there is none.
[[nodiscard]] base::BitRate rate_of_line(base::BitRate line);

/// What one reservation takes: its channel, a stream of the relay with its ingest and egress
/// (viewers x rate) bits, and of each carrier a line and its bits. @p rate is counted once at the
/// relay however many carriers bring it.
[[nodiscard]] std::vector<Demand> demands_of(const std::string &channel, const std::string &relay,
                                             const std::vector<std::string> &carriers,
                                             base::BitRate rate, std::int64_t viewers);

/// What a preflight takes of @p demands, those of its reservation: the way to the relay and into
/// it. Not the channel, and nothing towards viewers, for it is shown to nobody.
[[nodiscard]] std::vector<Demand> demands_of_preflight(const std::vector<Demand> &demands);

} // namespace resv
