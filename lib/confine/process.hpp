// What a process that faces strangers may still ask of the kernel once all that it needs is made.
#pragma once

#include "base/result.hpp"

namespace confine {

/// A build with AddressSanitizer or ThreadSanitizer is not confined: their reports need files,
/// processes and calls that nobody can list.
[[nodiscard]] bool is_built();

/// What this kernel gives for it.
struct Support {
    bool filter = false; ///< seccomp(2) with filters; without them relay-ingest does not run
    int landlock = 0;    ///< landlock(7)'s ABI; 0: none, which it does without
};
/// Asks the kernel, and changes nothing.
[[nodiscard]] Support support();

/// For the log and `relay-serve check`, as "seccomp, Landlock ABI 7".
[[nodiscard]] std::string describe(const Support &support);

/// No file is opened, made, changed or run by its path, no TCP port bound or connected to, and no
/// signal and no abstract socket reaches another process: as much of it as the kernel's Landlock
/// has. For this thread and those that it makes, for ever, so before there are others.
[[nodiscard]] base::Result<void> files();

/// What calls() is for.
enum class Work {
    receive, ///< on sockets that are open
    decode,  ///< from a file that is open, with libraries that are loaded
};

/// Gives up all capabilities, and forbids every system call but those that @p work, threads, memory
/// and clocks need. Others fail with EPERM; one that none of our
/// libraries could make (a program, a process, another's memory) ends the process by SIGSYS. For
/// all threads, for ever. unavailable: the kernel has no filters.
[[nodiscard]] base::Result<void> calls(Work work);

} // namespace confine
