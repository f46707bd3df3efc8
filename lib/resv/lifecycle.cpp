#include "resv/lifecycle.hpp"

namespace resv {

using base::Errc;
using base::Result;
using base::UtcTime;

State state_at(const Life &life, UtcTime now) {
    const bool closed = now >= life.window.closes();
    switch (life.state) {
    case State::held:
        return closed || (life.hold_expires && now >= *life.hold_expires) ? State::expired
                                                                          : State::held;
    case State::booked:
        return closed ? State::no_show : State::booked;
    case State::active:
        return closed ? State::ended : State::active;
    default:
        return life.state;
    }
}

namespace {

std::unexpected<base::Error> no(State state, std::string_view verb, std::string hint) {
    return base::fail_hint(Errc::refused, std::move(hint), "it is {}, which cannot be {}",
                           name(state), verb);
}

} // namespace

Result<State> next_state(const Life &life, Action action, UtcTime now) {
    const State state = state_at(life, now);
    switch (action) {
    case Action::commit:
        if (state == State::held || state == State::booked)
            return State::booked;
        return no(state, "committed", "book again");
    case Action::activate:
        if (state == State::booked || state == State::active)
            return State::active;
        return no(state, "made active", "");
    case Action::extend:
        if (state == State::held || state == State::booked || state == State::active)
            return state;
        return no(state, "extended", "book the time that follows");
    case Action::change:
        if (occupies(state))
            return state;
        return no(state, "changed", "book anew");
    case Action::cancel:
        if (state == State::held || state == State::booked || state == State::cancelled)
            return State::cancelled;
        return no(state, "cancelled", state == State::active ? "end it instead" : "");
    case Action::end:
        if (state == State::active || state == State::ended ||
            (state == State::booked && now >= life.window.opens()))
            return State::ended;
        return no(state, "ended", occupies(state) ? "cancel it instead" : "");
    case Action::no_show:
        if (state == State::booked || state == State::no_show)
            return State::no_show;
        return no(state, "made a no-show", "");
    case Action::revoke:
        if (occupies(state) || state == State::revoked)
            return State::revoked;
        return no(state, "revoked", "");
    }
    return base::fail(Errc::bug, "unknown action");
}

} // namespace resv
