#include "route/guard.hpp"

#include <doctest/doctest.h>

using namespace route;

namespace {
Address ip(std::string_view text) {
    return Address::parse(text).value();
}
} // namespace

TEST_CASE("route: addresses and prefixes") {
    CHECK(ip("2001:DB8:0::10").text() == "2001:db8::10");
    for (const char *bad :
         {"", "10.2.0", "10.2.0.1/24", "fe80::1%eth0", "relay.example", "10.2.0.256"})
        CHECK_FALSE(Address::parse(bad).has_value());
    const Prefix net = Prefix::around(ip("10.2.7.9"), 22);
    CHECK(net.text() == "10.2.4.0/22");
    CHECK(net.contains(ip("10.2.5.1")));
    CHECK_FALSE(net.contains(ip("10.2.8.1")));
    CHECK_FALSE(net.contains(ip("fd00::1")));
    CHECK(Prefix::host(ip("fd00::1")).text() == "fd00::1");
    CHECK(Prefix::all(Family::v6).contains(ip("fd00::1")));
    CHECK(ip("fe80::1").is_link_local());
    CHECK(ip("169.254.3.4").is_link_local());
    CHECK_FALSE(ip("fd00::1").is_link_local());
}

TEST_CASE("route: the guard is read back from what nft prints") {
    const Guard guard{64010, {"carA", "carB.12"}, {ip("203.0.113.10"), ip("2001:db8::10")}, {}};
    CHECK(read_guard(guard_text(guard)) == guard);
    const Guard bare{1, {}, {}, {}};
    CHECK(read_guard(guard_text(bare)) == bare);
    // As nft 1.0.6 lays it out.
    CHECK(read_guard("table inet slotcast {\n\tset carriers {\n\t\ttype ifname\n"
                     "\t\telements = { \"carB.12\",\n\t\t\t     \"carA\" }\n\t}\n\n"
                     "\tset relay_ingest {\n\t\ttype ipv4_addr\n"
                     "\t\telements = { 203.0.113.10 }\n\t}\n\n"
                     "\tset relay_ingest6 {\n\t\ttype ipv6_addr\n"
                     "\t\telements = { 2001:db8::10 }\n\t}\n\n\tchain guard {\n"
                     "\t\ttype filter hook postrouting priority 300; policy accept;\n"
                     "\t\toifname @carriers accept\n"
                     "\t\tmeta skuid 64010 oifname != \"lo\" oifname != @carriers counter drop\n"
                     "\t\tip daddr @relay_ingest oifname != @carriers counter drop\n"
                     "\t\tip6 daddr @relay_ingest6 oifname != @carriers counter drop\n\t}\n}\n") ==
          guard);
}

TEST_CASE("route: a guard that somebody changed is not taken for ours") {
    const Guard guard{64010, {"carA"}, {ip("203.0.113.10")}, {}};
    const std::string text = guard_text(guard);
    const auto without = [&](std::string_view part, std::string_view instead) {
        std::string out = text;
        out.replace(out.find(part), part.size(), instead);
        return out;
    };
    CHECK_FALSE(read_guard(without("counter drop\nip daddr", "accept\nip daddr")));
    CHECK_FALSE(read_guard(without("priority 300", "priority 400")));
    CHECK_FALSE(read_guard(without("oifname @carriers accept", "oifname @others accept")));
    CHECK_FALSE(read_guard(without("oifname @carriers accept", "accept")));
    CHECK_FALSE(read_guard(without("meta skuid", "ip daddr 203.0.113.10 accept\nmeta skuid")));
    CHECK_FALSE(
        read_guard(without("ip6 daddr @relay_ingest6 oifname != @carriers counter drop", "")));
    CHECK_FALSE(read_guard(""));
    CHECK_FALSE(read_guard("table inet slotcast { }"));
}
