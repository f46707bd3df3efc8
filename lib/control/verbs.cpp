// What becomes of a booking: each verb moves it to its next state.
#include "control/booking.hpp"
#include "control/documents.hpp"
#include "control/fees.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using resv::Action;

namespace {

Outcome<resv::State> step(const Booking &b, Action action, UtcTime now) {
    const auto next = resv::next_state(b.life, action, now);
    if (next)
        return *next;
    return refuse(409, "wrong_state", next.error().message, next.error().hint);
}

// What an extension costs, by today's tariff, goes on top of what was quoted.
Outcome<void> add_fee(const Config &config, Booking &b, UtcTime end) {
    const resv::Window &w = b.life.window;
    const auto &carriers = b.request.carriers;
    const auto before = TRY(quote(config, b.channel, carriers, w.end - w.start));
    const auto after = TRY(quote(config, b.channel, carriers, end - w.start));
    if (!after || (b.fee && b.fee->currency != after->currency))
        return {}; // nothing costs anything, or all in another currency: what was quoted stays
    if (!b.fee)
        b.fee = resv::Money{.minor = 0, .currency = after->currency};
    if (__builtin_add_overflow(b.fee->minor, after->minor - before->minor, &b.fee->minor))
        return refuse(409, "refused", "its fee is beyond all bounds");
    return {};
}

} // namespace

// Every change goes through here: revision, the relay's feed, and what it takes.
Outcome<Booking> Desk::save(Transaction &t, Booking b) const {
    ++b.revision;
    if (b.life.state != resv::State::held)
        b.life.hold_expires.reset();
    // Relays hear of it from its booking on; a hold is nothing to them.
    const bool known = b.feed_serial != 0 || b.life.state == resv::State::booked;
    if (known)
        b.feed_serial = TRY(t.next_feed_serial(b.relay));
    TRY(keep(t, b));
    return b;
}

Outcome<void> Desk::keep(Transaction &t, const Booking &b) const {
    // What has ended drains until its window closes. Then it is in nobody's way, see prune().
    const bool takes = resv::occupies(b.life.state) || b.life.state == resv::State::ended;
    TRY(t.put(b, takes ? demands_of(b) : std::vector<resv::Demand>{}));
    return {};
}

Outcome<Booking> Desk::commit(Transaction &t, Booking b, UtcTime now) const {
    if (resv::state_at(b.life, now) == resv::State::expired)
        return refuse(410, "hold_expired", "the hold was not committed in time", "book again");
    const resv::State next = TRY(step(b, Action::commit, now));
    if (next == b.life.state)
        return b;
    // A clock that was set back revives holds whose place was given away meanwhile.
    TRY(check_free(t, b, resv::occupied(b.life.window), now));
    b.life.state = next;
    return save(t, std::move(b));
}

Outcome<Booking> Desk::extend(Transaction &t, Booking b, UtcTime end, UtcTime now) const {
    TRY(step(b, Action::extend, now));
    if (end == b.life.window.end)
        return b;
    if (end < b.life.window.end)
        return refuse(422, "not_later",
                      "it ends at " + base::format_rfc3339(b.life.window.end) + " already",
                      "to stop early, end it when it runs");
    TRY(check_duration(m_config.policy_of(b.channel), end - b.life.window.start));
    // What a booking has it keeps; only what comes on top must be free. A hold: see commit().
    TRY(add_fee(m_config, b, end));
    const UtcTime closed = b.life.window.closes();
    b.life.window.end = end;
    resv::Span needed = resv::occupied(b.life.window);
    if (b.life.state != resv::State::held)
        needed.from = closed;
    TRY(check_free(t, b, needed, now));
    TRY(check_quota(t, b, now));
    return save(t, std::move(b));
}

Outcome<Booking> Desk::cancel(Transaction &t, Booking b, UtcTime now) const {
    const resv::State next = TRY(step(b, Action::cancel, now));
    return next == b.life.state ? Outcome<Booking>{std::move(b)} : settle(t, std::move(b), next);
}

Outcome<Booking> Desk::end(Transaction &t, Booking b, UtcTime now) const {
    const resv::State next = TRY(step(b, Action::end, now));
    if (next == b.life.state)
        return b;
    // The relay and the sender hear of a new end, and the drain is kept: nothing sent is lost. In
    // the lead-in it comes to the shortest programme there can be, for an end follows its start.
    resv::Window &window = b.life.window;
    window.end = std::min(window.end, std::max(now, window.start + base::Millis{1}));
    return settle(t, std::move(b), next);
}

Outcome<Booking> Desk::new_generation(Transaction &t, Booking b) const {
    ++b.generation;
    b.ticket_id = new_ticket_id();
    return save(t, std::move(b));
}

Outcome<Booking> Desk::activate(Transaction &t, Booking b, UtcTime at, UtcTime now) const {
    const resv::State next = TRY(step(b, Action::activate, now));
    if (!b.first_media)
        b.first_media = at;
    return next == b.life.state ? Outcome<Booking>{std::move(b)} : settle(t, std::move(b), next);
}

Outcome<Booking> Desk::settle(Transaction &t, Booking b, resv::State state) const {
    b.life.state = state;
    return save(t, std::move(b));
}

} // namespace control
