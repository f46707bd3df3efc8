#include "route/interfaces.hpp"

#include <cerrno>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

namespace route {

using base::Errc;
using base::Result;

namespace {

constexpr std::uint8_t af(Family family) {
    return static_cast<std::uint8_t>(family == Family::v4 ? AF_INET : AF_INET6);
}

Result<int> index_of(const std::string &name) {
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0)
        return base::fail(Errc::no_input, "interface {}: there is none of that name", name);
    return static_cast<int>(index);
}

Result<Message> link_message(int type, const std::string &name, unsigned set, unsigned clear) {
    Message out(type, 0);
    ifinfomsg header{};
    header.ifi_index = TRY(index_of(name));
    header.ifi_flags = set;
    header.ifi_change = set | clear;
    out.header(&header, sizeof header);
    return out;
}

Result<Message> address_message(int type, int flags, const std::string &name,
                                const InterfaceAddress &address) {
    Message out(type, flags);
    ifaddrmsg header{};
    header.ifa_family = af(address.address.family);
    header.ifa_prefixlen = address.length;
    header.ifa_index = static_cast<unsigned>(TRY(index_of(name)));
    out.header(&header, sizeof header);
    out.put_bytes(IFA_LOCAL, address.address.view());
    out.put_bytes(IFA_ADDRESS, address.address.view());
    out.put_u32(IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_PERMANENT);
    return out;
}

} // namespace

Result<void> judge(int err, std::string_view what, const std::string &name) {
    if (err == 0)
        return {};
    if (err == EPERM || err == EACCES)
        return base::fail_hint(Errc::not_permitted, "run it as root, or with CAP_NET_ADMIN",
                               "{} {}: {}", what, name, base::errno_text(err));
    return base::fail(Errc::io, "{} {}: {}", what, name, base::errno_text(err));
}

Result<bool> make_pair(Netlink &netlink, const Pair &pair) {
    Message out(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    const ifinfomsg header{};
    out.header(&header, sizeof header);
    out.put_string(IFLA_IFNAME, pair.here);
    out.put_u32(IFLA_MTU, pair.mtu);
    const auto info = out.open(IFLA_LINKINFO);
    out.put_string(IFLA_INFO_KIND, "veth");
    const auto data = out.open(IFLA_INFO_DATA);
    const auto peer = out.open(VETH_INFO_PEER);
    out.header(&header, sizeof header);
    out.put_string(IFLA_IFNAME, pair.there);
    out.put_u32(IFLA_MTU, pair.mtu);
    out.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.there_fd));
    out.put_bytes(IFLA_ADDRESS, pair.mac_there);
    out.close(peer);
    out.close(data);
    out.close(info);
    const int err = TRY(netlink.request(out));
    if (err == EEXIST)
        return false;
    TRY(judge(err, "make interface", pair.here));
    return true;
}

Result<void> remove_interface(Netlink &netlink, const std::string &name) {
    const auto message = link_message(RTM_DELLINK, name, 0, 0);
    if (!message)
        return {};
    const int err = TRY(netlink.request(*message));
    return judge(err == ENODEV ? 0 : err, "remove interface", name);
}

Result<void> bring_up(Netlink &netlink, const std::string &name, Arp arp) {
    Message quiet = TRY(link_message(RTM_SETLINK, name, 0, 0));
    const auto families = quiet.open(IFLA_AF_SPEC);
    const auto v6 = quiet.open(AF_INET6);
    quiet.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    quiet.close(v6);
    quiet.close(families);
    TRY(judge(TRY(netlink.request(quiet)), "set up interface", name));
    const unsigned flags = arp == Arp::off ? IFF_UP | IFF_NOARP : IFF_UP;
    const Message up = TRY(link_message(RTM_SETLINK, name, flags, 0));
    return judge(TRY(netlink.request(up)), "set up interface", name);
}

Result<void> take_down(Netlink &netlink, const std::string &name) {
    const auto message = link_message(RTM_SETLINK, name, 0, IFF_UP);
    if (!message)
        return {};
    const int err = TRY(netlink.request(*message));
    return judge(err == ENODEV ? 0 : err, "set down interface", name);
}

Result<void> set_mtu(Netlink &netlink, const std::string &name, std::uint32_t mtu) {
    Message out = TRY(link_message(RTM_SETLINK, name, 0, 0));
    out.put_u32(IFLA_MTU, mtu);
    return judge(TRY(netlink.request(out)), "set the MTU of interface", name);
}

Result<void> add_address(Netlink &netlink, const std::string &name,
                         const InterfaceAddress &address) {
    const Message out =
        TRY(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, name, address));
    return judge(TRY(netlink.request(out)), "give " + address.text() + " to interface", name);
}

Result<void> remove_address(Netlink &netlink, const std::string &name,
                            const InterfaceAddress &address) {
    const auto message = address_message(RTM_DELADDR, 0, name, address);
    if (!message)
        return {};
    const int err = TRY(netlink.request(*message));
    const bool gone = err == EADDRNOTAVAIL || err == ENODEV;
    return judge(gone ? 0 : err, "take " + address.text() + " from interface", name);
}

Result<void> set_neighbour(Netlink &netlink, const std::string &name, const Address &address,
                           const MacAddress &mac) {
    Message out(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    ndmsg header{};
    header.ndm_family = af(address.family);
    header.ndm_ifindex = TRY(index_of(name));
    header.ndm_state = NUD_PERMANENT;
    out.header(&header, sizeof header);
    out.put_bytes(NDA_DST, address.view());
    out.put_bytes(NDA_LLADDR, mac);
    return judge(TRY(netlink.request(out)), "name a neighbour behind interface", name);
}

} // namespace route
