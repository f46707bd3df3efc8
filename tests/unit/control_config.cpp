#include "control/config.hpp"
#include "control_fixture.hpp"

namespace {

base::Result<control::Config> read(const std::string &text) {
    const auto table = conf::Table::parse(text, "control.toml");
    REQUIRE(table);
    return control::read_control(*table);
}

// The configuration of the fixture with one text replaced.
std::string with(std::string_view from, std::string_view to) {
    std::string text{control_test::k_config};
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("control: what the configuration prints, it reads back") {
    const auto config = read(std::string(control_test::k_config));
    REQUIRE(config);
    CHECK(config->relays.at("r1").public_url == "http://198.51.100.1:8080");
    CHECK(config->relays.at("r1").ingest.at("b").text() == "203.0.113.11:9000");
    CHECK(config->policy.hold == std::chrono::minutes{5});
    CHECK(config->catalogue.carriers.at("a").lines == 2);
    const std::string printed = control::print_control(*config);
    const auto again = read(printed);
    REQUIRE(again);
    CHECK(control::print_control(*again) == printed);
}

TEST_CASE("control: a wrong configuration is refused by file, line and key") {
    struct Case {
        std::string_view from;
        std::string_view to;
        std::string_view expected;
    };
    for (const Case &c : std::vector<Case>{
             {"max_rate = \"10M\"", "max_rate = 10", "channels.one.max_rate"},
             {"max_rate = \"10M\"", "max_rate = \"10Mbit\"", "channels.one.max_rate"},
             {"max_rate = \"10M\"", "max_rate = \"21M\"", "more than the relay's ingest"},
             {"relay = \"r1\"", "relay = \"r9\"", "channels.one.relay: there is no [relays.r9]"},
             {"viewers = 10", "viewers = 10\nviewer = 1", "channels.one.viewer: not a known key"},
             {"lead_in = \"10s\"", "lead_in = \"10\"", "policy.lead_in"},
             {"lead_in = \"10s\"", "lead_in = \"1500ms\"", "policy.lead_in: is whole seconds"},
             {"max_duration = \"4h\"", "max_duration = \"30s\"", "policy.max_duration"},
             {"[channels.two]", "[channels.one.policy]\nlead = \"1s\"\n[channels.two]",
              "channels.one.policy.lead: not a known key"},
             {"[channels.two]", "[channels.one.policy]\nhold = \"1s\"\n[channels.two]",
              "channels.one.policy.hold: not a known key"},
             {"[channels.two]", "[channels.one.policy]\ngrid = \"7m\"\n[channels.two]",
              "channels.one.policy.grid: is whole seconds that divide a day"},
             {"[channels.two]", "[channels.one.policy]\nmin_duration = \"5h\"\n[channels.two]",
              "channels.one.policy.max_duration: is shorter"},
             {"type = \"link\"", "type = \"pigeon\"", "carriers.a.type: 'pigeon' is not"},
             {"type = \"link\"", "type = \"command\"", "carriers.a.gateway4: not a known key"},
             {"10.2.0.1", "10.2.0.1.1", "carriers.a.gateway4: not an IPv4 address"},
             {"10.2.0.1", "2001:db8::1", "carriers.a.gateway4: not an IPv4 address"},
             {"203.0.113.10:9000", "192.0.2.10:9000", "is control's own address"},
             {"203.0.113.10:9000", "198.51.100.1:9000", "the viewers' side"},
             {"203.0.113.11:9000", "203.0.113.10:9001", "collides with that of a"},
             {"203.0.113.10:9000", "203.0.113.10:65535", "leaves no port for the echo"},
             {"203.0.113.10:9000", "0.0.0.0:9000", "no address that can be reached"},
             {"b = \"203", "c = \"203", "relays.r1.ingest_addresses.c: not a known key"},
             {"http://198.51.100.1:8080/", "198.51.100.1:8080", "relays.r1.public_url"},
             {"latency = \"200ms\"", "latency = \"1ms\"", "relays.r1.latency"},
             {"streams = 2", "streams = 0", "relays.r1.streams"},
             {"192.0.2.10:8443", "control.example:8443", "listen"},
             {"[channels.one]", "[channels.\"one two\"]", "is not a name"},
             {"tls_key = \"tls.key\"", "", "tls_key: missing"},
             {"data = \"data\"", "datas = \"data\"", "datas: not a known key"}}) {
        CAPTURE(c.to);
        const auto got = read(with(c.from, c.to));
        REQUIRE_FALSE(got);
        CHECK(got.error().code == base::Errc::config);
        INFO(got.error().message);
        CHECK(got.error().message.starts_with("control.toml:"));
        CHECK(got.error().message.find(c.expected) != std::string::npos);
    }
}

TEST_CASE("control: a URL's host is found, addresses in one spelling") {
    CHECK(control::url_host("http://198.51.100.1:8080/x") == "198.51.100.1");
    CHECK(control::url_host("https://[2001:DB8::1]:80") == "2001:db8::1");
    CHECK(control::url_host("https://relay.example") == "relay.example");
    CHECK(control::url_host("ftp://relay.example").empty());
    CHECK(control::url_host("relay.example").empty());
}
