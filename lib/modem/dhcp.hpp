// The IPv4 address of a modem that leaves it to DHCP, which is most often a server of its own.
#pragma once

#include "base/clock.hpp"
#include "line/lease.hpp"

#include <functional>
#include <optional>

namespace modem {

/// Asks a server on an interface that is up, so often and with such a pause.
struct DhcpPatience {
    int times = 5;
    base::Seconds pause{2};
};
using AskDhcp =
    std::function<base::Result<line::Lease>(const std::string &interface, DhcpPatience patience)>;

/// By udhcpc(8), which dies with us and changes nothing; @p script: carrier-lease's absolute path.
/// unavailable: nobody answers, or it is not installed; bad_data: the answer cannot be used.
[[nodiscard]] AskDhcp ask_udhcpc(std::string script);

/// Asks when it has to, and remembers. Not thread-safe.
class Dhcp {
  public:
    /// @p clock outlives it.
    Dhcp(AskDhcp ask, const base::Clock &clock) : m_ask(std::move(ask)), m_clock(clock) {}

    /// What the server on @p interface gives. Asks anew when half of the time is over, shortly, so
    /// that its caller is not away for long; what it gave before is good to the end of its time,
    /// whatever it answers, and not a moment longer. Without a lease the error of the last question
    /// stands for a while. Each that was not answered is in the log.
    [[nodiscard]] base::Result<line::Grant> grant(const std::string &interface);
    /// When grant() may have something else to say.
    [[nodiscard]] std::optional<base::SteadyTime> next() const { return m_next; }

  private:
    void look(const std::string &interface);

    AskDhcp m_ask;
    const base::Clock &m_clock;
    std::optional<line::Lease> m_lease;
    std::optional<base::Error> m_error;     // without a lease
    base::SteadyTime m_over{};              // when its time is
    std::optional<base::SteadyTime> m_next; // to ask; nothing: nobody was asked yet
};

} // namespace modem
