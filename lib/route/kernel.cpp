#include "route/kernel.hpp"

#include "route/guard.hpp"
#include "route/messages.hpp"
#include "route/netlink.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace route {

using base::Errc;
using base::Result;

Kernel::Kernel(std::unique_ptr<Netlink> netlink) : m_netlink(std::move(netlink)) {}
Kernel::Kernel(Kernel &&) noexcept = default;
Kernel &Kernel::operator=(Kernel &&) noexcept = default;
Kernel::~Kernel() = default;

Result<Kernel> Kernel::open() {
    return Kernel{std::make_unique<Netlink>(TRY(Netlink::open(NETLINK_ROUTE)))};
}

Result<State> Kernel::read(bool may_miss_guard) {
    State state;
    for (const Family family : k_families) {
        TRY(m_netlink->dump(dump_rules(family), [&](const nlmsghdr &message) {
            if (auto read = read_rule(message); read && read->protocol == k_protocol)
                state.rules.push_back(std::move(read->rule));
        }));
        TRY(m_netlink->dump(dump_routes(family), [&](const nlmsghdr &message) {
            if (auto read = read_route(message))
                state.routes.push_back(std::move(*read));
        }));
    }
    auto guard = kernel_guard();
    if (!guard && may_miss_guard && guard.error().code == Errc::not_permitted)
        return state;
    if (!guard)
        return std::unexpected(std::move(guard).error());
    state.guard = std::move(*guard);
    return state;
}

namespace {

/// What the errno of a routing request means; @p absent_ok when something was to be removed.
Result<void> judge(int err, const Step &step, bool removing) {
    const bool gone = err == ENOENT || err == ESRCH || err == ENODEV;
    if (err == 0 || (!removing && err == EEXIST) || (removing && gone))
        return {};
    if (err == EPERM || err == EACCES)
        return base::fail_hint(Errc::not_permitted, "run it as root, or with CAP_NET_ADMIN",
                               "{}: {}", text(step), base::errno_text(err));
    return base::fail(Errc::io, "{}: {}", text(step), base::errno_text(err));
}

struct Apply {
    Netlink &netlink;
    const Step &step;

    Result<void> operator()(const SetGuard &s) const { return set_kernel_guard(s.guard); }
    Result<void> operator()(const RemoveGuard &) const { return remove_kernel_guard(); }
    Result<void> operator()(const AddRule &s) const {
        return judge(TRY(netlink.request(rule_message(s.rule, true))), step, false);
    }
    Result<void> operator()(const RemoveRule &s) const {
        return judge(TRY(netlink.request(rule_message(s.rule, false))), step, true);
    }
    Result<void> operator()(const SetRoute &s) const {
        const Message message = TRY(route_message(s.route, true));
        return judge(TRY(netlink.request(message)), step, false);
    }
    Result<void> operator()(const RemoveRoute &s) const {
        const auto message = route_message(s.route, false);
        if (!message) // the interface took the route with it
            return {};
        return judge(TRY(netlink.request(*message)), step, true);
    }
};

constexpr std::size_t k_link_header = sizeof(ifinfomsg);

void read_link(Link &link, const nlmsghdr &message) {
    if (message.nlmsg_type != RTM_NEWLINK || message.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg)))
        return;
    const auto *header = static_cast<const ifinfomsg *>(NLMSG_DATA(&message));
    link.index = static_cast<unsigned>(header->ifi_index);
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.carrier = (header->ifi_flags & IFF_RUNNING) != 0;
    link.mtu = attribute_u32(message, k_link_header, IFLA_MTU, 0);
    // Without ARP there is nobody to tell apart either: modems' interfaces are of both kinds.
    link.point_to_point = (header->ifi_flags & (IFF_POINTOPOINT | IFF_NOARP)) != 0;
}

/// Adds what @p message says to @p link; addresses that are only a second choice to @p others.
void read_address(Link &link, std::vector<Address> &others, const nlmsghdr &message) {
    constexpr std::size_t size = sizeof(ifaddrmsg);
    if (message.nlmsg_type != RTM_NEWADDR || message.nlmsg_len < NLMSG_LENGTH(size))
        return;
    const auto *header = static_cast<const ifaddrmsg *>(NLMSG_DATA(&message));
    if (header->ifa_index != link.index)
        return;
    const auto flags = attribute_u32(message, size, IFA_FLAGS, header->ifa_flags);
    const auto shared = attribute(message, size, IFA_ADDRESS); // the peer's, point-to-point
    const auto local = attribute(message, size, IFA_LOCAL);
    const auto own = local.empty() ? shared : local;
    if (own.size() != 4 && own.size() != 16)
        return;
    const Address address = Address::from_bytes(own);
    if ((flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0) {
        link.tentative = link.tentative || !address.is_link_local();
        return; // the kernel refuses it as a route's source until it is checked
    }
    const Address prefix = shared.empty() ? address : Address::from_bytes(shared);
    link.on_link.push_back(Prefix::around(prefix, header->ifa_prefixlen));
    if (address.is_link_local())
        return;
    const bool second_choice = (flags & (IFA_F_DEPRECATED | IFA_F_TEMPORARY)) != 0;
    (second_choice ? others : link.addresses).push_back(address);
}

} // namespace

