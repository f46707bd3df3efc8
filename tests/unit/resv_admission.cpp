#include "resv/admission.hpp"
#include "resv/catalogue.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace {

using base::from_unix_ms;
using base::Millis;
using base::Seconds;
using resv::Capacity;
using resv::Demand;
using resv::Load;
using resv::Span;

Span span(std::int64_t from, std::int64_t to) {
    return {from_unix_ms(from), from_unix_ms(to)};
}

// The rule as slotcast(7) states it, instant by instant.
bool admitted_by_hand(const Capacity &capacity, const std::vector<Load> &live, Span wanted,
                      const std::vector<Demand> &demands) {
    for (auto t = wanted.from; t < wanted.to; t += Millis{1}) {
        std::map<std::string, std::int64_t> sum;
        for (const Demand &d : demands)
            sum[d.resource] += d.units;
        for (const auto &[resource, ours] : sum) {
            std::int64_t used = ours;
            for (const Load &load : live)
                if (load.resource == resource && load.span.from <= t && t < load.span.to)
                    used += load.units;
            const auto there = capacity.find(resource);
            if (ours > 0 && used > (there == capacity.end() ? 0 : there->second))
                return false;
        }
    }
    return true;
}

rc::Gen<std::string> resource() {
    return rc::gen::element<std::string>("a", "b", "c");
}

rc::Gen<std::vector<Load>> loads() {
    return rc::gen::container<std::vector<Load>>(
        rc::gen::map(rc::gen::tuple(resource(), rc::gen::inRange(-10, 60), rc::gen::inRange(0, 20),
                                    rc::gen::inRange(0, 4)),
                     [](const auto &t) {
                         const auto &[name, from, length, units] = t;
                         return Load{name, span(from, from + length), units};
                     }));
}

rc::Gen<std::vector<Demand>> demands() {
    return rc::gen::container<std::vector<Demand>>(
        rc::gen::map(rc::gen::pair(resource(), rc::gen::inRange(0, 4)),
                     [](const auto &p) { return Demand{p.first, p.second}; }));
}

const Capacity k_capacity{{"a", 1}, {"b", 4}}; // "c" does not exist

} // namespace

TEST_CASE("resv: admission agrees with the rule taken instant by instant") {
    CHECK(rc::check("admission", [] {
        const auto live = *loads();
        const auto ours = *demands();
        const auto from = *rc::gen::inRange(0, 40);
        const auto wanted = span(from, from + *rc::gen::inRange(1, 20));
        RC_ASSERT(resv::shortages(k_capacity, live, wanted, ours).empty() ==
                  admitted_by_hand(k_capacity, live, wanted, ours));
    }));
}

TEST_CASE("resv: a shortage tells the truth about when and how much") {
    CHECK(rc::check("shortage", [] {
        const auto live = *loads();
        const auto ours = *demands();
        const auto wanted = span(0, 30);
        for (const auto &s : resv::shortages(k_capacity, live, wanted, ours)) {
            RC_ASSERT(s.needed > s.available);
            RC_ASSERT(s.when.from >= wanted.from);
            RC_ASSERT(s.when.to <= wanted.to);
            // What is said to be free is free throughout the stretch, and a unit more is not.
            const bool exists = k_capacity.contains(s.resource);
            if (s.available > 0)
                RC_ASSERT(admitted_by_hand(k_capacity, live, s.when, {{s.resource, s.available}}));
            RC_ASSERT_FALSE(admitted_by_hand(k_capacity, live, s.when,
                                             {{s.resource, exists ? s.available + 1 : 1}}));
        }
    }));
}

TEST_CASE("resv: the menu lists exactly the starts that are admitted") {
    CHECK(rc::check("menu", [] {
        const auto live = *loads();
        const auto ours = *demands();
        const Millis duration{*rc::gen::inRange(1, 15)};
        const auto menu = span(0, 50);
        const auto ranges =
            resv::free_starts(k_capacity, live, ours, menu, duration, Seconds{0}, Seconds{0});
        for (auto s = menu.from; s + duration <= menu.to; s += Millis{1}) {
            const bool listed = std::ranges::any_of(
                ranges, [&](const auto &r) { return r.first <= s && s <= r.last; });
            RC_ASSERT(listed == resv::shortages(k_capacity, live, {s, s + duration}, ours).empty());
        }
        for (const auto &r : ranges) {
            RC_ASSERT(r.first <= r.last);
            RC_ASSERT(r.first >= menu.from);
            RC_ASSERT(r.last + duration <= menu.to);
        }
    }));
}

