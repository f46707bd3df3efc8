// Reads our part of the kernel's routing, and carries a plan out.
#pragma once

#include "route/plan.hpp"

#include <memory>

namespace route {

class Netlink;

/// An interface as it is now.
struct Link {
    unsigned index = 0;
    unsigned mtu = 0;
    bool up = false;      ///< administratively
    bool carrier = false; ///< the cable is in and the other end answers
    bool point_to_point = false;
    std::vector<Address> addresses; ///< fit to send from; the preferred ones first
    std::vector<Prefix> on_link;
    bool tentative = false; ///< an IPv6 address is still being checked for duplicates
};

/// The network namespace's routing. Not thread-safe. Reading needs no privilege, but for the guard.
class Kernel {
  public:
    [[nodiscard]] static base::Result<Kernel> open();
    Kernel(Kernel &&) noexcept;
    Kernel &operator=(Kernel &&) noexcept;
    ~Kernel();

    /// Rules and routes of protocol 151 in our tables, and the guard. A guard that was changed by
    /// somebody else counts as absent, so that it is put back; with @p may_miss_guard also one that
    /// may not be seen. not_permitted: seeing the guard needs CAP_NET_ADMIN.
    [[nodiscard]] base::Result<State> read(bool may_miss_guard = false);

    /// Carries out the steps in order; stops at the first that fails. What is already so is
    /// success.
    [[nodiscard]] base::Result<void> apply(const Plan &plan);

    /// Nothing when there is no such interface.
    [[nodiscard]] base::Result<std::optional<Link>> link(const std::string &interface);

    /// The foreign rule that stands before ours, if any, as text: packets may go by it.
    [[nodiscard]] base::Result<std::optional<std::string>> rule_before_ours();

  private:
    explicit Kernel(std::unique_ptr<Netlink> netlink);
    std::unique_ptr<Netlink> m_netlink;
};

/// Tells that something may have changed: rules, routes, links, addresses, nftables.
class Monitor {
  public:
    [[nodiscard]] static base::Result<Monitor> open();
    Monitor(Monitor &&) noexcept;
    Monitor &operator=(Monitor &&) noexcept;
    ~Monitor();

    /// To poll for reading, both.
    [[nodiscard]] int routing_fd() const;
    [[nodiscard]] int nftables_fd() const;
    /// Reads all events; true when one may concern us.
    [[nodiscard]] bool drain();

  private:
    Monitor(std::unique_ptr<Netlink> routing, std::unique_ptr<Netlink> nftables);
    std::unique_ptr<Netlink> m_routing;
    std::unique_ptr<Netlink> m_nftables;
};

} // namespace route
