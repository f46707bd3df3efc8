// Whether a request can be, and its booking when it can.
#include "control/booking.hpp"

#include "control/documents.hpp"
#include "control/fees.hpp"
#include "control/notices.hpp"
#include "control/places.hpp"
#include "resv/grid.hpp"
#include "seal/password.hpp"

#include <algorithm>
#include <limits>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;

Outcome<void> Desk::check_words(const wire::ReservationRequest &r) {
    if (r.password_hash && !seal::check_password_hash(*r.password_hash))
        return refuse(422, "bad_password_hash", "password_hash is not an Argon2id text");
    return {};
}

// The places that take requests for that time, those that can begin first in front.
Outcome<std::vector<Place>> Desk::open_places(const wire::ReservationRequest &r, UtcTime now,
                                              const std::optional<AtOnce> &at_once) const {
    auto out = TRY(places(m_config, r.channel, r.carriers, r.rate, r.viewers));
    Outcome<void> last;
    std::erase_if(out, [&](Place &place) {
        place.window = {.start = r.start,
                        .end = r.end,
                        .lead_in = place.policy.lead_in,
                        .drain = place.policy.drain};
        if (at_once) {
            place.window.start = resv::grid_up(now, place.policy.grid);
            place.window.lead_in = base::Seconds{0};
            if (at_once->duration > base::Millis{0})
                place.window.end = place.window.start + at_once->duration;
        }
        auto judged = check_times(place.policy, place.window.start, place.window.end, now);
        if (!judged)
            last = judged;
        return !judged;
    });
    if (out.empty())
        return std::unexpected(last.error());
    std::ranges::stable_sort(out, {}, [](const Place &place) { return place.window.start; });
    return out;
}

Desk::Desk(const Config &config)
    : m_config(config), m_capacity(resv::capacity_of(config.catalogue)) {
    for (const auto &[name, quota] : config.distributors)
        m_capacity[resv::at_once_resource(name)] =
            quota.at_once.value_or(std::numeric_limits<std::int64_t>::max());
}

std::vector<resv::Demand> Desk::bounded(const Booking &b) const {
    auto out = demands_of(b);
    if (!m_config.distributors.contains(b.owner))
        std::erase_if(out, [own = resv::at_once_resource(b.owner)](const resv::Demand &d) {
            return d.resource == own;
        });
    return out;
}

Outcome<void> Desk::check_quota(Transaction &t, const Booking &b, UtcTime now) const {
    const auto found = m_config.distributors.find(b.owner);
    if (found == m_config.distributors.end())
        return {};
    const resv::Span when{b.life.window.start, b.life.window.end};
    const auto usage = TRY(t.usage(b.owner, resv::month_of(when.from), now, b.id));
    const auto over = resv::over_quota(found->second, b.owner, usage, when);
    if (!over.empty())
        return refuse_short(over);
    return {};
}

Outcome<resv::Timetable> Desk::taken(Transaction &t, const std::vector<std::string> &resources,
                                     resv::Span span, UtcTime now,
                                     const std::optional<base::Id> &except) const {
    auto out = TRY(t.taken(resources, span, now, except));
    for (const auto &[name, m] : m_config.maintenance)
        if (m.span.overlaps(span))
            out.add(m.loads);
    return out;
}

// Maintenance is nobody's secret, unlike the bookings of others.
std::unexpected<Refusal> Desk::refuse_short(const std::vector<resv::Shortage> &shortages) const {
    auto refusal = control::refuse_short(shortages);
    for (const auto &[name, m] : m_config.maintenance)
        if (std::ranges::any_of(shortages, [&m = m](const resv::Shortage &s) {
                return s.when.overlaps(m.span) &&
                       std::ranges::find(m.loads, s.resource, &resv::Load::resource) !=
                           m.loads.end();
            }))
            refusal.error().problem.detail +=
                fmt::format("; maintenance ({}) from {} to {}", name,
                            base::format_rfc3339(m.span.from), base::format_rfc3339(m.span.to));
    return refusal;
}

Outcome<Booking> Desk::book(Transaction &t, const std::string &owner,
                            const wire::ReservationRequest &request, const Act &act,
                            const Manner &manner) const {
    const UtcTime now = act.now;
    TRY(check_words(request));
    TRY(check_notify(m_config, request));
    Booking b;
    b.id = new_id(now);
    b.owner = owner;
    b.series = manner.series;
    b.request = request;
    b.life = {.state = request.hold ? resv::State::held : resv::State::booked,
              .window = {.start = request.start, .end = request.end},
              .hold_expires = {}};
    if (request.hold)
        b.life.hold_expires = now + m_config.policy.hold;
    b.vid = request.disclosure == resv::Disclosure::public_ ? b.id.text() : new_vid();
    b.ticket_id = new_ticket_id();
    b.revision = 0; // save() makes it 1
    b.created = now;

    const auto candidates = TRY(open_places(request, now, manner.at_once));
    const auto take = [&b](const Place &place) {
        b.channel = place.channel;
        b.relay = place.relay;
        b.viewers = place.viewers;
        b.life.window = place.window;
        b.request.start = place.window.start;
        b.request.end = place.window.end;
        return resv::occupied(b.life.window);
    };
    resv::Span reach = take(candidates.front());
    std::vector<resv::Demand> judged;
    for (const Place &place : candidates) {
        const resv::Span span = take(place);
        reach = {std::min(reach.from, span.from), std::max(reach.to, span.to)};
        std::ranges::copy(bounded(b), std::back_inserter(judged));
    }
    const auto resources = resv::resources_of(judged);
    TRY(t.lock(resources, now));
    TRY(check_quota(t, b, now));

    const auto live = TRY(taken(t, resources, reach, now));
    std::vector<resv::Shortage> best;
    for (const Place &place : candidates) {
        const resv::Span span = take(place);
        auto missing = resv::shortages(m_capacity, live, span, bounded(b));
        if (missing.empty()) {
            b.fee = TRY(quote(m_config, b.channel, request.carriers,
                              place.window.end - place.window.start));
            return save(t, request.hold ? "hold" : "book", act, nullptr, std::move(b));
        }
        if (best.empty() || missing.size() < best.size())
            best = std::move(missing);
    }
    take(candidates.front());
    auto refusal = refuse_short(best);
    if (!manner.alternatives)
        return refusal;
    const Keeps keeps{.id = {},
                      .relay = {},
                      .place = false,
                      .longer_than = {},
                      .at_once = manner.at_once.has_value()};
    refusal.error().problem.alternatives = TRY(alternatives(t, b, now, keeps));
    return refusal;
}

} // namespace control
