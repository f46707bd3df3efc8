// Which modem is meant, and what its bearer gives.
#include "modem/line.hpp"

#include "base/file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

using base::Errc;
using modem::Bearer;
using modem::IpConfig;
using modem::Method;
using modem::Modem;

namespace {

Modem make(int number, std::vector<std::string> interfaces) {
    Modem out;
    out.path = fmt::format("/org/freedesktop/ModemManager1/Modem/{}", number);
    out.identifier = fmt::format("id{}", number);
    out.device = fmt::format("/sys/devices/usb{}", number);
    out.interfaces = std::move(interfaces);
    return out;
}

line::ModemOrder order(const char *interface, const char *modem) {
    line::ModemOrder out;
    out.interface = interface;
    out.modem = modem;
    return out;
}

const IpConfig k_fixed{Method::fixed, "10.9.0.2", 30, "10.9.0.1", 1430};

} // namespace

TEST_CASE("modem: the one that is named, else the only one, else the one with the interface") {
    const std::vector<Modem> two{make(1, {"wwan0"}), make(11, {"wwan1"})};
    for (const char *name :
         {"1", "id1", "/org/freedesktop/ModemManager1/Modem/1", "/sys/devices/usb1"})
        CHECK(modem::choose(two, order("wwan0", name)).value().path == two[0].path);
    CHECK(modem::choose(two, order("wwan1", "")).value().path == two[1].path);
    CHECK(modem::choose({two[0]}, order("wwan0", "")).value().path == two[0].path);
    CHECK(modem::choose({make(3, {})}, order("wwan0", "")).has_value()); // not ready yet
    CHECK(modem::choose({}, order("wwan0", "")).error().code == Errc::unavailable);
    CHECK(modem::choose(two, order("wwan0", "2")).error().code == Errc::unavailable);
    CHECK(modem::choose(two, order("wwan7", "")).error().code == Errc::config);
    CHECK(modem::choose(two, order("wwan1", "1")).error().code == Errc::config);
}

TEST_CASE("modem: a bearer's fixed addresses are taken, other ways are refused with the reason") {
    Bearer bearer{.connected = true, .interface = "wwan0", .v4 = k_fixed, .v6 = {}};
    const auto given = modem::offer_of(bearer, "wwan0", false).value().grant;
    CHECK(given.addresses.front().text() == "10.9.0.2/30");
    CHECK(given.gateway4->text() == "10.9.0.1");
    CHECK(given.mtu == 1430);
    CHECK_FALSE(modem::offer_of(bearer, "wwan0", true).value().grant.gateway4);
    CHECK(modem::offer_of(bearer, "wwan1", false).error().code == Errc::unavailable);
    bearer.v6 = {Method::fixed, "2001:db8::2", 64, "fe80::1", 1400};
    CHECK(modem::offer_of(bearer, "wwan0", false).value().grant.addresses.size() == 2);
    CHECK(modem::offer_of(bearer, "wwan0", false).value().grant.mtu == 1400);
    bearer.v6.address = "2001:db8::2; reboot";
    CHECK(modem::offer_of(bearer, "wwan0", false).error().code == Errc::bad_data);
    bearer.v6 = {Method::dhcp, {}, 0, {}, 0};
    CHECK(modem::offer_of(bearer, "wwan0", false).value().grant.addresses.size() == 1);
    CHECK_FALSE(modem::offer_of(bearer, "wwan0", false).value().asks);
    bearer.v4 = {};
    CHECK(modem::offer_of(bearer, "wwan0", false).error().code == Errc::unavailable);
    bearer.v4 = {Method::dhcp, {}, 0, {}, 0};
    CHECK(modem::offer_of(bearer, "wwan0", false).value().asks);
    CHECK(modem::offer_of(bearer, "wwan0", false).value().grant.addresses.empty());
    bearer.v4 = {Method::ppp, {}, 0, {}, 0};
    CHECK(modem::offer_of(bearer, "wwan0", false).error().code == Errc::unavailable);
}

TEST_CASE("modem: what DHCP gives joins what the bearer gave; a line of two ends has no gateway") {
    Bearer bearer{.connected = true,
                  .interface = "wwan0",
                  .v4 = {Method::dhcp, {}, 0, {}, 0},
                  .v6 = {Method::fixed, "2001:db8::2", 64, "fe80::1", 1400}};
    const auto offer = modem::offer_of(bearer, "wwan0", false).value();
    line::Grant gave;
    gave.addresses.push_back(route::InterfaceAddress::parse("10.9.0.7/24").value());
    gave.gateway4 = route::Address::parse("10.9.0.1").value();
    gave.mtu = 1500;
    auto all = modem::with_lease(offer.grant, gave, false);
    CHECK(all.interface == "wwan0");
    CHECK(all.addresses.size() == 2);
    CHECK(all.gateway4->text() == "10.9.0.1");
    CHECK(all.gateway6->text() == "fe80::1");
    CHECK(all.mtu == 1400);
    gave.mtu = 1380;
    all = modem::with_lease(offer.grant, gave, true);
    CHECK_FALSE(all.gateway4);
    CHECK(all.mtu == 1380);
}

TEST_CASE("modem: a bearer that an older carrier-modem wrote down is ended as well") {
    const auto folder =
        std::filesystem::temp_directory_path() / fmt::format("slotcast-modem-{}", ::getpid());
    std::filesystem::create_directories(folder);
    const modem::Files files{folder, "mobile"};
    REQUIRE(base::write_file_atomic(
        files.bearer(), R"({"v":1,"bus":"b","owner":":1.7","modem":"/m","bearer":"/b"})", 0600));
    CHECK(modem::disconnect(nullptr, files));
    CHECK_FALSE(std::filesystem::exists(files.bearer()));
    std::filesystem::remove_all(folder);
}
