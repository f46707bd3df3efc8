// What a reservation becomes when its owner wants it otherwise: judged as a whole, beside all
// others.
#include "control/booking.hpp"
#include "control/documents.hpp"
#include "control/fees.hpp"
#include "control/notices.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using resv::Action;
using resv::State;
using wire::ReservationRequest;

namespace {

// What a change costs, by today's tariff, goes on top of what was quoted, or comes off it. Once the
// window has opened nothing comes off, as for what is cancelled or ends early; nor is anything
// charged again that the fee covers.
Outcome<void> adjust_fee(const Config &config, const Booking &before, Booking &b, UtcTime now) {
    const auto cost = [&config](const Booking &x) {
        return quote(config, x.channel, x.request.carriers,
                     x.life.window.end - x.life.window.start);
    };
    const auto former = TRY(cost(before));
    const auto after = TRY(cost(b));
    if (!after || *after == *former || (b.fee && b.fee->currency != after->currency))
        return {}; // nothing costs anything, or all in another currency: what was quoted stays
    const std::int64_t quoted = b.fee ? b.fee->minor : 0;
    std::int64_t fee = 0;
    if (__builtin_add_overflow(quoted, after->minor - former->minor, &fee))
        return refuse(409, "refused", "its fee is beyond all bounds");
    if (before.life.state != State::held && now >= before.life.window.opens())
        fee = std::max(quoted, std::min(fee, after->minor));
    fee = std::max<std::int64_t>(0, fee); // tariffs may have fallen meanwhile
    b.fee = resv::Money{.minor = fee, .currency = after->currency};
    return {};
}

// Whether anything that admission judges is asked for otherwise.
bool moves(const ReservationRequest &a, const ReservationRequest &b) {
    return a.start != b.start || a.end != b.end || a.rate != b.rate || a.viewers != b.viewers ||
           a.channel != b.channel || a.carriers != b.carriers;
}

// On the air it can be longer, shorter, larger or smaller, and be called otherwise.
Outcome<void> check_active(const ReservationRequest &a, const ReservationRequest &b) {
    if (a.start == b.start && a.channel == b.channel && a.carriers == b.carriers &&
        a.disclosure == b.disclosure && a.password_hash == b.password_hash)
        return {};
    return refuse(409, "wrong_state",
                  "it is active and keeps its start, channel, carriers and disclosure",
                  "change its end, rate, viewers or title, or end it and book anew");
}

// The rules for its times, as far as they are new.
Outcome<void> check_new_times(const ChannelPolicy &policy, const ReservationRequest &former,
                              const ReservationRequest &r, UtcTime now) {
    if (r.start != former.start)
        return check_times(policy, r.start, r.end, now);
    if (r.end == former.end)
        return {};
    if (r.end <= now)
        return refuse(422, "too_late",
                      fmt::format("that end is past: it is {}", base::format_rfc3339(now)),
                      "resv-request end stops it now");
    TRY(check_duration(policy, r.end - r.start));
    if (r.end > now + policy.horizon)
        return refuse(422, "beyond_horizon",
                      "reservations are taken until " + base::format_rfc3339(now + policy.horizon));
    return {};
}

// The request as it stands: an extension moved its end.
ReservationRequest request_of(const Booking &b) {
    ReservationRequest r = b.request;
    r.start = b.life.window.start;
    r.end = b.life.window.end;
    return r;
}

} // namespace

Outcome<std::vector<Place>> Desk::places_for(const Booking &before, const Booking &wanted,
                                             bool stays, UtcTime now) const {
    const ReservationRequest former = request_of(before);
    const ReservationRequest &r = wanted.request;
    const auto only = stays ? std::optional{before.channel} : r.channel;
    auto out = TRY(places(m_config, only, r.carriers, r.rate, r.viewers));
    Outcome<void> last;
    std::erase_if(out, [&](const Place &place) {
        if (before.feed_serial != 0 && place.relay != before.relay) {
            last = refuse(409, "other_relay",
                          fmt::format("it stays at relay {}, which knows it", before.relay),
                          "book the other channel, then cancel this one");
            return true;
        }
        auto judged = check_new_times(place.policy, former, r, now);
        if (!judged)
            last = judged;
        return !judged;
    });
    if (out.empty())
        return std::unexpected(last.error());
    std::ranges::stable_partition(
        out, [&](const Place &place) { return place.channel == before.channel; });
    for (Place &place : out)
        if (place.channel == before.channel) { // it keeps what it was given
            place.viewers = r.viewers.value_or(before.viewers);
            if (r.start == former.start) {
                place.policy.lead_in = before.life.window.lead_in;
                place.policy.drain = before.life.window.drain;
            }
        }
    return out;
}

