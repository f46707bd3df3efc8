#include "route/passage.hpp"

#include <doctest/doctest.h>

using namespace route;

namespace {

Address ip(std::string_view text) {
    return Address::parse(text).value();
}

Carrier line() {
    return {.name = "lineA",
            .number = 1,
            .interface = "carA",
            .sources = {ip("10.2.0.2"), ip("fd00:10:2::2")},
            .usable = {ip("10.2.0.2"), ip("fd00:10:2::2")},
            .on_link = {Prefix::around(ip("10.2.0.2"), 24), Prefix::around(ip("fd00:10:2::2"), 64)},
            .gateway4 = ip("10.2.0.1"),
            .gateway6 = ip("fd00:10:2::1"),
            .up = true,
            .point_to_point = false};
}

std::string text(const Carrier &carrier, const std::set<Address> &relays) {
    return passage_text("t", {{carrier, "sci0"}}, relays);
}

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("route: a passage leads to relays alone, by the gateway, and answers come back") {
    const std::string out = text(line(), {ip("203.0.113.10"), ip("2001:db8::10")});
    CHECK(has(out, "add table netdev t { flags owner; }"));
    CHECK(has(out, "add chain netdev t out0 { type filter hook ingress device \"sci0\" priority 0; "
                   "policy drop; }"));
    CHECK(has(out, "out0 ip daddr 203.0.113.10 update @flowsip_0 { ip daddr . udp dport . udp "
                   "sport } counter fwd ip to 10.2.0.1 device \"carA\""));
    CHECK(has(out, "out0 ip6 daddr 2001:db8::10 update @flowsip6_0 { ip6 daddr . udp dport . udp "
                   "sport } counter fwd ip6 to fd00:10:2::1 device \"carA\""));
    CHECK(has(out, "in0 ip saddr . udp sport . udp dport @flowsip_0 counter fwd ip to 169.254.0.1 "
                   "device \"sci0\""));
    CHECK(has(out, "in0 ip6 saddr . udp sport . udp dport @flowsip6_0 counter fwd ip6 to fe80::1 "
                   "device \"sci0\""));
}

TEST_CASE("route: a passage goes to a relay on the link itself, or at the other end of a line") {
    CHECK(has(text(line(), {ip("10.2.0.9")}), "fwd ip to 10.2.0.9 device"));
    Carrier line_to_peer = line();
    line_to_peer.gateway4.reset();
    line_to_peer.point_to_point = true;
    line_to_peer.on_link = {Prefix::host(ip("10.2.0.1"))};
    CHECK(has(text(line_to_peer, {ip("203.0.113.10")}), "fwd ip to 203.0.113.10 device"));
}

TEST_CASE("route: without an address or a gateway of the family there is no passage") {
    const std::set<Address> relays{ip("203.0.113.10"), ip("2001:db8::10")};
    Carrier without = line();
    without.usable = {ip("10.2.0.2")};
    CHECK_FALSE(has(text(without, relays), "out0 ip6 daddr"));
    CHECK(has(text(without, relays), "out0 ip daddr"));
    without.gateway4.reset();
    CHECK_FALSE(has(text(without, relays), "out0 ip daddr"));
    without = line();
    without.gateway4 = ip("192.0.2.1"); // not on the link
    CHECK_FALSE(has(text(without, relays), "out0 ip daddr"));
    CHECK(passage_text("t", {}, relays) == "add table netdev t { flags owner; }\n");
}
