// Processes of the relay's own, without privileges: how they are started, and ended.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <csignal>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace relay {

class Carry;

/// What a child is started as.
struct ChildIdentity {
    bool change = false; ///< only root can
    unsigned uid = 0;
    unsigned gid = 0;
};

/// The identity for @p user when this process is root, else its own. config: no such user.
[[nodiscard]] base::Result<ChildIdentity> find_identity(const std::string &user);

/// A program of ours, beside this one or in ../libexec/slotcast, opened so that it can be executed
/// by a user who cannot reach its folder. no_input: neither.
[[nodiscard]] base::Result<base::Fd> open_child_program(std::string_view name = "relay-ingest");

/// How to start one.
struct Launch {
    int program = -1;                   ///< of open_child_program()
    std::vector<std::string> arguments; ///< its name first
    int in = -1;                        ///< standard input; -1: /dev/null
    int out = -1;                       ///< standard output likewise
    int socket = -1;                    ///< becomes descriptor 3, unless -1
    /// No network of this machine (when root starts it), little time, memory and disk, last in the
    /// row for a core, and its diagnostics go nowhere.
    bool confined = false;
    static constexpr int k_socket = 3;
    static constexpr long k_most_output = long{1} << 20; ///< bytes of a confined one
};

/// Of a status that waitpid(2) gave: "exit status 76", "killed by SIGSEGV", and for SIGSYS that it
/// made a forbidden system call.
[[nodiscard]] std::string describe_end(int status);

/// A running process. Its end is the end of that (SIGKILL, then reaped), as is this process's own.
class Process {
  public:
    [[nodiscard]] static base::Result<Process> start(const Launch &launch,
                                                     const ChildIdentity &identity, sigset_t mask);
    Process(Process &&other) noexcept;
    Process &operator=(Process &&) = delete;
    ~Process() { std::ignore = end(); }

    /// Ends it, if it runs still. How it ended: see describe_end().
    std::string end();
    /// Its exit code, or 128 and the signal that ended it; nothing while it runs.
    [[nodiscard]] std::optional<int> ended();

    /// A child of this process that was started otherwise; -1: none.
    explicit Process(pid_t pid = -1) : m_pid(pid) {}
    void carry(Carry &c);

  private:
    pid_t m_pid;
};

} // namespace relay
