// How this process becomes another program, and how that is rehearsed before.
#pragma once

#include "relay/process.hpp"

#include <filesystem>

namespace relay {

/// How this program was started.
struct OwnCommand {
    std::filesystem::path program; ///< absolute, as it was named: a package replaces what is there
    std::vector<std::string> arguments; ///< its name first; those of takes_over() left out
};
[[nodiscard]] base::Result<OwnCommand> own_command(int argc, char **argv);

/// A descriptor with @p state to be read from its begin, for as long as it is open.
[[nodiscard]] base::Result<base::Fd> keep_state(std::string_view state);
/// What is behind @p fd, which is closed then.
[[nodiscard]] base::Result<std::string> read_state(int fd);

/// The program that stands there now, which reads the state, says whether it can go on with that,
/// and ends. Its diagnostics are its own.
class Rehearsal {
  public:
    /// @p fds are given to it beside @p state, by number.
    [[nodiscard]] static base::Result<Rehearsal> start(const OwnCommand &command, int state,
                                                       std::vector<int> fds);
    enum class Outcome { running, good, bad };
    [[nodiscard]] Outcome outcome();
    /// Why it was bad.
    [[nodiscard]] const std::string &why() const { return m_why; }

    /// By the program itself, when it is: all is well.
    static void approve();

  private:
    Rehearsal(Process process, base::Fd answer)
        : m_process(std::move(process)), m_answer(std::move(answer)) {}
    Process m_process;
    base::Fd m_answer;
    std::string m_why;
};

/// Becomes the program that stands there now, which gets @p state and @p fds by number. Comes back
/// with the reason when it cannot, and then all is as before, but that every descriptor above
/// standard error is close-on-exec. No other thread may be at work.
[[nodiscard]] base::Error become(const OwnCommand &command, int state, const std::vector<int> &fds);

} // namespace relay
