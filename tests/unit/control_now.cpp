// Reservations that begin at once.
#include "control_fixture.hpp"

using base::Seconds;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;
using wire::JsonObject;

namespace {

JsonObject at_once(const Fixture &f, base::Millis duration = hours{1}) {
    return wire::at_once(f.wish(), duration).as_object();
}

Got book(Fixture &f, const control_test::Actor &who, const JsonObject &body) {
    return f.post(who, "/v1/reservations", body);
}

} // namespace

TEST_CASE("control: at once begins now, without a lead-in, and hands the settings out") {
    Fixture f;
    const auto got = book(f, f.alice, at_once(f));
    const auto r = read(got);
    CHECK(r.state == resv::State::booked);
    CHECK(r.window.start == f.now());
    CHECK(r.window.end == f.now() + hours{1});
    CHECK(r.window.lead_in == Seconds{0});
    CHECK(r.window.drain == Seconds{5});
    const auto s = f.open(got, f.alice);
    CHECK(s.window == r.window);
    CHECK(s.request.start == f.now());
    CHECK(f.feed(0).entries.at(0).window == r.window);
    // It can be sent to at once.
    CHECK(f.report("first_media", got.id()).status == 200);
    CHECK(f.get(f.alice, "/v1/reservations/" + got.id()).state() == "active");
}

TEST_CASE("control: at once takes any channel that is free, while there is a line") {
    Fixture f{std::string(control_test::k_config) + "[channels.late]\nrelay = \"r2\"\nviewers = 1\n"
                                                    "max_rate = \"10M\"\n[channels.late.policy]\n"
                                                    "grid = \"15m\"\n"};
    auto body = at_once(f);
    body.erase("channel");
    CHECK(read(book(f, f.alice, body)).channel == "one");
    CHECK(read(book(f, f.alice, body)).channel == "two"); // over its second line
    body["channel"] = "late";
    body["rate_bps"] = 1'000'000;
    body["carriers"] = {"a"};
    const auto refused = book(f, f.bob, body); // no line left
    CHECK(refused.code() == "no_capacity");
}

TEST_CASE("control: at once begins at the next time of the channel's grid") {
    Fixture f{std::string(control_test::k_config) + "[channels.one.policy]\ngrid = \"15m\"\n"};
    f.clock.advance(minutes{1});
    const auto r = read(book(f, f.alice, at_once(f)));
    CHECK(r.window.start > f.now());
    CHECK(r.window.start < f.now() + minutes{15});
    CHECK(base::unix_ms(r.window.start) % 900'000 == 0);
}

TEST_CASE(
    "control: at once is refused with what is free, now or later, and each can be had later") {
    for (std::size_t nth = 0, count = 1; nth < count; ++nth) {
        CAPTURE(nth);
        Fixture f;
        REQUIRE(book(f, f.bob, at_once(f)).status == 201);
        const auto refused = book(f, f.alice, at_once(f));
        CHECK(refused.code() == "overlap");
        CHECK(refused.body.at("shortfalls").at(0).at("resource").as_string() == "channel:one");
        const auto all = alternatives(refused);
        count = all.size();
        REQUIRE(count >= 2);
        CHECK(all[0].channel == "two"); // at once as well
        CHECK(all[0].start == f.now());
        const auto end = all[nth].end;
        f.clock.advance(Seconds{299}); // a person reads slowly
        const auto r =
            read(f.post(f.alice, "/v1/reservations", JsonObject{{"offer", all[nth].offer}}));
        CHECK(r.window.end == end);
        CHECK(r.window.start == std::max(f.now(), all[nth].start));
        CHECK(r.channel == all[nth].channel);
    }
}

TEST_CASE("control: at once until an end, and what goes with it") {
    Fixture f;
    const auto code = [&](auto change) {
        auto body = at_once(f);
        change(body);
        const auto got = book(f, f.alice, body);
        CHECK(got.status == 422);
        return got.code();
    };
    CHECK(code([&](auto &b) { b["start"] = base::format_rfc3339(f.now()); }) == "invalid_request");
    CHECK(code([&](auto &b) { b["hold"] = true; }) == "invalid_request");
    CHECK(code([&](auto &b) { b["now"] = false; }) == "invalid_request");
    CHECK(code([&](auto &b) { b["now"] = 1; }) == "invalid_request");
    CHECK(code([&](auto &b) { b.erase("duration_s"); }) == "invalid_request");
    CHECK(code([&](auto &b) { b["end"] = base::format_rfc3339(f.now()); }) == "invalid_request");
    CHECK(code([&](auto &b) { b["duration_s"] = 59; }) == "too_short");
    CHECK(code([&](auto &b) { b["rate_bps"] = 10'000'001; }) == "over_max_rate");
    auto body = at_once(f);
    body.erase("duration_s");
    body["end"] = base::format_rfc3339(f.now() + minutes{7});
    const auto r = read(book(f, f.alice, body));
    CHECK(r.window.start == f.now());
    CHECK(r.window.end == f.now() + minutes{7});
}
