// How many connections one address may have.
#include "relay/address_limit.hpp"
#include "relay/config.hpp"

#include <doctest/doctest.h>

namespace {

using Place = std::optional<relay::AddressLimit::Place>;

net::Ip from(std::string_view text) {
    return net::Ip::parse(text).value();
}

} // namespace

TEST_CASE("relay: an address has so many connections, and one that ends leaves its place") {
    relay::AddressLimit limit{2, {}};
    Place one = limit.enter(from("192.0.2.1"));
    Place two = limit.enter(from("192.0.2.1"));
    CHECK(one.has_value());
    CHECK(two.has_value());
    CHECK_FALSE(limit.enter(from("192.0.2.1")).has_value());
    const Place other = limit.enter(from("192.0.2.2"));
    CHECK(other.has_value());
    two.reset();
    Place three = limit.enter(from("192.0.2.1"));
    CHECK(three.has_value());
    CHECK_FALSE(limit.enter(from("192.0.2.1")).has_value());
    // A place that moves is one still; the one that is overwritten is free.
    const Place moved = std::move(one);
    CHECK_FALSE(limit.enter(from("192.0.2.1")).has_value());
    three = relay::AddressLimit::Place{};
    CHECK(limit.enter(from("192.0.2.1")).has_value());
}

TEST_CASE("relay: the addresses of an IPv6 host count together, no IPv4 address with them") {
    relay::AddressLimit limit{1, {}};
    const Place one = limit.enter(from("2001:db8:0:1::1"));
    CHECK(one.has_value());
    CHECK_FALSE(limit.enter(from("2001:db8:0:1:ffff::2")).has_value());
    CHECK(limit.enter(from("2001:db8:0:2::1")).has_value());
    CHECK(limit.enter(from("32.1.13.184")).has_value()); // 2001:0db8
}

TEST_CASE(
    "relay: caches have as many connections as they want, and so has everybody without limit") {
    relay::AddressLimit limit{1, {*net::Network::parse("10.1.0.0/16")}};
    const Place one = limit.enter(from("10.1.2.3"));
    const Place two = limit.enter(from("10.1.2.3"));
    CHECK(two.has_value());
    const Place three = limit.enter(from("10.2.2.3"));
    CHECK_FALSE(limit.enter(from("10.2.2.3")).has_value());
    relay::AddressLimit none{0, {}};
    const Place four = none.enter(from("10.2.2.3"));
    CHECK(none.enter(from("10.2.2.3")).has_value());
}

TEST_CASE("relay: one address may have a quarter of all connections, or what relay.toml says") {
    const auto read = [](const std::string &lines) {
        return relay::read_config(
            *conf::Table::parse("id = \"r1\"\ncontrol = \"https://c\"\nhttp = \"127.0.0.1:80\"\n" +
                                    lines + "\n[ingest.a]\nlisten = \"127.0.0.2:90\"\n",
                                "relay.toml"));
    };
    CHECK(read("")->connections_per_address == 1024);
    CHECK(read("connections = 100")->connections_per_address == 25);
    CHECK(read("connections = 3")->connections_per_address == 1);
    const auto given = read("connections_per_address = 0");
    REQUIRE(given.has_value());
    CHECK(given->connections_per_address == 0);
    CHECK(relay::print_config(*given).contains("\nconnections_per_address = 0\n"));
    CHECK_FALSE(read("connections_per_address = -1").has_value());
    CHECK_FALSE(read("connections_per_address = \"many\"").has_value());
}
