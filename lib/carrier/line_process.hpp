// Programs that keep a line up after carrier-connect has ended: found again by what is written down
// of them, and never mistaken for others.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

/// What to run.
struct LineProgram {
    std::vector<std::string> argv;        ///< an absolute path first; no secrets
    std::vector<std::pair<int, int>> fds; ///< descriptor here → its number there
    /// All of it, NAME=value; empty: the shortest that programs need.
    std::vector<std::string> environment = {};
};

/// Runs @p program as we are, with no other descriptors, the shortest environment, / as folder, in
/// a session of its own. @p keep is called with its number before it begins; when that fails, or we
/// die before, it never does. unavailable: it is not installed.
[[nodiscard]] base::Result<void> start_line_process(const LineProgram &program, Owned owned,
                                                    const Keep &keep);

/// Whether it still runs. Collects it when it was our child: its exit code is in @p code then.
[[nodiscard]] bool runs(const LineProcess &process, std::optional<int> *code = nullptr);

/// Those of @p owned that run, each with how it is ended by hand.
[[nodiscard]] std::vector<LineStep> plan_end(const Owned &owned);

/// Asks each of @p owned to end, waits so long, makes it end. Success when all are gone, whoever
/// was first.
[[nodiscard]] base::Result<void> end_line_processes(const Owned &owned, base::Millis patience);

} // namespace carrier
