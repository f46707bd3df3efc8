// A network namespace of our own, with nothing in it but what is put there.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <functional>

namespace route {

/// Lives as long as the object, a process or a socket in it. Not thread-safe.
class Namespace {
  public:
    /// A new one; not even loopback is up in it. not_permitted: it needs CAP_SYS_ADMIN.
    [[nodiscard]] static base::Result<Namespace> make();

    /// Does @p work with the calling thread in it. Sockets that are opened there stay there.
    [[nodiscard]] base::Result<void> inside(const std::function<base::Result<void>()> &work) const;

    /// As setns(2) takes it.
    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// Unlike that of any other that lives now.
    [[nodiscard]] base::Result<std::uint64_t> number() const;

  private:
    explicit Namespace(base::Fd fd) : m_fd(std::move(fd)) {}
    base::Fd m_fd;
};

} // namespace route
