// The menu: what is free.
#include "control/booking.hpp"
#include "control/fees.hpp"
#include "control/transact.hpp"
#include "resv/grid.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Transaction;

namespace {

// One place, reached by some carriers.
struct Entry {
    Place place;
    std::vector<std::string> carriers;
};

// What the configuration allows of the wish; a refusal when that is nothing.
Outcome<std::vector<Entry>> entries(const Config &config, const Desk::Wish &wish) {
    std::vector<std::vector<std::string>> choices;
    if (!wish.carriers.empty())
        choices.push_back(wish.carriers);
    else
        for (const auto &[name, carrier] : config.catalogue.carriers)
            choices.push_back({name});
    std::vector<Entry> out;
    std::optional<Refusal> refused;
    for (auto &carriers : choices) {
        const auto found = places(config, wish.channel, carriers, wish.rate, wish.viewers);
        if (!found)
            refused = found.error();
        for (const Place &place : found.value_or(std::vector<Place>{})) {
            const auto fits = check_duration(place.policy, wish.duration);
            if (fits)
                out.push_back({place, carriers});
            else
                refused = fits.error();
        }
    }
    if (out.empty() && refused)
        return std::unexpected(*refused);
    return out;
}

std::vector<resv::Demand> needs(const Place &place, const std::vector<std::string> &carriers,
                                base::BitRate rate) {
    return resv::demands_of(place.channel, place.relay, carriers, rate, place.viewers);
}

} // namespace

Outcome<wire::SlotList> Desk::slots(ledger::Ledger &ledger, const Wish &wish, UtcTime now) const {
    const auto menu = TRY(entries(m_config, wish));
    const UtcTime from = std::max(wish.menu.from, now);
    resv::Span reach{from, wish.menu.to};
    std::vector<resv::Demand> judged;
    for (const auto &[place, carriers] : menu) {
        reach = {std::min(reach.from, from - place.policy.lead_in),
                 std::max(reach.to, wish.menu.to + place.policy.drain)};
        std::ranges::copy(needs(place, carriers, wish.rate), std::back_inserter(judged));
    }
    // No longer than that: others wait to read.
    const auto live = TRY(examine(
        ledger, [&](Transaction &t) { return taken(t, resv::resources_of(judged), reach, now); }));
    resv::StartFinder finder{m_capacity, live};
    wire::SlotList out;
    for (const auto &[place, carriers] : menu) {
        const ChannelPolicy &p = place.policy;
        const auto fee = TRY(quote(m_config, place.channel, carriers, wish.duration));
        out.kinds.push_back({.start = {},
                             .latest_start = {},
                             .duration = wish.duration,
                             .grid = p.grid,
                             .channel = place.channel,
                             .carriers = carriers,
                             .rate = wish.rate,
                             .viewers = place.viewers,
                             .fee = fee});
        for (const resv::StartRange &range : finder.free_starts(
                 needs(place, carriers, wish.rate), {from, std::min(wish.menu.to, now + p.horizon)},
                 wish.duration, p.lead_in, p.drain)) {
            const wire::SlotList::Times times{.start = resv::grid_up(range.first, p.grid),
                                              .latest_start = resv::grid_down(range.last, p.grid),
                                              .kind = out.kinds.size() - 1};
            if (times.start <= times.latest_start)
                out.times.push_back(times);
        }
    }
    std::ranges::stable_sort(out.times, {}, &wire::SlotList::Times::start);
    return out;
}

} // namespace control