Outcome<Booking> Desk::move(Transaction &t, const Booking &before, Booking b, bool stays,
                            UtcTime now) const {
    const ReservationRequest &r = b.request;
    const auto candidates = TRY(places_for(before, b, stays, now));
    const auto take = [&](const Place &place) -> resv::Taking {
        b.channel = place.channel;
        b.relay = place.relay;
        b.viewers = place.viewers;
        b.life.window = {.start = r.start,
                         .end = r.end,
                         .lead_in = place.policy.lead_in,
                         .drain = place.policy.drain};
        return {resv::occupied(b.life.window), bounded(b)};
    };
    resv::Taking had; // nothing, for a hold: a clock that was set back revives
    if (before.life.state != State::held) { // holds whose place was given away meanwhile
        had = {resv::occupied(before.life.window), bounded(before)};
    }
    resv::Span reach = resv::occupied(before.life.window);
    std::vector<resv::Demand> judged;
    for (const Place &place : candidates) {
        const auto wanted = take(place);
        reach = {std::min(reach.from, wanted.span.from), std::max(reach.to, wanted.span.to)};
        std::ranges::copy(wanted.demands, std::back_inserter(judged));
    }
    const auto resources = resv::resources_of(judged);
    TRY(t.lock(resources, now));
    if (r.start != before.life.window.start || r.end != before.life.window.end)
        TRY(check_quota(t, b, now));
    const auto live = TRY(taken(t, resources, reach, now, b.id));
    std::vector<resv::Shortage> best;
    for (const Place &place : candidates) {
        auto missing = resv::shortages_of_change(m_capacity, live, had, take(place));
        if (missing.empty()) {
            TRY(adjust_fee(m_config, before, b, now));
            return b;
        }
        if (best.empty() || missing.size() < best.size())
            best = std::move(missing);
    }
    take(candidates.front());
    return refuse_change(t, before, b, best, now);
}

Outcome<Booking> Desk::refuse_change(Transaction &t, const Booking &before, const Booking &wanted,
                                     const std::vector<resv::Shortage> &missing,
                                     UtcTime now) const {
    const resv::Window &w = before.life.window;
    const ReservationRequest &r = wanted.request;
    Keeps keeps{.id = before.id,
                .relay = before.feed_serial != 0 ? before.relay : "",
                .place = before.life.state == State::active,
                .longer_than = {}};
    if (r.start == w.start && r.end > w.end)
        keeps.longer_than = w.end - w.start;
    auto refusal = refuse_short(missing);
    auto found = TRY(alternatives(t, wanted, now, keeps));
    std::erase_if(found, [&](const wire::Alternative &a) { // what it has is no alternative
        return a.start == w.start && a.end == w.end && a.channel == before.channel &&
               a.carriers == before.request.carriers && a.rate == before.request.rate &&
               a.viewers == before.viewers && before.life.state != State::held;
    });
    refusal.error().problem.alternatives = std::move(found);
    return refusal;
}

Outcome<Booking> Desk::extend(Transaction &t, Booking b, UtcTime end, const Act &act) const {
    TRY(step(b, Action::extend, act.now));
    if (end == b.life.window.end)
        return b;
    if (end < b.life.window.end)
        return refuse(422, "not_later",
                      "it ends at " + base::format_rfc3339(b.life.window.end) + " already",
                      "resv-request change makes it shorter; to stop early, end it when it runs");
    wire::ReservationChange longer;
    longer.end = end;
    return alter(t, "extend", std::move(b), longer, true, act);
}

Outcome<Booking> Desk::change(Transaction &t, Booking b, const wire::ReservationChange &change,
                              const Act &act) const {
    TRY(step(b, Action::change, act.now));
    const bool stays = b.life.state == State::active;
    return alter(t, "change", std::move(b), change, stays, act);
}

Outcome<Booking> Desk::alter(Transaction &t, std::string_view verb, Booking b,
                             const wire::ReservationChange &change, bool stays,
                             const Act &act) const {
    const ReservationRequest former = request_of(b);
    const ReservationRequest wanted = wire::changed(former, change);
    if (wanted == former)
        return b;
    if (wanted.end <= wanted.start)
        return refuse(422, "end_before_start", "end is not after start");
    if (const auto can_be = wire::read_request(wire::to_json(wanted), "change"); !can_be)
        return refuse(422, "invalid_request", can_be.error().message, can_be.error().hint);
    TRY(check_words(wanted));
    if (wanted.notify != former.notify)
        TRY(check_notify(m_config, wanted));
    if (b.life.state == State::active)
        TRY(check_active(former, wanted));
    const Booking before = b;
    b.request = wanted;
    if (moves(former, wanted))
        b = TRY(move(t, before, std::move(b), stays, act.now));
    if ((former.disclosure == resv::Disclosure::public_) !=
        (wanted.disclosure == resv::Disclosure::public_))
        b.vid = wanted.disclosure == resv::Disclosure::public_ ? b.id.text() : new_vid();
    // Settings that would send at another time, over other lines or at another rate are void. The
    // relay has a new end, or a rate on the air, by its feed.
    if (b.life.state == State::booked &&
        (former.start != wanted.start || former.carriers != wanted.carriers ||
         former.rate != wanted.rate || before.channel != b.channel))
        renew_ticket(b);
    return save(t, verb, act, &before, std::move(b));
}

} // namespace control
