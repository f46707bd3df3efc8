// Interfaces that lines are made of: made, set up, given addresses, taken away.
#pragma once

#include "route/address.hpp"

#include <memory>
#include <string>

namespace route {

class Netlink;

/// Not thread-safe. All of it fails with not_permitted without CAP_NET_ADMIN, with no_input when
/// there is no interface of the name, and with io otherwise.
class Devices {
  public:
    [[nodiscard]] static base::Result<Devices> open();
    Devices(Devices &&) noexcept;
    Devices &operator=(Devices &&) noexcept;
    ~Devices();

    /// A WireGuard interface of the kernel's, marked as ours (by its group). unavailable: this
    /// kernel has none; refused: there is an interface of that name.
    [[nodiscard]] base::Result<void> make_wireguard(const std::string &name);
    /// Takes away what make_wireguard() made, and nothing else; absent is success.
    [[nodiscard]] base::Result<void> remove_made(const std::string &name);

    /// Up, with that MTU (0: as it is), and without an address of the kernel's making.
    [[nodiscard]] base::Result<void> set_up(const std::string &name, std::uint32_t mtu);
    /// Down; no such interface is success.
    [[nodiscard]] base::Result<void> take_down(const std::string &name);
    [[nodiscard]] base::Result<void> set_mtu(const std::string &name, std::uint32_t mtu);
    /// The address alone: no route to its network; there already is success.
    [[nodiscard]] base::Result<void> add_address(const std::string &name,
                                                 const InterfaceAddress &address);
    /// Absent is success.
    [[nodiscard]] base::Result<void> remove_address(const std::string &name,
                                                    const InterfaceAddress &address);

  private:
    explicit Devices(std::unique_ptr<Netlink> netlink);
    std::unique_ptr<Netlink> m_netlink;
};

} // namespace route
