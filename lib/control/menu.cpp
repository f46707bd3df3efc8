// The menu: what is free.
#include "control/booking.hpp"
#include "control/places.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Transaction;

Outcome<std::vector<wire::Slot>> Desk::slots(Transaction &t, const Wish &wish, UtcTime now) const {
    const Policy &p = m_config.policy;
    if (wish.duration < p.min_duration || wish.duration > p.max_duration)
        return refuse(422, wish.duration < p.min_duration ? "too_short" : "too_long",
                      fmt::format("reservations last {} to {}",
                                  base::format_duration(p.min_duration),
                                  base::format_duration(p.max_duration)));
    const resv::Span menu{std::max(wish.menu.from, now), std::min(wish.menu.to, now + p.horizon)};
    std::vector<std::vector<std::string>> choices;
    if (!wish.carriers.empty())
        choices.push_back(wish.carriers);
    else
        for (const auto &[name, carrier] : m_config.catalogue.carriers)
            choices.push_back({name});
    const auto live = TRY(t.loads({menu.from - p.lead_in, menu.to + p.drain}, now, {}));
    std::vector<wire::Slot> out;
    std::optional<Refusal> refused;
    bool possible = false;
    for (const auto &carriers : choices) {
        const auto found = places(m_config, wish.channel, carriers, wish.rate, wish.viewers);
        if (!found) {
            refused = found.error();
            continue;
        }
        for (const Place &place : *found)
            for (const resv::StartRange &range :
                 resv::free_starts(m_capacity, live,
                                   resv::demands_of(place.channel, place.relay, carriers, wish.rate,
                                                    place.viewers),
                                   menu, wish.duration, p.lead_in, p.drain))
                out.push_back({.start = range.first,
                               .latest_start = range.last,
                               .duration = wish.duration,
                               .channel = place.channel,
                               .carriers = carriers,
                               .rate = wish.rate,
                               .viewers = place.viewers});
        possible = true;
    }
    if (refused && !possible)
        return std::unexpected(*refused);
    std::ranges::stable_sort(out, {}, &wire::Slot::start);
    return out;
}

} // namespace control
