// Where a reservation could be.
#pragma once

#include "control/config.hpp"
#include "control/problem.hpp"

namespace control {

/// A channel that could carry a reservation, with what follows from it.
struct Place {
    std::string channel;
    std::string relay;
    std::int64_t viewers = 0;
};

/// The channels that could carry it, as far as the configuration goes; at least one. 422
/// unknown_channel, unknown_carrier, carrier_not_at_relay, over_max_rate.
[[nodiscard]] Outcome<std::vector<Place>> places(const Config &config,
                                                 const std::optional<std::string> &channel,
                                                 const std::vector<std::string> &carriers,
                                                 base::BitRate rate,
                                                 const std::optional<std::int64_t> &viewers);

} // namespace control
