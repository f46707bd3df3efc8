// Datagrams that try to leave as another user would send them; for the leak test.
#pragma once

#include "base/result.hpp"
#include "carrier/users.hpp"
#include "route/address.hpp"

#include <span>

namespace carrier {

struct LeakProbe {
    route::Address to;
    std::string interface; ///< bound to it; empty: to none
};

/// As @p who, without any capability, sends each of @p probes once to UDP port @p port, whatever
/// the kernel says of it. Forks; the process must have one thread.
[[nodiscard]] base::Result<void> send_as(const Identity &who, std::span<const LeakProbe> probes,
                                         std::uint16_t port);

} // namespace carrier
