// The IPv4 address of a modem that leaves it to DHCP, which is most often a server of its own.
#pragma once

#include "line/lease.hpp"

#include <optional>

namespace modem {

/// Asks when it has to, and remembers. Not thread-safe.
class Dhcp {
  public:
    /// @p script: carrier-lease's absolute path.
    explicit Dhcp(std::string script) : m_script(std::move(script)) {}

    /// What the server on @p interface, which is up, gives. Asks anew when half of the time is
    /// over; what it gave before is good to the end of its time, whether or not it answers.
    /// unavailable: nobody answers (10 s), or udhcpc(8) is not installed.
    [[nodiscard]] base::Result<line::Grant> grant(const std::string &interface);

  private:
    std::string m_script;
    std::optional<line::Lease> m_lease;
    std::chrono::steady_clock::time_point m_asked{};
    std::chrono::steady_clock::time_point m_next{};
};

} // namespace modem
