#include "control/booking.hpp"

#include "base/log.hpp"
#include "control/documents.hpp"
#include "seal/password.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using resv::Action;

struct Desk::Place {
    std::string channel;
    std::string relay;
    std::int64_t viewers = 0;
};

namespace {

std::unexpected<Refusal> short_of(const std::vector<resv::Shortage> &shortages) {
    const bool taken = std::ranges::any_of(
        shortages, [](const auto &s) { return s.resource.starts_with("channel:"); });
    auto refusal = refuse(409, taken ? "overlap" : "no_capacity",
                          taken ? "the channel is taken at that time"
                                : "not everything it needs is free at that time",
                          "resv-request slots shows what is free");
    for (const resv::Shortage &s : shortages)
        refusal.error().problem.shortfalls.push_back({.resource = s.resource,
                                                      .needed = s.needed,
                                                      .available = s.available,
                                                      .from = s.when.from,
                                                      .to = s.when.to});
    return refusal;
}

Outcome<resv::State> step(const Booking &b, Action action, UtcTime now) {
    const auto next = resv::next_state(b.life, action, now);
    if (next)
        return *next;
    return refuse(409, "wrong_state", next.error().message, next.error().hint);
}

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

// The channels that could carry it, as far as the configuration goes.
Outcome<std::vector<Desk::Place>> Desk::places(const std::optional<std::string> &channel,
                                               const std::vector<std::string> &carriers,
                                               base::BitRate rate,
                                               const std::optional<std::int64_t> &viewers) const {
    const resv::Catalogue &all = m_config.catalogue;
    for (const std::string &carrier : carriers)
        if (!all.carriers.contains(carrier))
            return refuse(422, "unknown_carrier", fmt::format("there is no carrier '{}'", carrier));
    if (channel && !all.channels.contains(*channel))
        return refuse(422, "unknown_channel", fmt::format("there is no channel '{}'", *channel));
    std::vector<Place> out;
    std::optional<std::unexpected<Refusal>> refused;
    for (const auto &[name, c] : all.channels) {
        const auto &ingest = m_config.relays.at(c.relay).ingest;
        if (channel && name != *channel)
            continue;
        const auto strange = std::ranges::find_if(
            carriers, [&](const std::string &carrier) { return !ingest.contains(carrier); });
        if (rate > c.max_rate)
            refused = refuse(
                422, "over_max_rate",
                fmt::format("channel {} takes at most {}bit/s", name, format_rate(c.max_rate)));
        else if (strange != carriers.end())
            refused = refuse(422, "carrier_not_at_relay",
                             fmt::format("carrier {} does not lead to channel {}", *strange, name));
        else
            out.push_back({name, c.relay, viewers.value_or(c.viewers)});
    }
    if (!out.empty())
        return out;
    return refused ? *refused : refuse(422, "unknown_channel", "there is no channel");
}

std::vector<resv::Demand> Desk::demands(const Booking &b) const {
    return resv::demands_of(b.channel, b.relay, b.request.carriers, b.request.rate, b.viewers);
}

// What `b` needs within `span` is free, but for what it takes itself.
Outcome<void> Desk::check_free(Transaction &t, const Booking &b, resv::Span span,
                               UtcTime now) const {
    const auto missing =
        resv::shortages(m_capacity, TRY(t.loads(span, now, b.id)), span, demands(b));
    if (!missing.empty())
        return short_of(missing);
    return {};
}

// Every change goes through here: revision, the relay's feed, and what it takes.
Outcome<Booking> Desk::save(Transaction &t, Booking b) const {
    ++b.revision;
    if (b.life.state != resv::State::held)
        b.life.hold_expires.reset();
    // Relays hear of it from its booking on; a hold is nothing to them.
    const bool known = b.feed_serial != 0 || b.life.state == resv::State::booked;
    if (known)
        b.feed_serial = TRY(t.next_feed_serial());
    TRY(keep(t, b));
    return b;
}

Outcome<void> Desk::keep(Transaction &t, const Booking &b) const {
    const bool occupies = resv::occupies(b.life.state);
    TRY(t.put(b, occupies ? demands(b) : std::vector<resv::Demand>{}));
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

    const resv::Span span = resv::occupied(b.life.window);
    const auto live = TRY(t.loads(span, now, {}));
    std::vector<resv::Shortage> best;
    for (const Place &place :
         TRY(places(request.channel, request.carriers, request.rate, request.viewers))) {
        b.channel = place.channel;
        b.relay = place.relay;
        b.viewers = place.viewers;
        auto missing = resv::shortages(m_capacity, live, span, demands(b));
        if (missing.empty())
            return save(t, std::move(b));
        if (best.empty() || missing.size() < best.size())
            best = std::move(missing);
    }
    return short_of(best);
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
    if (end - b.life.window.start > m_config.policy.max_duration)
        return refuse(422, "too_long",
                      "the longest reservation is " +
                          base::format_duration(m_config.policy.max_duration));
    // What a booking has it keeps; only what comes on top must be free. A hold: see commit().
    const UtcTime closed = b.life.window.closes();
    b.life.window.end = end;
    resv::Span needed = resv::occupied(b.life.window);
    if (b.life.state != resv::State::held)
        needed.from = closed;
    TRY(check_free(t, b, needed, now));
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
        const auto found = places(wish.channel, carriers, wish.rate, wish.viewers);
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
