// The steps that random histories are made of.
#pragma once

#include "control_fixture.hpp"
#include "wire/series.hpp"

namespace control_model {

using base::Millis;
using base::Seconds;
using base::UtcTime;
using control::Outcome;
using ledger::Booking;
using resv::State;

// Times are multiples of this, so the model looks at no instant between.
constexpr Seconds k_tick{5};

struct Step {
    enum class Verb {
        book,
        hold,
        now,
        series,
        commit,
        extend,
        change,
        cancel,
        end,
        activate,
        no_show,
        preflight,
        revoke
    } verb{};
    int which = 0; // of what was booked
    wire::ReservationRequest request;
    bool adjoins = false; // its times count from where that one ends, not from now
    Seconds later{0};     // an extension's, a moved start's
    Seconds passes{0};    // before it
    int changes = 0;      // bits: start, length, rate, channel, carriers

    [[nodiscard]] bool books() const {
        return verb == Verb::book || verb == Verb::hold || verb == Verb::now ||
               verb == Verb::series;
    }
    // Three, so close after each other that they may be in each other's way.
    [[nodiscard]] std::vector<UtcTime> starts() const {
        const Millis every = request.end - request.start + later % Seconds{30};
        return {request.start, request.start + every, request.start + 2 * every};
    }
    [[nodiscard]] wire::OnClash on_clash() const {
        return static_cast<wire::OnClash>(changes / 4 % 3); // place() takes the rest
    }
};

// What an answer comes to, for comparison.
inline std::string told(const Outcome<Booking> &o) {
    if (!o)
        return fmt::format("{}", o.error().problem.status);
    return fmt::format("{} {}.{} {} {} to {}, {}", resv::name(o->life.state), o->revision,
                       o->generation, o->channel, base::unix_ms(o->life.window.start),
                       base::unix_ms(o->life.window.end),
                       o->preflight ? base::unix_ms(o->preflight->to) : 0);
}

// What a step asks to be otherwise.
inline wire::ReservationChange change_of(const Step &s, UtcTime start) {
    wire::ReservationChange c;
    if ((s.changes & 1) != 0)
        c.start = start + s.later - Seconds{60};
    if ((s.changes & 2) != 0)
        c.duration = s.request.end - s.request.start;
    if ((s.changes & 4) != 0)
        c.rate = s.request.rate;
    if ((s.changes & 8) != 0)
        c.channel = s.request.channel;
    if ((s.changes & 16) != 0)
        c.carriers = s.request.carriers;
    return c;
}

} // namespace control_model
