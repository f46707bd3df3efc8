// What an access side gives is judged before it is put to use.
#include "line/grant.hpp"
#include "line/modem_order.hpp"

#include <doctest/doctest.h>

using base::Errc;
using line::Grant;
using route::Address;
using route::InterfaceAddress;

namespace {

Grant grant(std::vector<const char *> addresses, const char *gateway4 = "",
            const char *gateway6 = "", std::uint32_t mtu = 0) {
    Grant out;
    out.interface = "wwan0";
    for (const char *text : addresses)
        out.addresses.push_back(InterfaceAddress::parse(text).value());
    if (*gateway4 != 0)
        out.gateway4 = Address::parse(gateway4).value();
    if (*gateway6 != 0)
        out.gateway6 = Address::parse(gateway6).value();
    out.mtu = mtu;
    return out;
}

bool fit(const Grant &grant) {
    const auto done = line::judge(grant);
    CHECK((done || done.error().code == Errc::bad_data));
    return done.has_value();
}

} // namespace

TEST_CASE("line: addresses that a host can have are taken, with gateways on their networks") {
    CHECK(fit(grant({"10.2.0.2/24"}, "10.2.0.1")));
    CHECK(fit(grant({"10.2.0.2/32"})));
    CHECK(fit(grant({"10.2.0.0/31"}, "10.2.0.1")));
    CHECK(fit(grant({"2001:db8::2/64"}, "", "fe80::1", 1280)));
    CHECK(fit(grant({"10.2.0.2/30", "2001:db8::2/64"}, "10.2.0.1", "2001:db8::1", 1430)));
}

TEST_CASE("line: what no access side means well is refused") {
    CHECK_FALSE(fit(grant({})));
    for (const char *address :
         {"127.0.0.1/8", "0.0.0.0/24", "0.1.2.3/24", "224.0.0.1/24", "255.255.255.255/32",
          "240.0.0.1/24", "169.254.3.4/16", "10.2.0.0/24", "10.2.0.255/24", "10.2.0.2/0",
          "10.2.0.2/7", "::1/128", "::/64", "ff02::1/64", "fe80::1/64", "2001:db8::1/0"}) {
        CAPTURE(address);
        CHECK_FALSE(fit(grant({address})));
    }
    for (const char *gateway : {"10.3.0.1", "10.2.0.2", "127.0.0.1", "224.0.0.1"}) {
        CAPTURE(gateway);
        CHECK_FALSE(fit(grant({"10.2.0.2/24"}, gateway)));
    }
    CHECK_FALSE(fit(grant({"2001:db8::2/64"}, "", "2001:db8:1::1")));
    CHECK_FALSE(fit(grant({"10.2.0.2/32"}, "10.2.0.1")));
    for (const std::uint32_t mtu : {1U, 575U, 9217U})
        CHECK_FALSE(fit(grant({"10.2.0.2/24"}, "", "", mtu)));
    CHECK_FALSE(fit(grant({"2001:db8::2/64"}, "", "", 1279)));
    CHECK_FALSE(
        fit(grant({"10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24", "10.0.0.4/24", "10.0.0.5/24"})));
}

TEST_CASE("line: a grant is read as it was written, and damage is seen") {
    Grant all = grant({"10.2.0.2/24", "2001:db8::2/64"}, "10.2.0.1", "fe80::1", 1430);
    all.raised = true;
    all.former_mtu = 1500;
    CHECK(line::read_grant(line::to_text(all), "x").value() == all);
    const std::string text = line::to_text(all);
    for (std::size_t size = 0; size + 2 < text.size(); ++size)
        CHECK_FALSE(line::read_grant(text.substr(0, size), "x").has_value());
}

TEST_CASE("route: an address with its prefix's length is read strictly") {
    CHECK(InterfaceAddress::parse("10.2.0.2/24").value().text() == "10.2.0.2/24");
    for (const char *wrong : {"10.2.0.2", "10.2.0.2/", "10.2.0.2/33", "10.2.0.2/-1", "10.2.0.2/ 8",
                              "10.2.0.2/24x", "/24", "::1/129", "x/24", ""})
        CHECK_FALSE(InterfaceAddress::parse(wrong).has_value());
}

TEST_CASE("line: a modem's order crosses the pipe as it is") {
    const line::ModemOrder order{"wwan0", "1", "event.carrier", "u", "p\"\\ä", "ipv4v6", "4711"};
    CHECK(line::read_modem_order(line::to_text(order)).value() == order);
    CHECK_FALSE(line::read_modem_order("{}").has_value());
}
