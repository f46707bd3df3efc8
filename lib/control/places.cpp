#include "control/places.hpp"

#include <algorithm>

namespace control {

Outcome<std::vector<Place>> places(const Config &config, const std::optional<std::string> &channel,
                                   const std::vector<std::string> &carriers, base::BitRate rate,
                                   const std::optional<std::int64_t> &viewers) {
    const resv::Catalogue &all = config.catalogue;
    for (const std::string &carrier : carriers)
        if (!all.carriers.contains(carrier))
            return refuse(422, "unknown_carrier", fmt::format("there is no carrier '{}'", carrier));
    if (channel && !all.channels.contains(*channel))
        return refuse(422, "unknown_channel", fmt::format("there is no channel '{}'", *channel));
    std::vector<Place> out;
    std::optional<std::unexpected<Refusal>> refused;
    for (const auto &[name, c] : all.channels) {
        const auto &ingest = config.relays.at(c.relay).ingest;
        if (channel && name != *channel)
            continue;
        const auto strange = std::ranges::find_if(
            carriers, [&](const std::string &carrier) { return !ingest.contains(carrier); });
        if (rate > c.max_rate)
            refused = refuse(
                422, "over_max_rate",
                fmt::format("channel {} takes at most {}bit/s", name, format_rate(c.max_rate)));
        else if (strange != carriers.end())
            refused = refuse(422, "carrier_not_at_relay",
                             fmt::format("carrier {} does not lead to channel {}", *strange, name));
        else
            out.push_back({name, c.relay, viewers.value_or(c.viewers)});
    }
    if (!out.empty())
        return out;
    return refused ? *refused : refuse(422, "unknown_channel", "there is no channel");
}

} // namespace control
