#include "relay/extent.hpp"

#include <atomic>
#include <fcntl.h>
#include <sys/mman.h>

namespace relay {

namespace {
std::atomic<std::uint64_t> made{0};
}

Extent::Extent(base::Fd fd, std::int64_t bytes)
    : m_fd(std::move(fd)), m_bytes(bytes), m_serial(++made) {}

base::Result<ExtentPtr> Extent::make(std::int64_t bytes) {
    base::Fd fd{::memfd_create("slotcast-extent", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!fd)
        return base::fail_errno("make", "memory for media");
    if (::ftruncate(fd.get(), bytes) != 0)
        return base::fail_errno("size", "memory for media");
    // Without these a child could shorten the file and a sendfile from it would stall.
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return base::fail_errno("seal", "memory for media");
    return std::make_shared<const Extent>(std::move(fd), bytes);
}

} // namespace relay
