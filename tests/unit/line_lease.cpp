// What a DHCP server may say, and what becomes of it.
#include "line/lease.hpp"

#include <doctest/doctest.h>
#include <map>

namespace {

using Words = std::map<std::string, std::string>;

base::Result<line::Grant> lease(const Words &words) {
    return line::read_lease([&](const char *name) -> const char * {
        const auto found = words.find(name);
        return found == words.end() ? nullptr : found->second.c_str();
    });
}

const Words k_good{{"interface", "carA"},
                   {"ip", "10.2.0.7"},
                   {"mask", "24"},
                   {"mtu", "1400"},
                   {"router", "10.2.0.1 10.2.0.254"},
                   {"domain", "$(reboot)"}};

Words with(const char *name, const char *value) {
    Words out = k_good;
    out[name] = value;
    return out;
}

} // namespace

TEST_CASE("line: of a lease address, mask, the first router and the MTU are taken") {
    const auto given = lease(k_good).value();
    CHECK(given.interface == "carA");
    CHECK(given.addresses.size() == 1);
    CHECK(given.addresses.front().text() == "10.2.0.7/24");
    CHECK(given.gateway4->text() == "10.2.0.1");
    CHECK(given.mtu == 1400);
    CHECK_FALSE(lease(with("router", "")).value().gateway4);
    CHECK(lease(with("mtu", "")).value().mtu == 0);
}

TEST_CASE("line: a lease that is none is refused") {
    CHECK_FALSE(lease({}).has_value());
    for (const auto &[name, value] :
         std::initializer_list<std::pair<const char *, const char *>>{{"ip", ""},
                                                                      {"ip", "10.2.0.7;id"},
                                                                      {"ip", "fd00::1"},
                                                                      {"ip", "10.2.0"},
                                                                      {"mask", ""},
                                                                      {"mask", "33"},
                                                                      {"mask", "-1"},
                                                                      {"mask", "24 "},
                                                                      {"mask", "0x18"},
                                                                      {"router", "$(id)"},
                                                                      {"router", " 10.2.0.1"},
                                                                      {"router", "fd00::1"},
                                                                      {"mtu", "1e3"},
                                                                      {"mtu", "65536"},
                                                                      {"mtu", "99999999999"}}) {
        CAPTURE(name);
        CAPTURE(value);
        const auto read = lease(with(name, value));
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().code == base::Errc::bad_data);
    }
}
