// An ingest child that lies is caught at its first lie.
#include "relay/intake.hpp"

#include <doctest/doctest.h>

using relay::Intake;

namespace {

constexpr std::int64_t k_now = 1'000'000'000;
const auto k_id = base::Id::make(base::from_unix_ms(1000), {});

Intake make_intake() {
    Intake intake{[] { return relay::Extent::make(188 * 100); }};
    intake.admit(k_id);
    return intake;
}

wire::IngestPart part(std::int64_t extent, std::int64_t offset, std::int64_t packets = 10) {
    return {.stream = 1,
            .extent = extent,
            .offset = offset,
            .bytes = packets * 188,
            .received_us = k_now,
            .cuts = {}};
}

wire::IngestOpened open_message() {
    return {.stream = 1, .reservation = k_id, .generation = 0, .instance = "i", .peer = "p"};
}

Intake opened() {
    Intake intake = make_intake();
    CHECK(intake.handle(open_message(), k_now).has_value());
    return intake;
}

void lies(Intake &intake, const wire::IngestMessage &message) {
    const auto outcome = intake.handle(message, k_now);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == base::Errc::protocol);
}

} // namespace

TEST_CASE("relay: intake passes on what is in order") {
    Intake intake = opened();
    REQUIRE(intake.outbox.size() == 1);
    CHECK(std::get<wire::IngestExtent>(intake.outbox.front().message).bytes == 18'800);
    auto first = part(0, 0, 60);
    first.cuts = {{.position = 0, .pts_90k = 5}, {.position = 188, .pts_90k = 6}};
    const auto outcome = intake.handle(first, k_now);
    REQUIRE(outcome.has_value());
    const auto *ready = std::get_if<relay::PartReady>(&*outcome);
    REQUIRE(ready != nullptr);
    CHECK(ready->reservation == k_id);
    CHECK(ready->cuts.size() == 2);
    CHECK(intake.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(intake.outbox.size() == 2);
    CHECK(intake.handle(part(0, 60 * 188, 40), k_now).has_value());
    CHECK(intake.handle(part(1, 0), k_now).has_value());
    CHECK(intake.handle(wire::IngestClosed{.stream = 1, .reason = "ended"}, k_now).has_value());
    CHECK(intake.open_streams().empty());
}

TEST_CASE("relay: intake passes units on, and refuses those that cannot be") {
    Intake intake = opened();
    auto good = part(0, 0);
    good.units = {{.position = 0, .dts_90k = 5}, {.position = 188, .dts_90k = 4}};
    const auto outcome = intake.handle(good, k_now);
    REQUIRE(outcome.has_value());
    CHECK(std::get<relay::PartReady>(*outcome).units.size() == 2);
    auto again = part(0, 10 * 188);
    again.units = {{.position = 188, .dts_90k = 5}}; // told already
    lies(intake, again);
    for (const wire::IngestUnit &lie :
         {wire::IngestUnit{-188, 0}, wire::IngestUnit{1, 0}, wire::IngestUnit{10 * 188, 0},
          wire::IngestUnit{0, -1}, wire::IngestUnit{0, 1LL << 33}}) {
        Intake fresh = opened();
        auto message = part(0, 0);
        message.units = {lie};
        lies(fresh, message);
    }
}

TEST_CASE("relay: intake refuses every lie about extents and offsets") {
    for (const auto &lie :
         {part(0, 188), part(0, -188), part(1, 0), part(2, 0), part(-1, 0), part(0, 0, 0),
          part(0, 0, 101), part(0, 0, -5), part(0, 0, 1LL << 50)}) {
        Intake intake = opened();
        lies(intake, lie);
    }
    Intake twice = opened();
    CHECK(twice.handle(part(0, 0), k_now).has_value());
    lies(twice, part(0, 0));
    Intake wasteful = opened();
    CHECK(wasteful.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(wasteful.handle(part(0, 0, 99), k_now).has_value());
    lies(wasteful, part(1, 0)); // a packet's room was left
    Intake odd = opened();
    auto odd_bytes = part(0, 0);
    odd_bytes.bytes = 100;
    lies(odd, odd_bytes);
}

TEST_CASE("relay: intake takes numbered parts, and refuses numbers that are not their bytes'") {
    const auto numbered = [](std::int64_t offset, std::vector<wire::IngestRun> runs,
                             std::int64_t packets) {
        auto out = part(0, offset, packets);
        out.cuts.clear();
        out.runs = std::move(runs);
        return out;
    };
    Intake intake = opened();
    const auto event = intake.handle(numbered(0, {{7, 2, 7}, {12, 1, 3}}, 17), k_now);
    REQUIRE(event.has_value());
    const auto *ready = std::get_if<relay::PartReady>(&*event);
    REQUIRE(ready != nullptr);
    REQUIRE(ready->runs.size() == 2);
    CHECK(ready->runs[1].sequence == 12);
    lies(intake, numbered(17 * 188, {{13, 1, 7}}, 6));
    Intake plain_then = opened();
    CHECK(plain_then.handle(numbered(0, {}, 10), k_now).has_value());
    lies(plain_then, numbered(10 * 188, {{1, 1, 7}}, 7));
    Intake numbered_then = opened();
    CHECK(numbered_then.handle(numbered(0, {{1, 1, 7}}, 7), k_now).has_value());
    lies(numbered_then, numbered(7 * 188, {}, 7));
    // A payload lies in one extent: what is left of it may be nearly as long.
    Intake end = opened();
    CHECK(end.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(end.handle(numbered(0, {{1, 1, 94}}, 94), k_now).has_value());
    auto next = numbered(0, {{2, 1, 7}}, 7);
    next.extent = 1;
    CHECK(end.handle(next, k_now).has_value());
    Intake wasteful = opened();
    CHECK(wasteful.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(wasteful.handle(numbered(0, {{1, 1, 93}}, 93), k_now).has_value());
    lies(wasteful, next);
}

TEST_CASE("relay: intake refuses lies about time and cuts") {
    for (const std::int64_t us : {k_now + 1, k_now - 61'000'000, std::int64_t{-1}}) {
        Intake intake = opened();
        auto late = part(0, 0);
        late.received_us = us;
        lies(intake, late);
    }
    for (const wire::IngestCut cut :
         {wire::IngestCut{.position = 1}, wire::IngestCut{.position = 1880},
          wire::IngestCut{.position = -188}, wire::IngestCut{.position = 188, .pts_90k = 1LL << 33},
          wire::IngestCut{.position = 188, .pts_90k = -1}}) {
        Intake intake = opened();
        auto bad = part(0, 0);
        bad.cuts = {cut};
        lies(intake, bad);
    }
    Intake intake = opened();
    auto order = part(0, 0);
    order.cuts = {{.position = 376}, {.position = 188}};
    lies(intake, order);
}

TEST_CASE("relay: intake refuses streams and messages that are not a child's") {
    Intake intake = opened();
    lies(intake, open_message()); // not fresh
    Intake other = opened();
    auto strange = part(0, 0);
    strange.stream = 2;
    lies(other, strange);
    lies(other, wire::IngestClosed{.stream = 9, .reason = "lost"});
    lies(other, wire::IngestClosed{.stream = 1, .reason = "no\nword"});
    lies(other, wire::IngestNeedExtent{.stream = 1, .extent = 0});
    lies(other, wire::IngestNeedExtent{.stream = 1, .extent = 2});
    lies(other, wire::IngestRefused{.reason = "x\"} 1\nevil 1", .peer = "", .count = 1});
    lies(other, wire::IngestRefused{.reason = "busy", .peer = "", .count = -1});
    lies(other, wire::IngestAdmit{});
    lies(other, wire::IngestExtent{});
    CHECK(other.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(other.handle(wire::IngestNeedExtent{.stream = 1, .extent = 2}, k_now).has_value());
    lies(other, wire::IngestNeedExtent{.stream = 1, .extent = 3}); // no more in reserve
}

TEST_CASE("relay: a machine without memory or descriptors owes the child its extents") {
    bool lacking = true;
    Intake intake{[&]() -> base::Result<relay::ExtentPtr> {
        if (lacking)
            return base::fail_errno("make", "memory for media", EMFILE);
        return relay::Extent::make(188 * 100);
    }};
    intake.admit(k_id);
    CHECK(intake.handle(open_message(), k_now).has_value());
    CHECK(intake.outbox.empty());
    CHECK_FALSE(intake.give_owed().has_value());
    lacking = false;
    CHECK(intake.give_owed().has_value());
    CHECK(intake.give_owed().has_value());
    CHECK(intake.outbox.size() == 1);
    lacking = true;
    CHECK(intake.handle(wire::IngestNeedExtent{.stream = 1, .extent = 1}, k_now).has_value());
    CHECK(intake.handle(wire::IngestNeedExtent{.stream = 1, .extent = 2}, k_now).has_value());
    lies(intake, wire::IngestNeedExtent{.stream = 1, .extent = 3}); // what is owed counts
    lacking = false;
    CHECK(intake.give_owed().has_value());
    REQUIRE(intake.outbox.size() == 3);
    CHECK(std::get<wire::IngestExtent>(intake.outbox.back().message).extent == 2);
}

TEST_CASE("relay: media of a reservation that was not admitted goes nowhere") {
    Intake intake = opened();
    intake.withdraw(k_id);
    const auto outcome = intake.handle(part(0, 0), k_now);
    REQUIRE(outcome.has_value());
    CHECK(std::holds_alternative<std::monostate>(*outcome));
}

TEST_CASE("relay: what waits for a stream that closed is not kept for a child that does not read") {
    Intake intake = make_intake();
    for (int i = 1; i <= 1000; ++i) {
        auto open = open_message();
        open.stream = i;
        CHECK(intake.handle(open, k_now).has_value());
        intake.outbox.push_back({.message = wire::IngestClose{.stream = i, .reason = "busy"},
                                 .extent = {}}); // as the hub does
        CHECK(intake.handle(wire::IngestClosed{.stream = i, .reason = "lost"}, k_now).has_value());
    }
    CHECK(intake.outbox.empty());
}

TEST_CASE("relay: intake gives a preflight nothing to write to, and believes none of its numbers") {
    Intake intake = opened();
    intake.outbox.clear();
    const wire::IngestPreflight begun{.stream = 2, .reservation = k_id, .peer = "p"};
    const auto outcome = intake.handle(begun, k_now);
    REQUIRE(outcome.has_value());
    CHECK(std::get<relay::PreflightOpened>(*outcome).reservation == k_id);
    CHECK(intake.outbox.empty());
    CHECK(intake.open_streams().size() == 1);
    auto stray = part(0, 0);
    stray.stream = 2;
    lies(intake, stray);
    lies(intake, wire::IngestNeedExtent{.stream = 2, .extent = 0});
    lies(intake, wire::IngestClosed{.stream = 2, .reason = "lost"});
    lies(intake, begun); // its number is not fresh
    lies(intake, wire::IngestPreflightDone{.stream = 1, .reason = "ended"});
    lies(intake, wire::IngestPreflightDone{.stream = 2, .reason = "Not a word"});
    Intake other = opened();
    REQUIRE(other.handle(begun, k_now).has_value());
    lies(other, wire::IngestPreflightDone{.stream = 2,
                                          .reason = "ended",
                                          .bytes = std::numeric_limits<std::int64_t>::max()});
    Intake third = opened();
    REQUIRE(third.handle(begun, k_now).has_value());
    const auto done = third.handle(
        wire::IngestPreflightDone{.stream = 2, .reason = "ended", .duration_ms = 9, .bytes = 188},
        k_now);
    REQUIRE(done.has_value());
    CHECK(std::get<relay::PreflightClosed>(*done).what.bytes == 188);
    CHECK(std::get<relay::PreflightClosed>(*done).reservation == k_id);
    lies(third, wire::IngestPreflightDone{.stream = 2, .reason = "ended"});
}
