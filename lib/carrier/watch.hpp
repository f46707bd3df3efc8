// `carrier-connect watch`: looks after the lines of a reservation, and moves it between them.
#pragma once

#include "carrier/connector.hpp"
#include "wire/json.hpp"

#include <functional>

namespace carrier {

struct WatchRequest {
    wire::Settings settings;
    conf::TerminalConfig config;
    std::string carrier; ///< as --carrier gave it; empty: the one that is up, else as for `up`
    bool probe = true;   ///< ask the relays' echoes; else interfaces alone count
    int stop_fd = -1;    ///< readable: end
    std::function<base::Result<void>(const wire::Json &)> tell; ///< takes an event record
};

/// Connects all lines of the reservation, one of them active, and moves it to the next one, by
/// preference, when that fails, and back. The line that somebody else makes active becomes the
/// first choice. Returns when the reservation is down, or stopped; lines that were never active go
/// then, the others stay. try_again: another watch has it. Errors of `up`, when nothing was up.
[[nodiscard]] base::Result<void> watch(const WatchRequest &request, Connector &connector);

} // namespace carrier
