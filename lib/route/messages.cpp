#include "route/messages.hpp"

#include <cstring>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace route {

namespace {

constexpr std::uint8_t af(Family family) {
    return static_cast<std::uint8_t>(family == Family::v4 ? AF_INET : AF_INET6);
}

/// The header behind the nlmsghdr, when the message is long enough for it.
template <typename T> std::optional<T> family_header(const nlmsghdr &message) {
    if (message.nlmsg_len < NLMSG_LENGTH(sizeof(T)))
        return std::nullopt;
    T out{};
    std::memcpy(&out, NLMSG_DATA(&message), sizeof out);
    return out;
}

std::optional<Family> family_of(int family) {
    if (family == AF_INET)
        return Family::v4;
    if (family == AF_INET6)
        return Family::v6;
    return std::nullopt;
}

std::optional<Address> read_address(const nlmsghdr &message, std::size_t header, int type) {
    const auto bytes = attribute(message, header, type);
    if (bytes.size() != 4 && bytes.size() != 16)
        return std::nullopt;
    return Address::from_bytes(bytes);
}

std::optional<Prefix> read_prefix(const nlmsghdr &message, std::size_t header, int type,
                                  std::uint8_t length) {
    const auto address = read_address(message, header, type);
    return address ? std::optional{Prefix{*address, length}} : std::nullopt;
}

} // namespace

Message rule_message(const Rule &rule, bool add) {
    Message out(add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
    fib_rule_hdr header{};
    header.family = af(rule.family);
    header.action = rule.unreachable() ? FR_ACT_UNREACHABLE : FR_ACT_TO_TBL;
    if (rule.from)
        header.src_len = rule.from->length;
    if (rule.to)
        header.dst_len = rule.to->length;
    out.header(&header, sizeof header);
    out.put_u32(FRA_PRIORITY, rule.priority);
    out.put_u8(FRA_PROTOCOL, k_protocol);
    if (!rule.unreachable())
        out.put_u32(FRA_TABLE, rule.table);
    if (rule.from)
        out.put_bytes(FRA_SRC, rule.from->address.view());
    if (rule.to)
        out.put_bytes(FRA_DST, rule.to->address.view());
    if (!rule.oif.empty())
        out.put_string(FRA_OIFNAME, rule.oif);
    if (rule.mark) {
        out.put_u32(FRA_FWMARK, *rule.mark);
        out.put_u32(FRA_FWMASK, 0xffffffff);
    }
    if (rule.uid) {
        const fib_rule_uid_range range{*rule.uid, *rule.uid};
        out.put(FRA_UID_RANGE, &range, sizeof range);
    }
    return out;
}

base::Result<Message> route_message(const Route &route, bool add) {
    Message out(add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    rtmsg header{};
    header.rtm_family = af(route.family);
    header.rtm_dst_len = route.to.length;
    header.rtm_protocol = k_protocol;
    header.rtm_type = route.unreachable ? RTN_UNREACHABLE : RTN_UNICAST;
    const bool on_link = !route.unreachable && !route.gateway && route.family == Family::v4;
    header.rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    out.header(&header, sizeof header);
    out.put_u32(RTA_TABLE, route.table);
    if (route.to.length > 0)
        out.put_bytes(RTA_DST, route.to.address.view());
    if (route.metric != 0)
        out.put_u32(RTA_PRIORITY, route.metric);
    if (route.gateway)
        out.put_bytes(RTA_GATEWAY, route.gateway->view());
    if (route.source)
        out.put_bytes(RTA_PREFSRC, route.source->view());
    if (!route.interface.empty()) {
        const unsigned index = ::if_nametoindex(route.interface.c_str());
        if (index == 0)
            return base::fail(base::Errc::no_input, "interface {}: there is none of that name",
                              route.interface);
        out.put_u32(RTA_OIF, index);
    }
    return out;
}

Message dump_rules(Family family) {
    Message out(RTM_GETRULE, NLM_F_DUMP);
    fib_rule_hdr header{};
    header.family = af(family);
    out.header(&header, sizeof header);
    return out;
}

Message dump_routes(Family family) {
    Message out(RTM_GETROUTE, NLM_F_DUMP);
    rtmsg header{};
    header.rtm_family = af(family);
    header.rtm_protocol = k_protocol;
    out.header(&header, sizeof header);
    return out;
}

std::optional<ReadRule> read_rule(const nlmsghdr &message) {
    constexpr std::size_t size = sizeof(fib_rule_hdr);
    const auto header = family_header<fib_rule_hdr>(message);
    if (message.nlmsg_type != RTM_NEWRULE || !header || !family_of(header->family))
        return std::nullopt;
    ReadRule out;
    out.rule.family = *family_of(header->family);
    out.rule.priority = attribute_u32(message, size, FRA_PRIORITY, 0);
    if (header->action == FR_ACT_TO_TBL)
        out.rule.table = attribute_u32(message, size, FRA_TABLE, header->table);
    out.rule.oif = attribute_string(message, size, FRA_OIFNAME);
    out.rule.from = read_prefix(message, size, FRA_SRC, header->src_len);
    out.rule.to = read_prefix(message, size, FRA_DST, header->dst_len);
    if (const auto mark = attribute_u32(message, size, FRA_FWMARK, 0); mark != 0)
        out.rule.mark = mark;
    const auto range = attribute(message, size, FRA_UID_RANGE);
    if (range.size() == sizeof(fib_rule_uid_range)) {
        fib_rule_uid_range uids{};
        std::memcpy(&uids, range.data(), sizeof uids);
        out.rule.uid = uids.start;
    }
    const auto protocol = attribute(message, size, FRA_PROTOCOL);
    out.protocol = protocol.empty() ? std::uint8_t{0} : protocol[0];
    return out;
}

std::optional<Route> read_route(const nlmsghdr &message) {
    constexpr std::size_t size = sizeof(rtmsg);
    const auto header = family_header<rtmsg>(message);
    if (message.nlmsg_type != RTM_NEWROUTE || !header || header->rtm_protocol != k_protocol ||
        !family_of(header->rtm_family) || (header->rtm_flags & RTM_F_CLONED) != 0)
        return std::nullopt;
    Route out;
    out.family = *family_of(header->rtm_family);
    out.table = attribute_u32(message, size, RTA_TABLE, header->rtm_table);
    if (!is_our_table(out.table))
        return std::nullopt;
    out.metric = attribute_u32(message, size, RTA_PRIORITY, 0);
    out.to =
        read_prefix(message, size, RTA_DST, header->rtm_dst_len).value_or(Prefix::all(out.family));
    out.unreachable = header->rtm_type == RTN_UNREACHABLE;
    if (out.unreachable)
        return out; // IPv6 shows "lo" there
    out.gateway = read_address(message, size, RTA_GATEWAY);
    out.source = read_address(message, size, RTA_PREFSRC);
    std::array<char, IF_NAMESIZE> name{};
    if (const auto index = attribute_u32(message, size, RTA_OIF, 0);
        index != 0 && ::if_indextoname(index, name.data()) != nullptr)
        out.interface = name.data();
    return out;
}

} // namespace route
