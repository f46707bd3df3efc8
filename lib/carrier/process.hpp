// Child processes with exactly the user, descriptors and environment that are meant for them.
#pragma once

#include "base/fd.hpp"
#include "carrier/users.hpp"

#include <functional>

namespace carrier {

/// What to run and as whom. Everything is prepared before fork(2).
struct Spawn {
    std::vector<std::string> argv;
    std::vector<std::string> environment; ///< NAME=value
    std::optional<Identity> become;       ///< nothing: stay
    int executable_fd = -1;               ///< run this file, wherever it is; else argv[0] by PATH
    int network_fd = -1;                  ///< a network namespace to run in; else ours
    std::vector<std::pair<int, int>> fds; ///< descriptor here → its number there
    /// No capabilities, none to be had, no other descriptors, / as folder, /dev/null for stdin and
    /// stdout, a process group of its own (the terminal's ^C is not for it), dies with us.
    bool confined = false;
    /// Outlives us: no other descriptors, /dev/null for each of stdin, stdout and stderr that is
    /// not in fds, / as folder, a session of its own, no signal blocked or ignored.
    bool apart = false;
    /// Called with its pid while it waits to become its program. An error, or our death, and it
    /// never does.
    std::function<base::Result<void>(pid_t)> before_run = {};
    std::function<void()> restore_signals; ///< called in the child; async-signal-safe
};

/// Why it did not run: its exit code as a shell gives it (127 not found, 126 otherwise).
struct NotRun {
    int exit_code = 126;
    base::Error error;
};

/// The child's pid once its program runs.
[[nodiscard]] std::expected<pid_t, NotRun> spawn(const Spawn &what);

/// Our environment with @p changes (NAME=value) replacing or added.
[[nodiscard]] std::vector<std::string> environment_with(const std::vector<std::string> &changes);

/// The absolute path of a program of ours that users do not call, as open_helper() looks for it.
[[nodiscard]] base::Result<std::string> helper_path(std::string_view name);
/// Opens a program of ours that users do not call: beside this one, else in ../libexec/slotcast.
[[nodiscard]] base::Result<base::Fd> open_helper(std::string_view name);

/// The exit code of a wait status: 128 + n for a signal.
[[nodiscard]] int exit_code_of(int wait_status);

/// Becomes @p who for good; false, with errno, when that is not allowed. Async-signal-safe.
[[nodiscard]] bool become(const Identity &who);
/// Drops every capability, for good. Async-signal-safe.
void drop_capabilities();

} // namespace carrier
