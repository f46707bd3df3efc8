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
    ChannelPolicy policy;
    resv::Window window{}; ///< what it would have there
};

/// Wanted whenever control has it: its start is then each place's next, without a lead-in.
struct AtOnce {
    base::Millis duration{0}; ///< 0: until the end that is asked for
};

/// The channels that could carry it, as far as the configuration goes; at least one. 422
/// unknown_channel, unknown_carrier, carrier_not_at_relay, over_max_rate.
[[nodiscard]] Outcome<std::vector<Place>> places(const Config &config,
                                                 const std::optional<std::string> &channel,
                                                 const std::vector<std::string> &carriers,
                                                 base::BitRate rate,
                                                 const std::optional<std::int64_t> &viewers);

/// Whether the policy takes a programme of that length: 422 too_short, too_long.
[[nodiscard]] Outcome<void> check_duration(const ChannelPolicy &policy, base::Millis duration);

/// Whether it takes one at that time: 422 too_late, end_before_start, too_short, too_long,
/// beyond_horizon, off_grid, which names the two nearest starts.
[[nodiscard]] Outcome<void> check_times(const ChannelPolicy &policy, base::UtcTime start,
                                        base::UtcTime end, base::UtcTime now);

} // namespace control
