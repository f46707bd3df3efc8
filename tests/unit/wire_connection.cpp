#include "wire_samples.hpp"

#include <doctest/doctest.h>

using namespace wire;

namespace {

const std::string k_key = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="; // 32 times x

PppInfo pppoe() {
    PppInfo out;
    out.service = "tv";
    out.user = "a@b";
    out.password = "p w";
    return out;
}
PppInfo serial() {
    PppInfo out;
    out.mode = PppMode::serial;
    out.number = "*99#";
    out.init = {"ATZ"};
    out.user = "a";
    return out;
}
WireguardInfo tunnel() {
    WireguardInfo out;
    out.private_key = k_key;
    out.addresses = {"10.9.0.2/32"};
    out.peer_public_key = k_key;
    out.endpoint = {"10.2.0.1", 51820};
    out.allowed = {"203.0.113.0/24", "2001:db8::/32"};
    out.underlay = "line-b";
    return out;
}
WwanInfo mobile() {
    WwanInfo out;
    out.apn = "a";
    return out;
}

Settings settings() {
    return samples::some_settings({}, {});
}

/// The member that is refused in @p connection once @p change was made, or "".
template <typename Info, typename Change> std::string flaw_after(Info connection, Change change) {
    CHECK_FALSE(flaw(connection));
    change(connection);
    const auto found = flaw(connection);
    return found ? std::string(found->member) : std::string{};
}

} // namespace

TEST_CASE("wire: connection info of every type survives, and hides its secrets") {
    auto wwan = mobile();
    wwan.user = "u";
    wwan.password = "secret w";
    wwan.pin = "4321";
    auto secret = pppoe();
    secret.password = "secret p";
    for (const Connection &connection : std::vector<Connection>{
             LinkInfo{"10.2.0.1", ""}, secret, serial(), tunnel(), wwan, CommandInfo{}}) {
        Settings s = settings();
        s.carriers[0].connection = connection;
        const auto back = read_settings(to_json(s));
        REQUIRE(back.has_value());
        CHECK(back->carriers[0] == s.carriers[0]);
        const std::string shown = wire::compact_json(to_json(without_secrets(connection)));
        for (const char *word : {"secret", "4321"})
            CHECK(shown.find(word) == std::string::npos);
    }
    CHECK(std::get<WireguardInfo>(without_secrets(tunnel())).private_key == "****");
    CHECK(std::get<WireguardInfo>(without_secrets(tunnel())).peer_public_key == k_key);
}

TEST_CASE("wire: what could be more than a value is refused in connection info") {
    for (const char *bad : {"", "a b", "a\nb", "a\x7f", "caf\xc3\xa9"})
        CHECK(flaw_after(pppoe(), [&](PppInfo &c) { c.user = bad; }) == "user");
    CHECK(flaw_after(pppoe(), [](PppInfo &c) { c.password = "a\nb"; }) == "password");
    CHECK(flaw_after(pppoe(), [](PppInfo &c) { c.password = std::string(256, 'a'); }) ==
          "password");
    CHECK(flaw_after(pppoe(), [](PppInfo &c) { c.service = "a b"; }) == "service");
    CHECK(flaw_after(pppoe(), [](PppInfo &c) { c.concentrator = "a\tb"; }) == "concentrator");
    for (const char *bad : {"", "0;H", "1'2", "\\d", "^M", "1 2", "x"})
        CHECK(flaw_after(serial(), [&](PppInfo &c) { c.number = bad; }) == "number");
    for (const char *bad : {"", "Z", "ATZ\\r", "AT^M", "AT 1", "AT'", "at", "AT\r"})
        CHECK(flaw_after(serial(), [&](PppInfo &c) { c.init = {bad}; }) == "init");
    CHECK(flaw_after(serial(), [](PppInfo &c) { c.speed = 299; }) == "speed");
    for (const char *bad : {"", "x", "eHg=", "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg"})
        CHECK(flaw_after(tunnel(), [&](WireguardInfo &c) { c.private_key = bad; }) ==
              "private_key");
    for (const char *bad :
         {"", "10.9.0.2", "10.9.0.2/33", "10.9.0/24", "fd00::/129", "1.2.3.4/01", "1.2.3.4/-1"})
        CHECK(flaw_after(tunnel(), [&](WireguardInfo &c) { c.allowed = {bad}; }) == "allowed");
    CHECK(flaw_after(tunnel(), [](WireguardInfo &c) { c.addresses = {}; }) == "addresses");
    CHECK(flaw_after(tunnel(), [](WireguardInfo &c) { c.underlay = ""; }) == "underlay");
    for (const char *bad : {"", ".a", "a b", "a,b", "a\"b", "a;b"})
        CHECK(flaw_after(mobile(), [&](WwanInfo &c) { c.apn = bad; }) == "apn");
    for (const char *bad : {"123", "123456789", "12a4"})
        CHECK(flaw_after(mobile(), [&](WwanInfo &c) { c.pin = bad; }) == "pin");
    CHECK(flaw_after(mobile(), [](WwanInfo &c) { c.ip_type = "ipv5"; }) == "ip_type");
}

TEST_CASE("wire: a tunnel goes over another carrier of the document, and over no tunnel") {
    Settings s = settings();
    s.carriers[0].connection = tunnel();
    CHECK(read_settings(to_json(s)).has_value());
    auto over = tunnel();
    over.underlay = "line-c";
    s.carriers[0].connection = over;
    CHECK(read_settings(to_json(s)).error().message ==
          "settings.carriers: line-a goes over unknown carrier 'line-c'");
    over.underlay = "line-a";
    s.carriers[1].connection = over;
    s.carriers[0].connection = tunnel();
    CHECK(read_settings(to_json(s)).error().message.find("goes over another tunnel") !=
          std::string::npos);
}
