// What a DHCP server may say, and what becomes of it.
#include "line/lease.hpp"

#include <doctest/doctest.h>
#include <map>

namespace {

using Words = std::map<std::string, std::string>;

line::Variable variables(const Words &words) {
    return [&](const char *name) -> const char * {
        const auto found = words.find(name);
        return found == words.end() ? nullptr : found->second.c_str();
    };
}

base::Result<line::Grant> lease(const Words &words) {
    return line::read_lease(variables(words));
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

TEST_CASE(
    "line: how long a lease is good for is at least a second, and an hour where it is not said") {
    for (const auto &[text, seconds] : std::initializer_list<std::pair<const char *, int>>{
             {"120", 120}, {"0", 1}, {"4294967295", 0x7fffffff}, {"soon", 3600}, {"-5", 3600}})
        CHECK(line::lease_time(variables(with("lease", text))) == std::chrono::seconds{seconds});
    CHECK(line::lease_time(variables(k_good)) == std::chrono::hours{1});
}

TEST_CASE("line: the last lease among what a client says is found") {
    line::Lease said{.grant = lease(k_good).value(), .time = std::chrono::seconds{90}};
    line::Lease before = said;
    before.time = std::chrono::seconds{5};
    const std::string noise = "udhcpc: started\nudhcpc: lease 10 {}\n";
    CHECK(line::find_lease(line::to_text(said)).value() == said);
    CHECK(line::find_lease(noise + to_text(before) + noise + to_text(said) + noise).value() ==
          said);
    CHECK(line::find_lease(noise).error().code == base::Errc::unavailable);
    CHECK(line::find_lease("").error().code == base::Errc::unavailable);
    for (const char *bad :
         {"lease", "lease ", "lease 5", "lease x {}", "lease 5 {}\n", "lease 5 {\"v\":1}"})
        CHECK_FALSE(line::find_lease(bad).has_value());
}
