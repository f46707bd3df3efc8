// The menu: what is free.
#include "control/booking.hpp"
#include "control/fees.hpp"
#include "control/transact.hpp"
#include "resv/grid.hpp"
#include "wire/lists.hpp"

#include <algorithm>
#include <limits>

namespace control {

using base::UtcTime;
using ledger::Transaction;

namespace {

constexpr base::Millis k_tick{1};

// One place, reached by some carriers.
struct Entry {
    Place place;
    std::vector<std::string> carriers;
    std::vector<resv::Demand> demands{};
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

// What is left of one resource, over time.
struct Rest {
    std::int64_t capacity = 0;
    std::span<const resv::Timetable::Step> steps;
    [[nodiscard]] std::int64_t within(resv::Span span) const {
        return std::max<std::int64_t>(0, capacity - resv::most_used(steps, span));
    }
};

// The same of all that a reservation of `entry` takes but its channel.
class Remaining {
  public:
    Remaining(const resv::Capacity &capacity, const resv::Timetable &live, const Entry &entry,
              const Desk::Wish &wish, base::BitRate max_rate)
        : m_wish(wish.rate), m_viewers(entry.place.viewers), m_max_rate(max_rate) {
        for (const resv::Demand &d : entry.demands) {
            const auto found = capacity.find(d.resource);
            const Rest rest{found == capacity.end() ? 0 : found->second, live.steps(d.resource)};
            if (d.resource.ends_with(":streams"))
                m_streams = rest;
            else if (d.resource.ends_with(":ingest"))
                m_ingest = rest;
            else if (d.resource.ends_with(":egress"))
                m_egress = rest;
            else if (d.resource.ends_with(":lines"))
                m_lines.push_back(rest);
            else if (d.resource.ends_with(":bits"))
                m_bits.push_back(rest);
        }
    }

    [[nodiscard]] wire::Left within(resv::Span span) const {
        const auto least = [span](const std::vector<Rest> &all) {
            std::int64_t out = std::numeric_limits<std::int64_t>::max();
            for (const Rest &rest : all)
                out = std::min(out, rest.within(span));
            return out;
        };
        const std::int64_t bits = least(m_bits);
        const std::int64_t egress = m_egress.within(span);
        return {.streams = m_streams.within(span),
                .lines = least(m_lines),
                .carrier_bps = bits,
                .rate = {std::min({m_max_rate.bps, m_ingest.within(span),
                                   egress / std::max<std::int64_t>(m_viewers, 1),
                                   resv::rate_of_line({bits}).bps})},
                .viewers = std::min(egress / m_wish.bps, wire::k_max_viewers)};
    }

  private:
    base::BitRate m_wish;
    std::int64_t m_viewers;
    base::BitRate m_max_rate;
    Rest m_streams, m_ingest, m_egress;
    std::vector<Rest> m_lines, m_bits;
};

} // namespace

// As booking judges the quota: what is had in all, and in the month in which a programme starts.
Outcome<std::vector<resv::Span>> Desk::allowed_starts(Transaction &t, const std::string &owner,
                                                      resv::Span starts, base::Millis duration,
                                                      UtcTime now) const {
    const auto found = m_config.distributors.find(owner);
    if (found == m_config.distributors.end() || starts.empty() ||
        (!found->second.ahead && !found->second.per_month))
        return std::vector{starts};
    std::vector<resv::Span> out;
    std::vector<resv::Shortage> over;
    for (resv::Span month = resv::month_of(starts.from); month.from < starts.to;
         month = resv::month_of(month.to)) {
        const UtcTime from = std::max(starts.from, month.from);
        const auto usage = TRY(t.usage(owner, month, now, {}));
        const auto missing = resv::over_quota(found->second, owner, usage, {from, from + duration});
        const UtcTime to = std::min(starts.to, month.to);
        if (!missing.empty())
            over = over.empty() ? missing : over;
        else if (!out.empty() && out.back().to == from)
            out.back().to = to;
        else
            out.push_back({from, to});
    }
    if (out.empty())
        return refuse_short(over);
    return out;
}

Outcome<wire::SlotList> Desk::slots(ledger::Ledger &ledger, const Wish &wish, UtcTime now) const {
    auto menu = TRY(entries(m_config, wish));
    const UtcTime from = std::max(wish.menu.from, now);
    resv::Span reach{from, wish.menu.to};
    std::vector<resv::Demand> judged;
    for (auto &[place, carriers, demands] : menu) {
        reach = {std::min(reach.from, from - place.policy.lead_in),
                 std::max(reach.to, wish.menu.to + place.policy.drain)};
        demands = resv::demands_of(place.channel, place.relay, carriers, wish.rate, place.viewers);
        if (m_config.distributors.contains(wish.owner))
            demands.push_back({resv::at_once_resource(wish.owner), 1});
        std::ranges::copy(demands, std::back_inserter(judged));
    }
    struct Seen {
        resv::Timetable live;
        std::vector<resv::Span> starts; // by the quota
    };
    // No longer than that: others wait to read.
    const auto [live, starts] = TRY(examine(ledger, [&](Transaction &t) -> Outcome<Seen> {
        auto loads = TRY(taken(t, resv::resources_of(judged), reach, now));
        auto allowed = TRY(allowed_starts(
            t, wish.owner, {from, wish.menu.to - wish.duration + k_tick}, wish.duration, now));
        return Seen{.live = std::move(loads), .starts = std::move(allowed)};
    }));
    resv::StartFinder finder{m_capacity, live};
    wire::SlotList out;
    for (const Entry &entry : menu) {
        const auto &[place, carriers, demands] = entry;
        const ChannelPolicy &p = place.policy;
        const Remaining remaining{m_capacity, live, entry, wish,
                                  m_config.catalogue.channels.at(place.channel).max_rate};
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
        const UtcTime to = std::min(wish.menu.to, now + p.horizon);
        for (const resv::Span &allowed : starts) {
            const resv::Span within{allowed.from,
                                    std::min(to, allowed.to - k_tick + wish.duration)};
            for (const resv::StartRange &range :
                 finder.free_starts(demands, within, wish.duration, p.lead_in, p.drain)) {
                const UtcTime first = resv::grid_up(range.first, p.grid);
                const UtcTime last = resv::grid_down(range.last, p.grid);
                if (first <= last)
                    out.times.push_back({.start = first,
                                         .latest_start = last,
                                         .kind = out.kinds.size() - 1,
                                         .left = remaining.within(
                                             {first - p.lead_in, last + wish.duration + p.drain})});
            }
        }
    }
    std::ranges::stable_sort(out.times, {}, &wire::SlotList::Times::start);
    return out;
}

} // namespace control
