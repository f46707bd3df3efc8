#include "carrier/settings.hpp"

#include <doctest/doctest.h>

using namespace carrier;
using base::Errc;

namespace {

wire::CarrierInfo line(std::string name, std::int64_t preference) {
    wire::CarrierInfo out;
    out.name = std::move(name);
    out.preference = preference;
    out.ingest = {{"r2", {"203.0.113.20", 9000}}, {"r1", {"203.0.113.10", 9000}}};
    out.connection = wire::LinkInfo{.gateway4 = "10.2.0.1", .gateway6 = ""};
    return out;
}

wire::Settings settings() {
    wire::Settings out;
    out.carriers = {line("lineA", 0), line("lineB", 1)};
    out.relays = {{.id = "r1",
                   .at = {"203.0.113.10", 9000},
                   .latency_ms = 250,
                   .passphrase = "secret of r1",
                   .pbkeylen = 16}};
    out.stream.ticket = "ticket";
    return out;
}

conf::TerminalConfig terminal() {
    conf::TerminalConfig out;
    out.carriers["lineA"] = {.interface = "carA"};
    out.carriers["lineB"] = {.interface = "carB", .gateway4 = "10.3.0.1", .gateway6 = "fd00:3::1"};
    return out;
}

} // namespace

TEST_CASE("carrier: the named one is chosen, else the preset one, else the settings' first") {
    auto config = terminal();
    CHECK(choose(settings(), config, "")->name == "lineA");
    config.preset = "lineB";
    CHECK(choose(settings(), config, "")->name == "lineB");
    CHECK(choose(settings(), config, "lineA")->name == "lineA");
    config.preset = "elsewhere"; // not reserved: no reason to stop
    CHECK(choose(settings(), config, "")->name == "lineA");
}

TEST_CASE("carrier: the machine's own gateway counts more than the settings'") {
    CHECK(choose(settings(), terminal(), "lineA")->gateway4 == "10.2.0.1");
    CHECK(choose(settings(), terminal(), "lineB")->gateway4 == "10.3.0.1");
    CHECK(choose(settings(), terminal(), "lineB")->gateway6 == "fd00:3::1");
}

TEST_CASE("carrier: where DHCP says the IPv4 gateway, the machine's own alone counts more") {
    auto config = terminal();
    for (auto &[name, carrier] : config.carriers)
        carrier.dhcp = true;
    CHECK(choose(settings(), config, "lineA")->driver == "dhcp");
    CHECK(choose(settings(), config, "lineA")->gateway4.empty());
    CHECK(choose(settings(), config, "lineB")->gateway4 == "10.3.0.1");
    CHECK(choose(settings(), config, "lineB")->gateway6 == "fd00:3::1");
}

TEST_CASE("carrier: what cannot be used is refused with its reason") {
    CHECK(choose(settings(), terminal(), "lineC").error().code == Errc::refused);
    auto config = terminal();
    config.carriers.erase("lineA");
    CHECK(choose(settings(), config, "lineA").error().code == Errc::config);
    auto other = settings();
    other.carriers[0].connection = wire::WwanInfo{};
    CHECK(choose(other, terminal(), "lineA")->driver == "wwan");
    wire::PppInfo ppp;
    other.carriers[0].connection = ppp;
    CHECK(choose(other, terminal(), "lineA").error().code == Errc::config); // no device
    config = terminal();
    config.carriers["lineA"].device = "/dev/ttyS0";
    CHECK(choose(other, config, "lineA").error().code == Errc::config); // of a modem
    config.carriers["lineA"].device = "eth1";
    CHECK(choose(other, config, "lineA")->driver == "ppp");
    ppp.mode = wire::PppMode::serial;
    other.carriers[0].connection = ppp;
    CHECK(choose(other, config, "lineA").error().code == Errc::config);
    other = settings();
    other.relays[0].id = "r9";
    CHECK(choose(other, terminal(), "lineA").error().code == Errc::bad_data);
}

TEST_CASE(
    "carrier: the sender's path has the relay by preference and the first source of each family") {
    const auto choice = choose(settings(), terminal(), "lineA").value();
    const auto ip = [](const char *text) { return route::Address::parse(text).value(); };
    const auto path =
        sender_path(settings(), choice, {ip("10.2.0.2"), ip("10.2.0.3"), ip("fd00:2::2")});
    CHECK(path.relay == wire::Endpoint{"203.0.113.10", 9000});
    CHECK(path.source4 == "10.2.0.2");
    CHECK(path.source6 == "fd00:2::2");
    CHECK(path.interface == "carA");
    CHECK(path.passphrase == "secret of r1");
    CHECK(path.latency_ms == 250);
    CHECK(ingest_addresses(settings()) == std::set<std::string>{"203.0.113.10", "203.0.113.20"});
}
