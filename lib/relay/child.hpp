// A child that faces strangers: a process of its own, without privileges, at the other end of a
// socket.
#pragma once

#include "base/clock.hpp"
#include "base/message_socket.hpp"
#include "relay/config.hpp"
#include "relay/intake.hpp"
#include "relay/process.hpp"

namespace relay {

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

/// One running child. Its end is the end of the process (SIGKILL, then reaped).
class Child {
  public:
    [[nodiscard]] static base::Result<Child> start(int program, const ChildIdentity &identity,
                                                   sigset_t mask,
                                                   const char *name = "relay-ingest");
    [[nodiscard]] int fd() const { return m_socket.fd(); }
    [[nodiscard]] base::MessageSocket &socket() { return m_socket; }
    /// Ends it, if it runs still. How it ended: see describe_end().
    std::string end() { return m_process.end(); }
    /// A child that may be there.
    static void carry(Carry &c, std::optional<Child> &child);
    /// Sends what waits in @p intake's outbox, as far as the child takes it.
    [[nodiscard]] base::Result<void> flush(Intake &intake) {
        return m_outlet.flush(m_socket, intake, std::chrono::steady_clock::now());
    }

  private:
    Child(Process process, base::MessageSocket socket)
        : m_process(std::move(process)), m_socket(std::move(socket)) {}
    Process m_process;
    base::MessageSocket m_socket;
    Outlet m_outlet;
};

} // namespace relay
