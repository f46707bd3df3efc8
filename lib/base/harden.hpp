#pragma once

#include "base/result.hpp"

namespace base {

/// For processes that hold secrets and start other programs: nobody of the same user may read their
/// memory, and a crash leaves no core (PR_SET_DUMPABLE 0). What they exec is not restricted.
[[nodiscard]] Result<void> hide_memory();

/// For processes that hold secrets or face strangers: nothing they exec gains privileges
/// (PR_SET_NO_NEW_PRIVS), nobody of the same user may read their memory (PR_SET_DUMPABLE 0), and a
/// crash leaves no core. For the whole process and for ever.
[[nodiscard]] Result<void> harden_process();

} // namespace base
