// Control as `exec` sees it: asked by a child process without privileges, over the reservation
// network, so that a slow or absent control never holds anything up.
#pragma once

#include "base/message_socket.hpp"
#include "carrier/users.hpp"
#include "client/api.hpp"
#include "vault/vault.hpp"

#include <functional>
#include <variant>

namespace carrier {

/// Control's clock minus CLOCK_MONOTONIC.
struct ClockNews {
    base::Millis offset{0};
};
/// The reservation as control has it now.
struct ReservationNews {
    wire::Reservation reservation;
};
/// Control could not be asked.
struct NoNews {
    std::string why;
};
using News = std::variant<ClockNews, ReservationNews, NoNews>;

/// The child lives as long as the object. Not thread-safe.
class ControlWatch {
  public:
    /// Forks; to be called while the process has one thread. The child asks for the clock at once
    /// and every ten minutes (sooner when that failed) and for @p reservation every five seconds,
    /// every second towards its end, as @p user (nothing: as we are), without capabilities.
    [[nodiscard]] static base::Result<ControlWatch> start(const client::Target &target,
                                                          const vault::Vault &vault,
                                                          const base::Id &reservation,
                                                          const std::optional<Identity> &user);
    ControlWatch(ControlWatch &&other) noexcept;
    ControlWatch &operator=(ControlWatch &&) = delete;
    ~ControlWatch();

    /// To poll for reading.
    [[nodiscard]] int fd() const { return m_socket.fd(); }
    [[nodiscard]] pid_t pid() const { return m_pid; }
    /// What the child said; nothing when nothing waits. unavailable: it is gone.
    [[nodiscard]] base::Result<std::optional<News>> next();

  private:
    ControlWatch(base::MessageSocket socket, pid_t pid) : m_socket(std::move(socket)), m_pid(pid) {}
    base::MessageSocket m_socket;
    pid_t m_pid;
};

} // namespace carrier
