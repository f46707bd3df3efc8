#include "resv/alternatives.hpp"
#include "resv/grid.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace {

using base::from_unix_ms;
using base::Millis;
using base::Seconds;
using base::UtcTime;
using resv::Alternative;
using resv::Load;
using resv::Span;
using resv::Way;
using std::chrono::hours;
using std::chrono::minutes;

constexpr Millis k_reach = hours{24};
const UtcTime k_noon = from_unix_ms(1'790'000'000'000 / 86'400'000 * 86'400'000 + 43'200'000);

// Two channels of one relay, two carriers.
resv::Catalogue catalogue() {
    resv::Catalogue c;
    c.relays["r"] = {.streams = 2, .ingest = {20'000'000}, .egress = {200'000'000}};
    c.carriers["a"] = {.lines = 2, .capacity = {20'000'000}};
    c.carriers["b"] = {.lines = 1, .capacity = {10'000'000}};
    for (const char *name : {"one", "two"})
        c.channels[name] = {.relay = "r", .viewers = 10, .max_rate = {20'000'000}};
    return c;
}

Way way(const std::string &channel, const std::string &carrier) {
    return {.channel = channel,
            .relay = "r",
            .carriers = {carrier},
            .viewers = 10,
            .other_channel = channel != "one",
            .other_carriers = carrier != "a",
            .lead_in = Seconds{10},
            .drain = Seconds{10},
            .bounds = {k_noon - hours{24}, k_noon + hours{48}},
            .shortest = minutes{1},
            .longest = hours{8}};
}

std::vector<Way> all_ways() {
    return {way("one", "a"), way("two", "a"), way("one", "b"), way("two", "b")};
}

// What a reservation takes, as loads; times in minutes from noon.
void take(std::vector<Load> &live, int from, int to, const Way &w, std::int64_t rate) {
    for (const auto &d : resv::demands_of(w, {rate}))
        live.push_back({d.resource,
                        {k_noon + minutes{from} - w.lead_in, k_noon + minutes{to} + w.drain},
                        d.units});
}

resv::Wanted two_hours(std::int64_t rate) {
    return {.start = k_noon, .duration = hours{2}, .rate = {rate}};
}

} // namespace

TEST_CASE("resv: alternatives are one of each change, nearest first, then least changed") {
    const auto capacity = resv::capacity_of(catalogue());
    std::vector<Load> live;
    take(live, -60, 30, way("one", "b"), 4'000'000);
    const auto got = resv::alternatives(capacity, live, two_hours(4'000'000), all_ways(), k_reach);
    REQUIRE(got.size() == 3);
    // Another channel at the same time; not over b as well, which is taken too.
    CHECK(got[0] == Alternative{1, k_noon, hours{2}, {4'000'000}});
    // Later: after the other's drain and our lead-in, at a round time. Earlier: before its lead-in.
    CHECK(got[1] == Alternative{0, k_noon + minutes{35}, hours{2}, {4'000'000}});
    CHECK(got[2] == Alternative{0, k_noon - minutes{185}, hours{2}, {4'000'000}});
}

TEST_CASE("resv: an alternative may be slower, by what is left") {
    const auto capacity = resv::capacity_of(catalogue());
    std::vector<Load> live;
    take(live, 30, 60, way("two", "a"), 8'000'000); // 10.1M of a's 20M
    auto got =
        resv::alternatives(capacity, live, two_hours(10'000'000), {way("one", "a")}, k_reach);
    REQUIRE_FALSE(got.empty());
    CHECK(got[0].rate.bps == 7'800'000); // x 1.25 + 100K is within 9.9M
    CHECK(got[0].start == k_noon);
    // Less than half is no alternative.
    got = resv::alternatives(capacity, live, two_hours(16'000'000), {way("one", "a")}, k_reach);
    CHECK(std::ranges::none_of(got, [](const auto &a) { return a.rate.bps != 16'000'000; }));
}

TEST_CASE("resv: an alternative may be shorter, to half the length") {
    const auto capacity = resv::capacity_of(catalogue());
    for (const auto &[busy_from, expected] : {std::pair{100, 99}, {61, 60}, {60, 0}}) {
        std::vector<Load> live;
        take(live, busy_from, 1000, way("one", "a"), 1'000'000);
        const auto got =
            resv::alternatives(capacity, live, two_hours(1'000'000), {way("one", "a")}, k_reach);
        const auto shorter =
            std::ranges::find_if(got, [](const Alternative &a) { return a.duration != hours{2}; });
        REQUIRE((shorter != got.end()) == (expected > 0));
        if (expected > 0)
            CHECK(*shorter == Alternative{0, k_noon, minutes{expected}, {1'000'000}});
    }
}

