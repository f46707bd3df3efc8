// When a modem's DHCP server is asked, and how long an answer is good for.
#include "modem/dhcp.hpp"

#include <doctest/doctest.h>

using base::Errc;
using namespace std::chrono_literals;

namespace {

/// A server that gives leases of a minute, or nothing, and takes its time.
struct World {
    modem::AskDhcp ask() {
        return [this](const std::string &interface,
                      modem::DhcpPatience patience) -> base::Result<line::Lease> {
            CHECK(interface == "wwan0");
            ++asked;
            patient = patience.times;
            clock.advance(takes);
            if (silent)
                return base::fail(Errc::unavailable, "silent");
            line::Lease out;
            out.time = 60s;
            out.grant.interface = interface;
            out.grant.mtu = 1400 + static_cast<std::uint32_t>(asked);
            return out;
        };
    }
    base::FakeClock clock{base::from_unix_ms(1'795'000'000'000)};
    modem::Dhcp dhcp{ask(), clock};
    int asked = 0;
    int patient = 0;
    bool silent = false;
    base::Millis takes{0};
};

} // namespace

TEST_CASE("modem: a lease is asked for once, and again at half of its time") {
    World world;
    CHECK_FALSE(world.dhcp.next());
    CHECK(world.dhcp.grant("wwan0").value().mtu == 1401);
    CHECK(world.patient == 5);
    CHECK(*world.dhcp.next() - world.clock.steady() == 30s);
    world.clock.advance(29'999ms);
    CHECK(world.dhcp.grant("wwan0").value().mtu == 1401);
    CHECK(world.asked == 1);
    world.clock.advance(1ms);
    CHECK(world.dhcp.grant("wwan0").value().mtu == 1402);
    CHECK(world.patient == 2); // its caller has other things to look at
    CHECK(*world.dhcp.next() - world.clock.steady() == 30s);
}

TEST_CASE("modem: a lease that is not renewed is good to its end, and not a moment longer") {
    World world;
    const auto began = world.clock.steady();
    REQUIRE(world.dhcp.grant("wwan0"));
    world.silent = true;
    world.takes = 2s;
    world.clock.advance(30s);
    while (world.dhcp.grant("wwan0")) {
        REQUIRE(world.clock.steady() < began + 60s);
        REQUIRE(*world.dhcp.next() <= began + 60s);
        REQUIRE(*world.dhcp.next() > world.clock.steady());
        world.clock.advance(
            std::chrono::ceil<base::Millis>(*world.dhcp.next() - world.clock.steady()));
    }
    CHECK(world.clock.steady() - began >= 60s);
    CHECK(world.clock.steady() - began <= 62s); // the last question
    CHECK(world.asked > 3);
    world.silent = false;
    world.clock.advance(1min);
    CHECK(world.dhcp.grant("wwan0"));
}

TEST_CASE("modem: without a first answer there is nothing, and nobody is asked all the time") {
    World world;
    world.silent = true;
    CHECK(world.dhcp.grant("wwan0").error().code == Errc::unavailable);
    CHECK(world.dhcp.grant("wwan0").error().code == Errc::unavailable);
    CHECK(world.asked == 1);
    world.clock.advance(1min);
    CHECK(world.dhcp.grant("wwan0").error().code == Errc::unavailable);
    CHECK(world.asked == 2);
    CHECK(world.patient == 5);
}