Result<void> Kernel::apply(const Plan &plan) {
    for (const Step &step : plan)
        TRY(std::visit(Apply{*m_netlink, step}, step));
    return {};
}

Result<std::optional<Link>> Kernel::link(const std::string &interface) {
    Link link;
    link.index = ::if_nametoindex(interface.c_str());
    if (link.index == 0)
        return std::optional<Link>{};
    Message ask(RTM_GETLINK, 0);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = static_cast<int>(link.index);
    ask.header(&header, sizeof header);
    // One answer, not a dump; an error means that it went just now.
    if (!m_netlink->dump(ask, [&](const nlmsghdr &message) { read_link(link, message); }))
        return std::optional<Link>{};
    Message addresses(RTM_GETADDR, NLM_F_DUMP);
    ifaddrmsg which{};
    which.ifa_index = link.index;
    addresses.header(&which, sizeof which);
    std::vector<Address> others;
    TRY(m_netlink->dump(addresses, [&](const nlmsghdr &m) { read_address(link, others, m); }));
    link.addresses.insert(link.addresses.end(), others.begin(), others.end());
    std::ranges::sort(link.on_link);
    link.on_link.erase(std::ranges::unique(link.on_link).begin(), link.on_link.end());
    return std::optional{std::move(link)};
}

Result<std::optional<std::string>> Kernel::rule_before_ours() {
    constexpr std::uint32_t k_last_of_ours = 701;
    std::optional<std::string> found;
    for (const Family family : k_families)
        TRY(m_netlink->dump(dump_rules(family), [&](const nlmsghdr &message) {
            const auto read = read_rule(message);
            if (!read || read->protocol == k_protocol || read->rule.priority > k_last_of_ours)
                return;
            if (read->rule.priority == 0 && read->rule.table == RT_TABLE_LOCAL)
                return;
            found =
                fmt::format("{}: {}", family == Family::v4 ? "IPv4" : "IPv6", read->rule.text());
        }));
    return found;
}

Monitor::Monitor(std::unique_ptr<Netlink> routing, std::unique_ptr<Netlink> nftables)
    : m_routing(std::move(routing)), m_nftables(std::move(nftables)) {}
Monitor::Monitor(Monitor &&) noexcept = default;
Monitor &Monitor::operator=(Monitor &&) noexcept = default;
Monitor::~Monitor() = default;

Result<Monitor> Monitor::open() {
    constexpr std::array routing_groups{
        static_cast<int>(RTNLGRP_LINK),        static_cast<int>(RTNLGRP_IPV4_RULE),
        static_cast<int>(RTNLGRP_IPV6_RULE),   static_cast<int>(RTNLGRP_IPV4_ROUTE),
        static_cast<int>(RTNLGRP_IPV6_ROUTE),  static_cast<int>(RTNLGRP_IPV4_IFADDR),
        static_cast<int>(RTNLGRP_IPV6_IFADDR),
    };
    constexpr std::array nftables_groups{static_cast<int>(NFNLGRP_NFTABLES)};
    auto routing = std::make_unique<Netlink>(TRY(Netlink::open(NETLINK_ROUTE)));
    TRY(routing->subscribe(routing_groups));
    auto nftables = std::make_unique<Netlink>(TRY(Netlink::open(NETLINK_NETFILTER)));
    TRY(nftables->subscribe(nftables_groups));
    return Monitor{std::move(routing), std::move(nftables)};
}

int Monitor::routing_fd() const {
    return m_routing->fd();
}
int Monitor::nftables_fd() const {
    return m_nftables->fd();
}

bool Monitor::drain() {
    bool concerns_us = false;
    const auto routing = [&](const nlmsghdr &message) {
        const bool other_route =
            (message.nlmsg_type == RTM_NEWROUTE || message.nlmsg_type == RTM_DELROUTE) &&
            static_cast<const rtmsg *>(NLMSG_DATA(&message))->rtm_protocol != k_protocol;
        concerns_us = concerns_us || !other_route;
    };
    const bool dropped = m_routing->drain(routing);
    const bool dropped_too = m_nftables->drain([&](const nlmsghdr &) { concerns_us = true; });
    return concerns_us || dropped || dropped_too;
}

} // namespace route
