#include "carrier/reach.hpp"

#include <algorithm>

namespace carrier {

using base::Errc;
using base::Result;
using route::Address;
using route::Family;

namespace {

bool has_family(const std::vector<Address> &addresses, Family family) {
    return std::ranges::find(addresses, family, &Address::family) != addresses.end();
}

} // namespace

std::optional<Address> optional_address(const std::string &text) {
    const auto parsed = Address::parse(text);
    return parsed ? std::optional{*parsed} : std::nullopt;
}

Result<void> check_reach(const Choice &choice, const Gateways &gateways, const route::Link &link,
                         const Address &relay) {
    const std::string_view family = relay.family == Family::v4 ? "IPv4" : "IPv6";
    if (!has_family(link.addresses, relay.family))
        return base::fail_hint(Errc::unavailable,
                               fmt::format("ip address show dev {}", choice.interface),
                               "carrier {}: interface {} has no {} address to reach the relay from",
                               choice.name, choice.interface, family);
    const auto on_link = [&](const Address &address) {
        return std::ranges::any_of(
            link.on_link, [&](const route::Prefix &prefix) { return prefix.contains(address); });
    };
    const auto &gateway = relay.family == Family::v4 ? gateways.v4 : gateways.v6;
    if (gateway && !on_link(*gateway))
        return base::fail_hint(
            Errc::unavailable,
            fmt::format("give [carriers.{}] the gateway that its network has, or the interface an "
                        "address of it",
                        choice.name),
            "carrier {}: gateway {} is not on the network of interface {}", choice.name,
            gateway->text(), choice.interface);
    if (!gateway && !link.point_to_point && !on_link(relay))
        return base::fail_hint(Errc::unavailable,
                               fmt::format("add gateway{} = \"…\" to [carriers.{}]",
                                           relay.family == Family::v4 ? 4 : 6, choice.name),
                               "carrier {}: no gateway, and the relay {} is not on its network",
                               choice.name, relay.text());
    return {};
}

} // namespace carrier
