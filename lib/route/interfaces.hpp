// Interfaces, their addresses and neighbours, as far as we make them; for the files of this module
// only. All of it fails with not_permitted without CAP_NET_ADMIN, and with io otherwise.
#pragma once

#include "route/address.hpp"
#include "route/netlink.hpp"

#include <string>

namespace route {

using MacAddress = std::array<std::uint8_t, 6>;

/// Two interfaces with a cable between them (veth): one here, one in another network namespace.
struct Pair {
    std::string here;
    std::string there;
    int there_fd = -1; ///< that namespace
    MacAddress mac_there{};
    std::uint32_t mtu = 1500;
};
/// Makes them, both down. False: there is an interface of one of these names.
[[nodiscard]] base::Result<bool> make_pair(Netlink &netlink, const Pair &pair);

/// Takes an interface that can be made away, with the other end of its pair; absent is success.
[[nodiscard]] base::Result<void> remove_interface(Netlink &netlink, const std::string &name);

/// Whether an interface asks for neighbours; `off`: it writes its own hardware address where that
/// of the next hop belongs.
enum class Arp { as_it_is, off };
/// Up, and without an address of the kernel's making.
[[nodiscard]] base::Result<void> bring_up(Netlink &netlink, const std::string &name, Arp arp);
/// Absent is success.
[[nodiscard]] base::Result<void> take_down(Netlink &netlink, const std::string &name);
[[nodiscard]] base::Result<void> set_mtu(Netlink &netlink, const std::string &name,
                                         std::uint32_t mtu);
/// What the errno of a request about @p name means; 0 is success.
[[nodiscard]] base::Result<void> judge(int err, std::string_view what, const std::string &name);

/// The address alone, without a route to its network and without a check for duplicates; there
/// already is success.
[[nodiscard]] base::Result<void> add_address(Netlink &netlink, const std::string &name,
                                             const InterfaceAddress &address);
/// Absent is success.
[[nodiscard]] base::Result<void> remove_address(Netlink &netlink, const std::string &name,
                                                const InterfaceAddress &address);

/// @p address is at @p mac behind @p name, for good.
[[nodiscard]] base::Result<void> set_neighbour(Netlink &netlink, const std::string &name,
                                               const Address &address, const MacAddress &mac);

} // namespace route
