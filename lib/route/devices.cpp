#include "route/devices.hpp"

#include "route/interfaces.hpp"

#include <cerrno>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace route {

using base::Errc;
using base::Result;

namespace {

// The kernel takes it when it makes an interface, so that there is no moment without the mark.
constexpr std::uint32_t k_our_group = 0x736c6f74; // "slot"

} // namespace

Devices::Devices(std::unique_ptr<Netlink> netlink) : m_netlink(std::move(netlink)) {}
Devices::Devices(Devices &&) noexcept = default;
Devices &Devices::operator=(Devices &&) noexcept = default;
Devices::~Devices() = default;

Result<Devices> Devices::open() {
    return Devices{std::make_unique<Netlink>(TRY(Netlink::open(NETLINK_ROUTE)))};
}

Result<void> Devices::make_wireguard(const std::string &name) {
    Message out(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    const ifinfomsg header{};
    out.header(&header, sizeof header);
    out.put_string(IFLA_IFNAME, name);
    out.put_u32(IFLA_GROUP, k_our_group);
    nlattr *const info = out.open(IFLA_LINKINFO);
    out.put_string(IFLA_INFO_KIND, "wireguard");
    out.close(info);
    const int err = TRY(m_netlink->request(out));
    if (err == EOPNOTSUPP)
        return base::fail(Errc::unavailable, "make interface {}: this kernel has no WireGuard",
                          name);
    if (err == EEXIST)
        return base::fail_hint(Errc::refused, "take it away, or choose another name for ours",
                               "make interface {}: there is one of that name", name);
    return judge(err, "make interface", name);
}

Result<void> Devices::remove_made(const std::string &name) {
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0)
        return {};
    Message ask(RTM_GETLINK, 0);
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index);
    ask.header(&header, sizeof header);
    std::uint32_t group = 0;
    const auto asked = m_netlink->dump(ask, [&](const nlmsghdr &message) {
        group = attribute_u32(message, sizeof(ifinfomsg), IFLA_GROUP, 0);
    });
    if (!asked || group != k_our_group)
        return {};
    return remove_interface(*m_netlink, name);
}

Result<void> Devices::set_up(const std::string &name, std::uint32_t mtu) {
    if (mtu != 0)
        TRY(route::set_mtu(*m_netlink, name, mtu));
    return bring_up(*m_netlink, name, Arp::as_it_is);
}

Result<void> Devices::take_down(const std::string &name) {
    return route::take_down(*m_netlink, name);
}

Result<void> Devices::set_mtu(const std::string &name, std::uint32_t mtu) {
    return route::set_mtu(*m_netlink, name, mtu);
}

Result<void> Devices::add_address(const std::string &name, const InterfaceAddress &address) {
    return route::add_address(*m_netlink, name, address);
}

Result<void> Devices::remove_address(const std::string &name, const InterfaceAddress &address) {
    return route::remove_address(*m_netlink, name, address);
}

} // namespace route
