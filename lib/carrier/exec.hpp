// `carrier-connect exec`: a reservation's carriers up, its sender running, one command, down again.
#pragma once

#include "carrier/connector.hpp"
#include "client/api.hpp"

#include <functional>

namespace carrier {

struct ExecRequest {
    wire::Settings settings;
    conf::TerminalConfig config;
    std::string carrier;  ///< as --carrier gave it, may be empty
    bool probe = true;    ///< ask the relay's echo before anything is sent
    bool isolate = false; ///< the sender sees loopback and its carriers, see route::Isolation
    std::vector<std::string> command;
    int signal_fd = -1; ///< a signalfd for SIGINT, SIGTERM, SIGHUP and SIGCHLD, which are blocked
    std::function<void()> restore_signals; ///< gives a child its mask back; async-signal-safe
};

/// Runs the command and returns its exit code (126, 127: it could not be run; 128 + n: a signal).
/// Before it starts: refused when the reservation is over or withdrawn, try_again when another exec
/// has it. The process must have one thread, and root or what require_privilege(true) asks for.
[[nodiscard]] base::Result<int> exec(const ExecRequest &request, const vault::Vault &vault,
                                     Connector &connector);

} // namespace carrier
