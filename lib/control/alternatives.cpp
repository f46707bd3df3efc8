// What is offered instead of what was refused.
#include "resv/alternatives.hpp"

#include "control/booking.hpp"
#include "control/fees.hpp"
#include "control/offers.hpp"
#include "control/places.hpp"

#include <algorithm>
#include <array>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using wire::ReservationRequest;

namespace {

// Looking far costs most: it is done when there is not enough nearby.
constexpr std::array<base::Millis, 2> k_reaches{std::chrono::hours{3}, std::chrono::hours{24}};
constexpr std::size_t k_most = 5;

// The carriers asked for, then the same with one replaced by another.
std::vector<std::vector<std::string>> carrier_choices(const std::vector<std::string> &asked,
                                                      const Config &config) {
    std::vector<std::vector<std::string>> out{asked};
    for (std::size_t i = 0; i < asked.size(); ++i)
        for (const auto &[name, carrier] : config.carriers)
            if (std::ranges::find(asked, name) == asked.end()) {
                out.push_back(asked);
                out.back()[i] = name;
            }
    return out;
}

} // namespace

// Nearest to what was asked first: it first looks elsewhere for what was asked.
std::vector<resv::Way> Desk::ways(const Booking &refused, UtcTime now, const Keeps &keeps) const {
    const ReservationRequest &request = refused.request;
    std::vector<resv::Demand> also;
    if (m_config.distributors.contains(refused.owner))
        also.push_back({resv::at_once_resource(refused.owner), 1});
    // An offer has to be taken before its programme starts, when there is time.
    // What is wanted at once can be had at once as well: see Offers.
    const UtcTime earliest = std::min(request.start, now + k_offer_life);
    std::vector<resv::Way> out;
    for (const auto &carriers : carrier_choices(request.carriers, m_config)) {
        const auto found = places(m_config, {}, carriers, request.rate, request.viewers);
        if (!found)
            continue;
        for (const Place &place : *found) {
            const bool other = place.channel != refused.channel || carriers != request.carriers;
            if ((!keeps.relay.empty() && place.relay != keeps.relay) || (keeps.place && other))
                continue;
            out.push_back({.channel = place.channel,
                           .relay = place.relay,
                           .carriers = carriers,
                           .viewers = place.viewers,
                           .other_channel = request.channel && place.channel != *request.channel,
                           .other_carriers = carriers != request.carriers,
                           .lead_in = place.policy.lead_in,
                           .drain = place.policy.drain,
                           .bounds = {earliest, now + place.policy.horizon},
                           .shortest = std::max(place.policy.min_duration,
                                                keeps.longer_than + base::Millis{1}),
                           .longest = place.policy.max_duration,
                           .grid = keeps.place ? base::Millis{0} : place.policy.grid,
                           .also = also});
        }
    }
    std::ranges::stable_sort(
        out, {}, [](const resv::Way &w) { return int{w.other_channel} + int{w.other_carriers}; });
    return out;
}

Outcome<std::vector<wire::Alternative>> Desk::alternatives(Transaction &t, const Booking &refused,
                                                           UtcTime now, const Keeps &keeps) const {
    const ReservationRequest &request = refused.request;
    auto choices = ways(refused, now, keeps);
    const resv::Wanted wanted{
        .start = request.start, .duration = request.end - request.start, .rate = request.rate};
    std::vector<resv::Demand> judged;
    for (const resv::Way &w : choices)
        std::ranges::copy(resv::demands_of(w, request.rate), std::back_inserter(judged));
    const auto resources = resv::resources_of(judged);
    const auto look = [&](base::Millis reach,
                          std::size_t most) -> Outcome<std::vector<resv::Alternative>> {
        resv::Span span{request.start, request.end};
        for (const resv::Way &w : choices)
            span = {std::min(span.from, request.start - reach - w.lead_in),
                    std::max(span.to, request.end + reach + w.drain)};
        return resv::alternatives(m_capacity, TRY(taken(t, resources, span, now, keeps.id)), wanted,
                                  choices, reach, most);
    };
    std::vector<resv::Alternative> at_once;
    if (keeps.at_once) {
        at_once = TRY(look(base::Millis{0}, k_most));
        for (resv::Way &w : choices)
            w.bounds.from = now + k_offer_life;
    }
    const std::size_t most = k_most - at_once.size();
    std::vector<resv::Alternative> found;
    for (const base::Millis far : k_reaches) {
        if (found.size() == most)
            break;
        found = TRY(look(keeps.place ? base::Millis{0} : far, most));
    }
    found.insert(found.begin(), at_once.begin(), at_once.end());
    std::vector<wire::Alternative> out;
    for (const resv::Alternative &a : found) {
        const resv::Way &w = choices[a.way];
        Booking other = refused; // in another month another sum counts
        other.life.window.start = a.start;
        other.life.window.end = a.start + a.duration;
        const auto allowed = check_quota(t, other, now);
        if (!allowed && allowed.error().problem.code == "over_quota")
            continue;
        TRY(allowed);
        const auto fee = TRY(quote(m_config, w.channel, w.carriers, a.duration));
        out.push_back({.offer = {},
                       .expires = {},
                       .start = a.start,
                       .end = a.start + a.duration,
                       .channel = w.channel,
                       .carriers = w.carriers,
                       .rate = a.rate,
                       .viewers = w.viewers,
                       .fee = fee});
    }
    return out;
}

} // namespace control
