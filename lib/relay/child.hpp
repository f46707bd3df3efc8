// A child that faces strangers: a process of its own, without privileges, at the other end of a
// socket.
#pragma once

#include "base/clock.hpp"
#include "base/message_socket.hpp"
#include "relay/config.hpp"
#include "relay/intake.hpp"

namespace relay {

/// What a child is started as.
struct ChildIdentity {
    bool change = false; ///< only root can
    unsigned uid = 0;
    unsigned gid = 0;
};

/// The identity for @p user when this process is root, else its own. config: no such user.
[[nodiscard]] base::Result<ChildIdentity> find_identity(const std::string &user);

/// @p name, beside this program or in ../libexec/slotcast, opened so that it can be executed by a
/// user who cannot reach its folder. no_input: neither.
[[nodiscard]] base::Result<base::Fd> open_child_program(std::string_view name = "relay-ingest");

/// Sends what waits for a child, and notices one that no longer reads.
class Outlet {
  public:
    /// Sends the outbox of @p intake as far as the child takes it, at @p now. protocol: messages
    /// have waited for ten seconds and it took none; how many wait says nothing.
    [[nodiscard]] base::Result<void> flush(base::MessageSocket &socket, Intake &intake,
                                           base::SteadyTime now);

  private:
    std::optional<base::SteadyTime> m_stuck_since;
};

/// Of a status that waitpid(2) gave: "exit status 76", "killed by SIGSEGV", and for SIGSYS that it
/// made a forbidden system call.
[[nodiscard]] std::string describe_end(int status);

/// One running child. Its end is the end of the process (SIGKILL, then reaped).
class Child {
  public:
    [[nodiscard]] static base::Result<Child> start(int program, const ChildIdentity &identity,
                                                   sigset_t mask,
                                                   const char *name = "relay-ingest");
    Child(Child &&other) noexcept;
    Child &operator=(Child &&) = delete;
    ~Child() { std::ignore = end(); }

    [[nodiscard]] int fd() const { return m_socket.fd(); }
    [[nodiscard]] base::MessageSocket &socket() { return m_socket; }
    /// Ends it, if it runs still. How it ended: see describe_end().
    std::string end();
    /// Sends what waits in @p intake's outbox, as far as the child takes it.
    [[nodiscard]] base::Result<void> flush(Intake &intake) {
        return m_outlet.flush(m_socket, intake, std::chrono::steady_clock::now());
    }

  private:
    Child(pid_t pid, base::MessageSocket socket) : m_pid(pid), m_socket(std::move(socket)) {}
    pid_t m_pid;
    base::MessageSocket m_socket;
    Outlet m_outlet;
};

} // namespace relay
