#include "control_fixture.hpp"
#include "resv/grid.hpp"

using base::Seconds;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

// A control where channel one has rules of its own; the others have those of [policy].
struct Ruled : Fixture {
    explicit Ruled(std::string_view policy)
        : Fixture(std::string(control_test::k_config) + "[channels.one.policy]\n" +
                  std::string(policy)) {}

    Got menu(std::string_view channel, base::UtcTime from, base::UtcTime to) {
        return get(alice,
                   fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                               "&rate_bps=1000000&channel={}&carrier=a",
                               base::format_rfc3339(from), base::format_rfc3339(to), channel));
    }
};

} // namespace

TEST_CASE("control: a channel's own policy goes over the general one") {
    Ruled f{"lead_in = \"1m\"\ndrain = \"0s\"\nmin_duration = \"30m\"\nmax_duration = \"2h\"\n"
            "horizon = \"1d\"\n"};
    auto wish = f.wish();
    auto got = f.book(f.alice, wish);
    REQUIRE(got.status == 201);
    CHECK(f.open(got, f.alice).window.opens() == wish.start - minutes{1});
    CHECK(f.open(got, f.alice).window.closes() == wish.end);
    const auto on = [&](const char *channel, minutes length, hours later) {
        auto other = f.wish();
        other.channel = channel;
        other.start += later;
        other.end = other.start + length;
        return f.book(f.alice, other).code();
    };
    CHECK(on("one", minutes{29}, hours{5}) == "too_short");
    CHECK(on("one", minutes{121}, hours{5}) == "too_long");
    CHECK(on("one", minutes{60}, hours{23}) == "beyond_horizon");
    CHECK(on("two", minutes{29}, hours{5}).empty());
    CHECK(on("two", minutes{121}, hours{9}).empty());
    CHECK(on("two", minutes{60}, hours{23}).empty());
    CHECK(f.act(f.alice, got.id(), "extend",
                {{"end", base::format_rfc3339(wish.start + minutes{121})}})
              .code() == "too_long");
    // With no channel named, the one whose rules allow it takes it.
    wish.channel.reset();
    wish.start += hours{15};
    wish.end = wish.start + hours{3};
    got = f.book(f.alice, wish);
    REQUIRE(got.status == 201);
    CHECK(got.reservation().at("channel").as_string() == "two");
}

TEST_CASE("control: starts off the grid are refused with the nearest two, the menu keeps to it") {
    Ruled f{"grid = \"15m\"\n"};
    const auto grid = minutes{15};
    auto wish = f.wish();
    const auto on = resv::grid_up(wish.start, grid);
    wish.start = on + Seconds{1};
    wish.end = wish.start + hours{1};
    const auto refused = f.book(f.alice, wish);
    CHECK(refused.status == 422);
    CHECK(refused.code() == "off_grid");
    CHECK(refused.field("hint") == fmt::format("the nearest starts: {} and {}",
                                               base::format_rfc3339(on),
                                               base::format_rfc3339(on + grid)));
    wish.start = on;
    wish.end = on + minutes{50}; // ends are free
    REQUIRE(f.book(f.bob, wish).status == 201);
    const auto got = f.menu("one", on, on + hours{4});
    const auto slot = wire::read_slot(got.body.at("slots").at(0), "slot").value();
    CHECK(slot.start == on + hours{1}); // not 50 minutes and 15 seconds
    CHECK(slot.latest_start == on + hours{3});
    CHECK(slot.grid == grid);
    CHECK(wire::read_slot(f.menu("two", on, on + hours{4}).body.at("slots").at(0), "slot")
              .value()
              .grid == base::Millis{0});
    // Alternatives start on the grid of their channel.
    const auto clash = f.book(f.alice, wish);
    REQUIRE(clash.status == 409);
    const auto problem = wire::read_problem(clash.body, "problem").value();
    REQUIRE_FALSE(problem.alternatives.empty());
    for (const auto &a : problem.alternatives)
        CHECK((a.channel != "one" || resv::on_grid(a.start, grid)));
}

TEST_CASE("control: just before a grid start that is past, the next two are named") {
    Ruled f{"grid = \"15m\"\n"};
    auto wish = f.wish();
    wish.start = f.now() + Seconds{1};
    wish.end = wish.start + hours{1};
    const auto next = resv::grid_up(f.now(), minutes{15});
    REQUIRE(wish.start < next);
    CHECK(f.book(f.alice, wish).field("hint") ==
          fmt::format("the nearest starts: {} and {}", base::format_rfc3339(next),
                      base::format_rfc3339(next + minutes{15})));
}

TEST_CASE("control: a channel's grace decides when nothing came") {
    Ruled f{"grace = \"1m\"\n"};
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    f.clock.advance(wish.start + minutes{1} + Seconds{31} - f.now());
    f.feed(0); // the relay is in touch, and has nothing
    f.sweep();
    CHECK(f.get(f.alice, "/v1/reservations/" + got.id()).state() == "no_show");
}
