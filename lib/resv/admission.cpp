#include "resv/admission.hpp"

#include <algorithm>

namespace resv {

using base::Millis;
using base::UtcTime;

namespace {

std::int64_t capacity_of(const Capacity &capacity, std::string_view resource) {
    const auto found = capacity.find(resource);
    return found == capacity.end() ? 0 : found->second;
}

// The stretches where fewer than `needed` units are free, adjoining levels joined.
std::vector<Shortage> short_stretches(std::int64_t capacity, const Timetable &live,
                                      const Demand &demand, Span within) {
    std::vector<Shortage> out;
    for (const Timetable::Level &level : live.levels(demand.resource, within)) {
        const std::int64_t available = capacity - level.used;
        if (available >= demand.units)
            continue;
        if (!out.empty() && out.back().when.to == level.span.from) {
            out.back().when.to = level.span.to;
            out.back().available =
                std::min(out.back().available, std::max<std::int64_t>(0, available));
        } else {
            out.push_back(
                {demand.resource, demand.units, std::max<std::int64_t>(0, available), level.span});
        }
    }
    return out;
}

} // namespace

std::vector<Demand> joined(const std::vector<Demand> &demands) {
    std::vector<Demand> out;
    for (const Demand &demand : demands) {
        if (demand.units == 0)
            continue;
        const auto same = std::ranges::find(out, demand.resource, &Demand::resource);
        if (same == out.end())
            out.push_back(demand);
        else
            same->units += demand.units;
    }
    return out;
}

std::vector<std::string> resources_of(const std::vector<Demand> &demands) {
    std::vector<std::string> out;
    out.reserve(demands.size());
    for (const Demand &demand : demands)
        out.push_back(demand.resource);
    std::ranges::sort(out);
    const auto rest = std::ranges::unique(out);
    out.erase(rest.begin(), rest.end());
    return out;
}

std::vector<Shortage> shortages(const Capacity &capacity, const Timetable &live, Span wanted,
                                const std::vector<Demand> &demands) {
    std::vector<Shortage> out;
    for (const Demand &demand : joined(demands)) {
        auto found = short_stretches(capacity_of(capacity, demand.resource), live, demand, wanted);
        if (!found.empty())
            out.push_back(std::move(found.front()));
    }
    return out;
}

std::vector<Shortage> shortages_of_change(const Capacity &capacity, const Timetable &live,
                                          const Taking &had, const Taking &wanted) {
    if (!had.span.overlaps(wanted.span))
        return shortages(capacity, live, wanted.span, wanted.demands);
    const auto kept = joined(had.demands);
    auto more = joined(wanted.demands);
    std::erase_if(more, [&](const Demand &demand) {
        const auto same = std::ranges::find(kept, demand.resource, &Demand::resource);
        return same != kept.end() && same->units >= demand.units;
    });
    const Span both{std::max(wanted.span.from, had.span.from),
                    std::min(wanted.span.to, had.span.to)};
    std::vector<Shortage> out;
    const auto add = [&](Span span, const std::vector<Demand> &demands) {
        if (span.empty())
            return;
        for (Shortage &s : shortages(capacity, live, span, demands)) {
            const auto same = std::ranges::find(out, s.resource, &Shortage::resource);
            if (same == out.end()) {
                out.push_back(std::move(s));
            } else if (same->when.to == s.when.from) { // it goes on where the former stretch ends
                same->when.to = s.when.to;
                same->available = std::min(same->available, s.available);
            }
        }
    };
    add({wanted.span.from, both.from}, wanted.demands);
    add(both, more);
    add({both.to, wanted.span.to}, wanted.demands);
    return out;
}

const std::vector<Span> &StartFinder::short_of(const Demand &demand, Span within) {
    const auto [found, made] = m_judged.try_emplace({demand.resource, demand.units});
    Judged &judged = found->second;
    if (made || within.from < judged.within.from || within.to > judged.within.to) {
        if (!made)
            within = {std::min(within.from, judged.within.from),
                      std::max(within.to, judged.within.to)};
        judged = {within, {}};
        for (const Shortage &s :
             short_stretches(capacity_of(m_capacity, demand.resource), m_live, demand, within))
            judged.short_of.push_back(s.when);
    }
    return judged.short_of;
}

std::vector<StartRange> StartFinder::free_starts(const std::vector<Demand> &demands, Span menu,
                                                 Millis duration, base::Seconds lead_in,
                                                 base::Seconds drain) {
    const UtcTime last_start = menu.to - duration;
    if (duration <= Millis{0} || last_start < menu.from)
        return {};
    const Millis before = duration + drain; // how far after its start a reservation reaches
    const Millis tick{1};
    // A stretch [b, e) that is short rules out the starts in (b - before, e + lead_in). One outside
    // the reach, which another question had asked for, rules out none of the menu's.
    std::vector<StartRange> ruled_out;
    const Span reach{menu.from - lead_in, menu.to + drain};
    for (const Demand &demand : joined(demands))
        for (const Span &s : short_of(demand, reach))
            ruled_out.push_back({s.from - before + tick, s.to + lead_in - tick});
    std::ranges::sort(ruled_out, {}, &StartRange::first);

    std::vector<StartRange> out;
    UtcTime next = menu.from;
    for (const StartRange &out_of : ruled_out) {
        if (out_of.first > next && next <= last_start)
            out.push_back({next, std::min(out_of.first - tick, last_start)});
        next = std::max(next, out_of.last + tick);
    }
    if (next <= last_start)
        out.push_back({next, last_start});
    return out;
}

} // namespace resv
