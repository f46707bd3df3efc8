// What becomes of a booking: each verb moves it to its next state.
#include "control/booking.hpp"
#include "control/documents.hpp"
#include "control/notices.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using resv::Action;

Outcome<resv::State> step(const Booking &b, Action action, UtcTime now) {
    const auto next = resv::next_state(b.life, action, now);
    if (next)
        return *next;
    return refuse(409, "wrong_state", next.error().message, next.error().hint);
}

// Every change goes through here: revision, the relay's feed, what it takes, and who is told.
Outcome<Booking> Desk::save(Transaction &t, std::string_view verb, const Act &act,
                            const Booking *before, Booking b) const {
    ++b.revision;
    if (b.life.state != resv::State::held)
        b.life.hold_expires.reset();
    // What has ended drains until its window closes. Then it is in nobody's way, see prune().
    const bool takes = resv::occupies(b.life.state) || b.life.state == resv::State::ended;
    if (b.preflight && (!takes || b.preflight->to <= act.now))
        b.preflight.reset();
    // Relays hear of it from its booking on; a hold is nothing to them.
    const bool known = b.feed_serial != 0 || b.life.state == resv::State::booked;
    if (known)
        b.feed_serial = TRY(t.next_feed_serial(b.relay));
    TRY(t.put(next_entry(verb, act, before, b)));
    const auto demands = takes ? demands_of(b) : std::vector<resv::Demand>{};
    TRY(before == nullptr ? t.add(b, demands) : t.put(b, demands));
    if (const auto event = event_between(before, b))
        TRY(notify(t, *event, b, m_config, act.now));
    return b;
}

Outcome<Booking> Desk::commit(Transaction &t, Booking b, const Act &act) const {
    const UtcTime now = act.now;
    if (resv::state_at(b.life, now) == resv::State::expired)
        return refuse(410, "hold_expired", "the hold was not committed in time", "book again");
    const resv::State next = TRY(step(b, Action::commit, now));
    if (next == b.life.state)
        return b;
    // A clock that was set back revives holds whose place was given away meanwhile.
    const Booking before = b;
    b = TRY(move(t, before, std::move(b), true, now));
    b.life.state = next;
    return save(t, "commit", act, &before, std::move(b));
}

// All that changes is the state; what is there already is left alone.
Outcome<Booking> Desk::finish(Transaction &t, Booking b, Action action, std::string_view verb,
                              const Act &act) const {
    const Booking before = b;
    b.life.state = TRY(step(b, action, act.now));
    if (b.life.state == before.life.state)
        return b;
    return save(t, verb, act, &before, std::move(b));
}

Outcome<Booking> Desk::cancel(Transaction &t, Booking b, const Act &act) const {
    return finish(t, std::move(b), Action::cancel, "cancel", act);
}

Outcome<Booking> Desk::end(Transaction &t, Booking b, const Act &act) const {
    const Booking before = b;
    b.life.state = TRY(step(b, Action::end, act.now));
    if (b.life.state == before.life.state)
        return b;
    // The relay and the sender hear of a new end, and the drain is kept: nothing sent is lost. In
    // the lead-in it comes to the shortest programme there can be, for an end follows its start.
    resv::Window &window = b.life.window;
    window.end = std::min(window.end, std::max(act.now, window.start + base::Millis{1}));
    return save(t, "end", act, &before, std::move(b));
}

Outcome<Booking> Desk::revoke(Transaction &t, Booking b, const Act &act) const {
    return finish(t, std::move(b), Action::revoke, "revoke", act);
}

void Desk::renew_ticket(Booking &b) {
    ++b.generation;
    b.ticket_id = new_ticket_id();
    b.preflight.reset();
}

Outcome<Booking> Desk::new_generation(Transaction &t, Booking b, const Act &act) const {
    const Booking before = b;
    renew_ticket(b);
    return save(t, "new_generation", act, &before, std::move(b));
}

Outcome<Booking> Desk::preflight(Transaction &t, Booking b, const Act &act) const {
    const Booking before = b;
    const resv::State state = resv::state_at(b.life, act.now);
    const UtcTime opens = b.life.window.opens();
    if (state != resv::State::booked && state != resv::State::active)
        return refuse(409, "wrong_state", fmt::format("it is {}", resv::name(state)),
                      state == resv::State::held ? "commit it first" : "");
    if (state == resv::State::active || act.now >= opens)
        return refuse(409, "window_open",
                      fmt::format("its window opened at {}", base::format_rfc3339(opens)),
                      "a preflight comes before that: publish now");
    b.preflight = resv::Span{act.now, std::min(act.now + m_config.policy.preflight, opens)};
    const auto wanted = resv::demands_of_preflight(bounded(b));
    const auto resources = resv::resources_of(wanted);
    TRY(t.lock(resources, act.now));
    const auto live = TRY(taken(t, resources, *b.preflight, act.now, b.id));
    const auto missing = resv::shortages(m_capacity, live, *b.preflight, wanted);
    if (!missing.empty()) {
        auto refusal = refuse_short(missing);
        refusal.error().problem.hint = "ask again when that is over; the booking itself stands";
        return refusal;
    }
    return save(t, "preflight", act, &before, std::move(b));
}

Outcome<Booking> Desk::activate(Transaction &t, Booking b, UtcTime at, const Act &act) const {
    const Booking before = b;
    b.life.state = TRY(step(b, Action::activate, act.now));
    if (!b.first_media)
        b.first_media = at;
    if (b.life.state == before.life.state)
        return b;
    return save(t, "activate", act, &before, std::move(b));
}

Outcome<Booking> Desk::settle(Transaction &t, Booking b, resv::State state, const Act &act) const {
    const Booking before = b;
    b.life.state = state;
    return save(t, resv::name(state), act, &before, std::move(b));
}

} // namespace control