TEST_CASE("resv: alternatives keep to grid, bounds and reach") {
    const auto capacity = resv::capacity_of(catalogue());
    std::vector<Load> live;
    take(live, -5, 5, way("one", "a"), 1'000'000);
    auto w = way("one", "a");
    w.grid = minutes{30};
    w.bounds.from = k_noon - minutes{120}; // so that it does not fit before
    auto got = resv::alternatives(capacity, live, two_hours(1'000'000), {w}, k_reach);
    REQUIRE(got.size() == 1);
    CHECK(got[0].start == k_noon + minutes{30});
    CHECK(resv::alternatives(capacity, live, two_hours(1'000'000), {w}, minutes{29}).empty());
    w.bounds.to = k_noon + minutes{149};
    CHECK(resv::alternatives(capacity, live, two_hours(1'000'000), {w}, k_reach).empty());
}

TEST_CASE("resv: nothing is offered where nothing helps") {
    CHECK(resv::alternatives({}, {}, two_hours(1), all_ways(), k_reach).empty());
    CHECK(
        resv::alternatives(resv::capacity_of(catalogue()), {}, two_hours(1), {}, k_reach).empty());
}

TEST_CASE("resv: every alternative is admitted, different, and none is missed for want of trying") {
    const auto capacity = resv::capacity_of(catalogue());
    CHECK(rc::check("alternatives", [&] {
        std::vector<Load> live;
        const auto some = *rc::gen::container<std::vector<std::tuple<int, int, int, int>>>(
            rc::gen::tuple(rc::gen::inRange(-300, 300), rc::gen::inRange(1, 200),
                           rc::gen::inRange(0, 4), rc::gen::inRange(1, 12)));
        for (const auto &[from, length, by, mega] : some)
            take(live, from, from + length, all_ways()[static_cast<std::size_t>(by)],
                 mega * 1'000'000);
        const int busy = *rc::gen::inRange(-60, 110); // in the way of the first, always
        take(live, busy, busy + 70, way("one", "b"), 1'000'000);
        auto ways = all_ways();
        ways.resize(*rc::gen::inRange<std::size_t>(1, 5));
        for (Way &w : ways)
            w.grid = minutes{*rc::gen::element(0, 0, 7, 15)};
        const auto wanted = two_hours(*rc::gen::inRange(1, 12) * 1'000'000);
        const auto admitted = [&](const Alternative &a) {
            const Way &w = ways[a.way];
            return resv::shortages(capacity, live,
                                   {a.start - w.lead_in, a.start + a.duration + w.drain},
                                   resv::demands_of(w, a.rate))
                .empty();
        };
        const auto got = resv::alternatives(capacity, live, wanted, ways, k_reach);
        RC_ASSERT(got.size() <= 5);
        for (std::size_t i = 0; i < got.size(); ++i) {
            const Alternative &a = got[i];
            const Way &w = ways.at(a.way);
            RC_ASSERT(admitted(a));
            RC_ASSERT(a.start >= w.bounds.from);
            RC_ASSERT(a.start + a.duration <= w.bounds.to);
            RC_ASSERT(std::chrono::abs(a.start - wanted.start) <= k_reach);
            RC_ASSERT(a.duration <= wanted.duration);
            RC_ASSERT(a.duration * 2 >= wanted.duration);
            RC_ASSERT(a.rate <= wanted.rate);
            RC_ASSERT(a.rate.bps * 2 >= wanted.rate.bps);
            RC_ASSERT(resv::on_grid(a.start, w.grid));
            RC_ASSERT(std::count(got.begin(), got.end(), a) == 1);
            if (i > 0)
                RC_ASSERT(std::chrono::abs(got[i - 1].start - wanted.start) <=
                          std::chrono::abs(a.start - wanted.start));
        }
        // The same time elsewhere is always found when there is room for one of its kind.
        for (std::size_t way = 0; way < ways.size(); ++way)
            if (resv::on_grid(wanted.start, ways[way].grid) &&
                admitted({way, wanted.start, wanted.duration, wanted.rate}))
                RC_ASSERT(got.front().start == wanted.start);
    }));
}

TEST_CASE("resv: the rate that a line carries is the highest one") {
    for (std::int64_t line : {0, 1, 99'999, 100'000, 100'001, 100'002, 100'005, 100'006, 7'600'000})
        for (const std::int64_t rate = resv::rate_of_line({line}).bps; const int more : {0, 1}) {
            CAPTURE(line);
            if (rate + more > 0)
                CHECK((resv::line_rate({rate + more}).bps <= line) == (more == 0));
        }
}
