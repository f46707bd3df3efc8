// Whether a request can be, and its booking when it can.
#include "control/booking.hpp"

#include "control/documents.hpp"
#include "control/places.hpp"
#include "seal/password.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;

namespace {

Outcome<void> check_words(const wire::ReservationRequest &r) {
    if (r.password_hash && !seal::check_password_hash(*r.password_hash))
        return refuse(422, "bad_password_hash", "password_hash is not an Argon2id text");
    if (!r.notify.empty())
        return refuse(422, "no_notifications", "this control sends no notifications yet",
                      "book without notify");
    return {};
}

} // namespace

Outcome<void> Desk::check_times(UtcTime start, UtcTime end, UtcTime now) const {
    const Policy &p = m_config.policy;
    if (start < now)
        return refuse(422, "too_late",
                      fmt::format("start is past: it is {}", base::format_rfc3339(now)));
    if (end <= start)
        return refuse(422, "end_before_start", "end is not after start");
    if (end - start < p.min_duration)
        return refuse(422, "too_short",
                      "the shortest reservation is " + base::format_duration(p.min_duration));
    if (end - start > p.max_duration)
        return refuse(422, "too_long",
                      "the longest reservation is " + base::format_duration(p.max_duration));
    if (end > now + p.horizon)
        return refuse(422, "beyond_horizon",
                      "reservations are taken until " + base::format_rfc3339(now + p.horizon));
    return {};
}

std::vector<resv::Demand> Desk::demands(const Booking &b) const {
    return resv::demands_of(b.channel, b.relay, b.request.carriers, b.request.rate, b.viewers);
}

// What `b` needs within `span` is free, but for what it takes itself.
Outcome<void> Desk::check_free(Transaction &t, const Booking &b, resv::Span span,
                               UtcTime now) const {
    const auto wanted = demands(b);
    TRY(t.lock(resv::resources_of(wanted), now));
    const auto missing = resv::shortages(m_capacity, TRY(t.loads(span, now, b.id)), span, wanted);
    if (!missing.empty())
        return refuse_short(missing);
    return {};
}

Outcome<Booking> Desk::book(Transaction &t, const std::string &owner,
                            const wire::ReservationRequest &request, UtcTime now) const {
    TRY(check_times(request.start, request.end, now));
    TRY(check_words(request));
    const Policy &policy = m_config.policy;
    Booking b;
    b.id = new_id(now);
    b.owner = owner;
    b.request = request;
    b.life = {.state = request.hold ? resv::State::held : resv::State::booked,
              .window = {.start = request.start,
                         .end = request.end,
                         .lead_in = policy.lead_in,
                         .drain = policy.drain},
              .hold_expires = {}};
    if (request.hold)
        b.life.hold_expires = now + policy.hold;
    b.vid = request.disclosure == resv::Disclosure::public_ ? b.id.text() : new_vid();
    b.ticket_id = new_ticket_id();
    b.revision = 0; // save() makes it 1
    b.created = now;

    const auto candidates =
        TRY(places(m_config, request.channel, request.carriers, request.rate, request.viewers));
    const auto take = [&b](const Place &place) {
        b.channel = place.channel;
        b.relay = place.relay;
        b.viewers = place.viewers;
    };
    std::vector<resv::Demand> judged;
    for (const Place &place : candidates) {
        take(place);
        std::ranges::copy(demands(b), std::back_inserter(judged));
    }
    TRY(t.lock(resv::resources_of(judged), now));

    const resv::Span span = resv::occupied(b.life.window);
    const auto live = TRY(t.loads(span, now, {}));
    std::vector<resv::Shortage> best;
    for (const Place &place : candidates) {
        take(place);
        auto missing = resv::shortages(m_capacity, live, span, demands(b));
        if (missing.empty())
            return save(t, std::move(b));
        if (best.empty() || missing.size() < best.size())
            best = std::move(missing);
    }
    auto refusal = refuse_short(best);
    refusal.error().problem.alternatives = TRY(alternatives(t, request, now));
    return refusal;
}

} // namespace control
