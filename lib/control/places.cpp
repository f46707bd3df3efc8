#include "control/places.hpp"

#include "resv/grid.hpp"

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
    const auto end = channel ? std::next(all.channels.find(*channel)) : all.channels.end();
    for (auto at = channel ? std::prev(end) : all.channels.begin(); at != end; ++at) {
        const auto &[name, c] = *at;
        const auto &ingest = config.relays.at(c.relay).ingest;
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
            out.push_back({name, c.relay, viewers.value_or(c.viewers), config.policy_of(name)});
    }
    if (!out.empty())
        return out;
    return refused ? *refused : refuse(422, "unknown_channel", "there is no channel");
}

Outcome<void> check_duration(const ChannelPolicy &p, base::Millis duration) {
    if (duration < p.min_duration)
        return refuse(422, "too_short",
                      "the shortest reservation is " + base::format_duration(p.min_duration));
    if (duration > p.max_duration)
        return refuse(422, "too_long",
                      "the longest reservation is " + base::format_duration(p.max_duration));
    return {};
}

Outcome<void> check_times(const ChannelPolicy &p, base::UtcTime start, base::UtcTime end,
                          base::UtcTime now) {
    if (start < now)
        return refuse(422, "too_late",
                      fmt::format("start is past: it is {}", base::format_rfc3339(now)));
    if (end <= start)
        return refuse(422, "end_before_start", "end is not after start");
    TRY(check_duration(p, end - start));
    if (end > now + p.horizon)
        return refuse(422, "beyond_horizon",
                      "reservations are taken until " + base::format_rfc3339(now + p.horizon));
    if (!resv::on_grid(start, p.grid)) {
        const base::UtcTime after = resv::grid_up(start, p.grid);
        const base::UtcTime before = after - p.grid;
        return refuse(422, "off_grid",
                      fmt::format("programmes start every {} from 00:00 UTC on",
                                  base::format_duration(p.grid)),
                      fmt::format("the nearest starts: {} and {}",
                                  base::format_rfc3339(before >= now ? before : after),
                                  base::format_rfc3339(before >= now ? after : after + p.grid)));
    }
    return {};
}

} // namespace control
