// SIGINT and SIGTERM as something to poll.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <csignal>
#include <optional>
#include <vector>

namespace cli {

/// Blocks SIGINT, SIGTERM (and @p more) for the process and reads them from a descriptor. Make one
/// before the first thread starts. Children that are exec'ed must get their mask back: unblock().
class StopSignal {
  public:
    [[nodiscard]] static base::Result<StopSignal> make(const std::vector<int> &more = {});
    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// The signal that arrived, if any; does not wait.
    [[nodiscard]] std::optional<int> take();
    /// Gives the calling process its former mask (async-signal-safe; for use after fork).
    void unblock() const;
    /// The exit code of a program that a signal ended: 128 + number.
    [[nodiscard]] static int exit_code(int signal) { return 128 + signal; }

  private:
    StopSignal(base::Fd fd, sigset_t former) : m_fd(std::move(fd)), m_former(former) {}
    base::Fd m_fd;
    sigset_t m_former;
};

} // namespace cli
