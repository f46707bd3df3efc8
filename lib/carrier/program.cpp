#include "carrier/program.hpp"

#include "base/file.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace carrier {

using base::Errc;
using base::Fd;
using base::Result;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t k_most_output = 65'536;

struct Pipe {
    Fd read_end;
    Fd write_end;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "pipe");
    return Pipe{Fd{ends[0]}, Fd{ends[1]}};
}

/// Adds what waits in @p fd to @p out; closes it at its end. What is too much is read, and lost.
void take(Fd &fd, std::string &out) {
    std::array<char, 4096> part{};
    const ssize_t n = ::read(fd.get(), part.data(), part.size());
    if (n > 0)
        out.append(part.data(), std::min(static_cast<std::size_t>(n), k_most_output - out.size()));
    else if (n == 0 || (errno != EINTR && errno != EAGAIN))
        fd.reset();
}

/// A child and what it writes, until both have ended.
class Running {
  public:
    Running(pid_t pid, Fd output, Fd errors)
        : m_pid(pid), m_process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
          m_output(std::move(output)), m_errors(std::move(errors)) {
        for (const Fd *fd : {&m_output, &m_errors})
            ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    }

    /// False: not within @p limit; it is killed then.
    bool wait(base::Millis limit) {
        const auto until = Clock::now() + limit;
        while (!m_ended) {
            const auto left = std::chrono::ceil<base::Millis>(until - Clock::now());
            if (left.count() <= 0)
                break;
            std::array<pollfd, 3> fds{{{m_process.get(), POLLIN, 0},
                                       {m_output.get(), POLLIN, 0},
                                       {m_errors.get(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
            read_all();
            m_ended = fds[0].revents != 0;
        }
        if (!m_ended)
            ::kill(-m_pid, SIGKILL); // its session's group
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        read_all(); // what a child of its own still writes is not waited for
        end.exit_code = exit_code_of(status);
        return m_ended;
    }

    ProgramEnd end;

  private:
    void read_all() {
        for (const auto &[fd, text] :
             {std::pair{&m_output, &end.output}, std::pair{&m_errors, &end.errors}})
            for (pollfd one{fd->get(), POLLIN, 0}; *fd && ::poll(&one, 1, 0) > 0;)
                take(*fd, *text);
    }

    pid_t m_pid;
    Fd m_process;
    Fd m_output;
    Fd m_errors;
    bool m_ended = false;
};

} // namespace

Result<Fd> pipe_with(std::string_view text) {
    Pipe pipe = TRY(make_pipe());
    TRY(base::write_all(pipe.write_end.get(), text, "pipe"));
    return std::move(pipe.read_end);
}

Result<ProgramEnd> run_program(const Program &program) {
    const std::string &name = program.argv.front();
    const Fd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    Pipe output = TRY(make_pipe());
    Pipe errors = TRY(make_pipe());
    Spawn what{.argv = program.argv,
               .environment = program.environment,
               .become = std::nullopt,
               .executable_fd = -1,
               .network_fd = -1,
               .fds = program.fds,
               .confined = false,
               .apart = true,
               .before_run = {},
               .restore_signals = {}};
    what.fds.insert(what.fds.end(),
                    {{null.get(), 0}, {output.write_end.get(), 1}, {errors.write_end.get(), 2}});
    const auto pid = spawn(what);
    if (!pid && pid.error().exit_code == 127)
        return base::fail_hint(Errc::unavailable, "install it, or give its right path",
                               "{}: not there", name);
    if (!pid)
        return std::unexpected(pid.error().error);
    output.write_end.reset();
    errors.write_end.reset();
    Running running{*pid, std::move(output.read_end), std::move(errors.read_end)};
    if (!running.wait(program.limit))
        return base::fail(Errc::unavailable, "{}: not done within {}, and ended", name,
                          base::format_duration(program.limit));
    return std::move(running.end);
}

} // namespace carrier
