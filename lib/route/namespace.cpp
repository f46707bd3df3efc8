#include "route/namespace.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

namespace route {

using base::Errc;
using base::Fd;
using base::Result;

namespace {

Result<Fd> present() {
    Fd fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!fd)
        return base::fail_errno("open", "/proc/thread-self/ns/net");
    return fd;
}

// In a wrong place nothing of ours may be done, not even its undoing.
void go_back(const Fd &home) {
    if (::setns(home.get(), CLONE_NEWNET) != 0)
        std::abort();
}

} // namespace

Result<Namespace> Namespace::make() {
    const Fd home = TRY(present());
    if (::unshare(CLONE_NEWNET) != 0) {
        const int err = errno;
        if (err == EPERM)
            return base::fail_hint(Errc::not_permitted, "run it with sudo",
                                   "make a network namespace: needs root or CAP_SYS_ADMIN");
        return base::fail_errno("make", "a network namespace", err);
    }
    auto made = present();
    go_back(home);
    return Namespace{TRY(std::move(made))};
}

Result<void> Namespace::inside(const std::function<Result<void>()> &work) const {
    const Fd home = TRY(present());
    if (::setns(m_fd.get(), CLONE_NEWNET) != 0)
        return base::fail_errno("enter", "the sender's network namespace");
    auto done = work();
    go_back(home);
    return done;
}

Result<std::uint64_t> Namespace::number() const {
    struct stat info{};
    if (::fstat(m_fd.get(), &info) != 0)
        return base::fail_errno("look at", "a network namespace");
    return static_cast<std::uint64_t>(info.st_ino);
}

} // namespace route