TEST_CASE("resv: many questions asked of one finder get the answers that each gets alone") {
    CHECK(rc::check("finder", [] {
        const resv::Timetable live = *loads();
        resv::StartFinder finder{k_capacity, live};
        for (int questions = 0; questions < 4; ++questions) {
            const auto ours = *demands();
            const auto from = *rc::gen::inRange(-3'000, 3'000);
            const auto menu = span(from, from + *rc::gen::inRange(0, 3'000));
            const Millis duration{*rc::gen::inRange(1, 15)};
            const Seconds lead_in{*rc::gen::inRange(0, 3)};
            const Seconds drain{*rc::gen::inRange(0, 3)};
            RC_ASSERT(finder.free_starts(ours, menu, duration, lead_in, drain) ==
                      resv::free_starts(k_capacity, live, ours, menu, duration, lead_in, drain));
        }
    }));
}

TEST_CASE("resv: loads that are added later count as those of the beginning") {
    CHECK(rc::check("added", [] {
        const auto first = *loads();
        const auto then = *loads();
        resv::Timetable grown{first};
        grown.add(then);
        auto all = first;
        all.insert(all.end(), then.begin(), then.end());
        const resv::Timetable whole{all};
        for (const char *name : {"a", "b", "c"})
            for (std::int64_t t = -10; t < 100; ++t)
                RC_ASSERT(grown.levels(name, span(t, t + 1)).front().used ==
                          whole.levels(name, span(t, t + 1)).front().used);
    }));
}

TEST_CASE("resv: the menu counts lead-in and drain, also beyond its edges") {
    const Capacity one{{"x", 1}};
    const std::vector<Demand> need{{"x", 1}};
    const std::vector<Load> live{{"x", span(100'000, 200'000), 1},
                                 {"x", span(395'000, 500'000), 1}};
    const auto got = resv::free_starts(one, live, need, span(150'000, 400'000), Millis{60'000},
                                       Seconds{10}, Seconds{5});
    REQUIRE(got.size() == 1);
    CHECK(got[0].first == from_unix_ms(210'000)); // its lead-in starts when the other ends
    CHECK(got[0].last == from_unix_ms(330'000));  // its drain ends when the other starts
}

TEST_CASE("resv: back to back is no overlap, one millisecond is") {
    const Capacity one{{"x", 1}};
    const std::vector<Load> live{{"x", span(100, 200), 1}};
    CHECK(resv::shortages(one, live, span(0, 100), {{"x", 1}}).empty());
    CHECK(resv::shortages(one, live, span(200, 300), {{"x", 1}}).empty());
    const auto missing = resv::shortages(one, live, span(0, 101), {{"x", 1}});
    REQUIRE(missing.size() == 1);
    CHECK(missing[0] == resv::Shortage{"x", 1, 0, span(100, 101)});
}

TEST_CASE("resv: a demand beyond the capacity is short for the whole span") {
    const auto missing = resv::shortages({{"x", 5}}, {}, span(0, 10), {{"x", 6}});
    REQUIRE(missing.size() == 1);
    CHECK(missing[0] == resv::Shortage{"x", 6, 5, span(0, 10)});
}

TEST_CASE("resv: a reservation takes units of channel, relay and every carrier") {
    const auto d = resv::demands_of("studio1", "r1", {"a", "b"}, {6'000'001}, 500);
    REQUIRE(d.size() == 8);
    CHECK(d[0] == Demand{"channel:studio1", 1});
    CHECK(d[1] == Demand{"relay:r1:streams", 1});
    CHECK(d[2] == Demand{"relay:r1:ingest", 6'000'001});
    CHECK(d[3] == Demand{"relay:r1:egress", 3'000'000'500});
    CHECK(d[4] == Demand{"carrier:a:lines", 1});
    CHECK(d[5] == Demand{"carrier:a:bits", 7'600'002}); // x 1.25 + 100 kbit/s, rounded up
    CHECK(d[7] == Demand{"carrier:b:bits", 7'600'002});
}

TEST_CASE("resv: the catalogue's capacity has every resource that demands name") {
    resv::Catalogue c;
    c.relays["r1"] = {.streams = 8, .ingest = {200}, .egress = {2000}};
    c.carriers["a"] = {.lines = 4, .capacity = {100}};
    c.channels["studio1"] = {.relay = "r1", .viewers = 5, .max_rate = {20}};
    const auto capacity = resv::capacity_of(c);
    for (const auto &d : resv::demands_of("studio1", "r1", {"a"}, {1}, 1))
        CHECK(capacity.contains(d.resource));
    CHECK(capacity.at("channel:studio1") == 1);
    CHECK(capacity.at("relay:r1:egress") == 2000);
}
