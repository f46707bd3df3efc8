// The calendar page's files, which are part of the program.
#pragma once

#include "net/http_server.hpp"

#include <optional>

namespace control {

/// The answer when @p request is for /calendar or a file of it: 200, 304, 405 or 404; / leads to
/// it. Nothing in these files depends on who asks. nullopt: it is for something else.
[[nodiscard]] std::optional<net::Response> page(const net::Request &request);

} // namespace control
