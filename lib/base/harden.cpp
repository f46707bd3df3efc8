#include "base/harden.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace base {

Result<void> hide_memory() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("unset", "dumpable");
    return {};
}

Result<void> harden_process() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno("set", "no_new_privs");
    TRY(hide_memory());
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0)
        return fail_errno("set", "the core limit");
    return {};
}

} // namespace base
