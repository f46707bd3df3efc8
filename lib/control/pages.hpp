// The calendar page's files, which are part of the program.
#pragma once

#include "control/answer.hpp"

namespace control {

/// What a GET of / (which leads to the page), /calendar or /calendar/FILE is answered: 200, 304,
/// 308. 404 not_found. Nothing in these files depends on who asks.
[[nodiscard]] Outcome<Answer> page(const net::Request &request);

} // namespace control
