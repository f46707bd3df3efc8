// The states of a reservation, as every program spells them.
#pragma once

#include "base/result.hpp"

#include <string_view>

namespace resv {

enum class State { held, booked, active, ended, expired, cancelled, no_show, revoked };

[[nodiscard]] std::string_view name(State state);
[[nodiscard]] base::Result<State> parse_state(std::string_view text);

/// True for the states that occupy resources.
[[nodiscard]] constexpr bool occupies(State s) {
    return s == State::held || s == State::booked || s == State::active;
}

enum class Disclosure { public_, unlisted, password };

[[nodiscard]] std::string_view name(Disclosure disclosure);
[[nodiscard]] base::Result<Disclosure> parse_disclosure(std::string_view text);

} // namespace resv
