#include "route/passage.hpp"

#include <algorithm>

namespace route {

namespace {

/// How one family is written.
struct Words {
    Family family;
    std::string_view ip;
    std::string_view type;
};
constexpr std::array k_words{Words{Family::v4, "ip", "ipv4_addr"},
                             Words{Family::v6, "ip6", "ipv6_addr"}};

/// Where the line takes @p relay; nothing: the carrier has no way to it.
std::optional<Address> next_hop(const Carrier &carrier, const Address &relay) {
    if (std::ranges::find(carrier.usable, relay.family, &Address::family) == carrier.usable.end())
        return std::nullopt;
    const auto on_link = [&](const Address &address) {
        return std::ranges::any_of(carrier.on_link,
                                   [&](const Prefix &p) { return p.contains(address); });
    };
    const auto &gateway = relay.family == Family::v4 ? carrier.gateway4 : carrier.gateway6;
    if (on_link(relay) || (carrier.point_to_point && !gateway))
        return relay;
    return gateway && on_link(*gateway) ? gateway : std::nullopt;
}

void add_carrier(std::string &out, const std::string &table, const Passage &passage,
                 std::size_t number, const std::set<Address> &relay_ingest) {
    const auto chain = [&](std::string_view name, const std::string &device,
                           std::string_view policy) {
        out += fmt::format("add chain {} {}{} {{ type filter hook ingress device \"{}\" priority "
                           "0; policy {}; }}\n",
                           table, name, number, device, policy);
    };
    chain("out", passage.pair, "drop");
    chain("in", passage.carrier.interface, "accept");
    for (const Words &words : k_words) {
        const std::string flows = fmt::format("flows{}_{}", words.ip, number);
        out += fmt::format("add set {} {} {{ type {} . inet_service . inet_service; size 4096; "
                           "flags dynamic, timeout; timeout 60s; }}\n",
                           table, flows, words.type);
        for (const Address &relay : relay_ingest)
            if (const auto hop = next_hop(passage.carrier, relay);
                hop && relay.family == words.family)
                out += fmt::format("add rule {0} out{1} {2} daddr {3} update @{4} {{ {2} daddr . "
                                   "udp dport . udp sport }} counter fwd {2} to {5} device "
                                   "\"{6}\"\n",
                                   table, number, words.ip, relay.text(), flows, hop->text(),
                                   passage.carrier.interface);
        out += fmt::format("add rule {0} in{1} {2} saddr . udp sport . udp dport @{3} counter fwd "
                           "{2} to {4} device \"{5}\"\n",
                           table, number, words.ip, flows, pair_neighbour(words.family).text(),
                           passage.pair);
    }
    out += fmt::format("add rule {} out{} counter drop\n", table, number);
}

} // namespace

Address pair_neighbour(Family family) {
    return Address::parse(family == Family::v4 ? "169.254.0.1" : "fe80::1").value();
}

std::string passage_text(const std::string &name, const std::vector<Passage> &passages,
                         const std::set<Address> &relay_ingest) {
    const std::string table = "netdev " + name;
    std::string out = fmt::format("add table {} {{ flags owner; }}\n", table);
    for (std::size_t i = 0; i < passages.size(); ++i)
        add_carrier(out, table, passages[i], i, relay_ingest);
    return out;
}

} // namespace route
