#include "carrier/line_process.hpp"

#include "base/file.hpp"
#include "carrier/process.hpp"

#include <charconv>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;

namespace {

constexpr std::size_t k_max_stat = 4096;
constexpr int k_kill_wait_ms = 5000;
const std::vector<std::string> k_environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};

/// Of /proc/PID/stat: whether it is more than a name that waits to be collected, and its start.
struct Stat {
    char state = 'X';
    std::int64_t started = 0;
};

std::optional<Stat> stat_of(std::int64_t pid) {
    const auto text = base::read_file(fmt::format("/proc/{}/stat", pid), k_max_stat);
    if (!text)
        return std::nullopt;
    // Behind the program's name, which may hold anything: state is field 3, the start field 22.
    const std::size_t name_end = text->rfind(") ");
    if (name_end == std::string::npos)
        return std::nullopt;
    Stat out;
    out.state = (*text)[name_end + 2];
    std::size_t at = name_end + 2;
    for (int field = 3; field < 22 && at != std::string::npos; ++field)
        at = text->find(' ', at + 1);
    if (at == std::string::npos)
        return std::nullopt;
    std::from_chars(text->data() + at + 1, text->data() + text->size(), out.started);
    return out;
}

/// Holds the process itself, not its number; empty when it is gone or another one by now.
Fd hold(const LineProcess &process) {
    Fd fd{static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0))};
    const auto stat = stat_of(process.pid);
    if (!fd || !stat || stat->started != process.started)
        return Fd{};
    return fd;
}

bool ends_within(const Fd &process, base::Millis patience) {
    pollfd end{process.get(), POLLIN, 0};
    return ::poll(&end, 1, static_cast<int>(patience.count())) > 0;
}

Result<void> end_line_process(const LineProcess &process, base::Millis patience) {
    const Fd held = hold(process);
    if (!held)
        return {};
    const auto send = [&](int signal) {
        return ::syscall(SYS_pidfd_send_signal, held.get(), signal, nullptr, 0) == 0 ||
               errno == ESRCH;
    };
    if (!send(SIGTERM))
        return base::fail_errno("end", fmt::format("process {}", process.pid));
    if (!ends_within(held, patience) && send(SIGKILL) &&
        !ends_within(held, base::Millis{k_kill_wait_ms}))
        return base::fail(Errc::io, "end process {}: it does not", process.pid);
    ::waitpid(static_cast<pid_t>(process.pid), nullptr, WNOHANG);
    return {};
}

} // namespace

Result<void> start_line_process(const LineProgram &program, Owned owned, const Keep &keep) {
    const auto begin = [&](pid_t pid) -> Result<void> {
        const auto stat = stat_of(pid);
        if (!stat)
            return base::fail(Errc::io, "run {}: its process cannot be seen in /proc",
                              program.argv.front());
        owned.processes.push_back({pid, stat->started});
        return keep(owned);
    };
    const auto started =
        spawn({.argv = program.argv,
               .environment = program.environment.empty() ? k_environment : program.environment,
               .become = std::nullopt,
               .executable_fd = -1,
               .network_fd = -1,
               .fds = program.fds,
               .confined = false,
               .apart = true,
               .before_run = begin,
               .restore_signals = {}});
    if (started)
        return {};
    if (started.error().exit_code == 127)
        return base::fail_hint(Errc::unavailable, "install its package: see slotcast(7)",
                               "{}: not installed", program.argv.front());
    return std::unexpected(started.error().error);
}

bool runs(const LineProcess &process, std::optional<int> *code) {
    int status = 0;
    if (::waitpid(static_cast<pid_t>(process.pid), &status, WNOHANG) == process.pid) {
        if (code != nullptr)
            *code = exit_code_of(status);
        return false;
    }
    const auto stat = stat_of(process.pid);
    return stat && stat->started == process.started && stat->state != 'Z' && stat->state != 'X';
}

std::vector<LineStep> plan_end(const Owned &owned) {
    std::vector<LineStep> out;
    for (const LineProcess &process : owned.processes)
        if (runs(process))
            out.push_back({"disconnect line", fmt::format("kill {}", process.pid)});
    return out;
}

Result<void> end_line_processes(const Owned &owned, base::Millis patience) {
    for (const LineProcess &process : owned.processes)
        TRY(end_line_process(process, patience));
    return {};
}

} // namespace carrier
