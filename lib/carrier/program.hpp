// Programs that are run to their end, within a time, for what they say.
#pragma once

#include "carrier/process.hpp"

namespace carrier {

struct Program {
    std::vector<std::string> argv;        ///< an absolute path first; no secrets
    std::vector<std::string> environment; ///< all of it, NAME=value
    std::vector<std::pair<int, int>> fds; ///< descriptor here → its number there
    base::Millis limit{5000};             ///< then it and all that it started is killed
};

/// How it ended.
struct ProgramEnd {
    int exit_code = 0;  ///< 128 + n: of a signal
    std::string output; ///< what it wrote to its standard output, the first 64 KB
    std::string errors; ///< the same of its standard error
};

/// Runs it as we are, with no other descriptors, nothing on standard input, / as folder, in a
/// session of its own. unavailable: it is not there, or not done in time.
[[nodiscard]] base::Result<ProgramEnd> run_program(const Program &program);

/// What a pipe gives to whoever reads it once; @p text is shorter than a page.
[[nodiscard]] base::Result<base::Fd> pipe_with(std::string_view text);

} // namespace carrier
