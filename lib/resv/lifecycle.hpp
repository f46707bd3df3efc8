// How a reservation goes from state to state, by somebody's action or by time alone.
#pragma once

#include "resv/state.hpp"
#include "resv/window.hpp"

#include <optional>

namespace resv {

/// The part of a reservation that time and actions change.
struct Life {
    State state = State::booked;
    Window window;
    std::optional<base::UtcTime> hold_expires; ///< while held
};

/// The state at @p now: a hold whose time is over is expired, a window that has closed has ended
/// (or had no media). Decided when read, so that no sweeper has to be on time. A booking without
/// media past its grace stays booked here: only control, which knows whether the relay could have
/// reported, makes it a no-show.
[[nodiscard]] State state_at(const Life &life, base::UtcTime now);

enum class Action {
    commit,   ///< held to booked
    activate, ///< media came
    extend,   ///< a later end
    change,   ///< of what was asked for
    cancel,   ///< before it is active
    end,      ///< now, before its time
    no_show,  ///< nothing came in the grace
    revoke    ///< by the operator
};

/// The state after @p action at @p now. Repeating an action that is done already is success.
/// refused: the state does not allow it; the text says what would be possible.
[[nodiscard]] base::Result<State> next_state(const Life &life, Action action, base::UtcTime now);

} // namespace resv
