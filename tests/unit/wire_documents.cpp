// Requests, reservations, slots, problems, enrolment, the feed and the sender's messages.
#include "wire/problem.hpp"
#include "wire/slot_list.hpp"
#include "wire_samples.hpp"

#include "wire/change.hpp"
#include "wire/feed.hpp"
#include "wire/sender.hpp"
#include "wire/series.hpp"

#include <doctest/doctest.h>
#include <functional>

using base::Errc;
using wire::Json;
using wire::JsonObject;

namespace {

// What text makes of a document.
Json through_text(const Json &json) {
    return *wire::parse_json(wire::compact_json(json), "test");
}

std::string why_request(const std::function<void(JsonObject &)> &change) {
    Json json = wire::to_json(samples::some_request());
    change(json.get_object());
    const auto request = wire::read_request(through_text(json), "request");
    return request ? "it was accepted" : request.error().message;
}

wire::Reservation some_reservation() {
    const auto request = samples::some_request();
    return {.id = samples::some_id(),
            .state = resv::State::held,
            .owner = "studio",
            .channel = "studio1",
            .relay = "r1",
            .window = {.start = request.start,
                       .end = request.end,
                       .lead_in = base::Seconds{10},
                       .drain = base::Seconds{10}},
            .rate = request.rate,
            .viewers = 200,
            .carriers = {"line-a"},
            .title = request.title,
            .disclosure = resv::Disclosure::public_,
            .viewer_url = "http://relay/w/x/",
            .generation = 4'294'967'295,
            .revision = 7,
            .created = request.start - std::chrono::hours{1},
            .hold_expires = request.start - std::chrono::minutes{55},
            .fee = resv::Money{1, "EUR"}};
}

wire::Feed some_feed() {
    const auto request = samples::some_request();
    wire::FeedEntry e;
    e.reservation = samples::some_id();
    e.serial = 12;
    e.channel = "studio1";
    e.window = {.start = request.start,
                .end = request.end,
                .lead_in = base::Seconds{10},
                .drain = base::Seconds{10}};
    e.state = resv::State::cancelled;
    e.generation = 2;
    e.title = request.title;
    e.disclosure = resv::Disclosure::password;
    e.vid = "0123456789abcdef";
    e.password_hash = "$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA";
    e.viewers = 100;
    e.max_rate = {6'600'000};
    e.retention_s = 86'400;
    return {.relay = "r1", .serial = 12, .time = request.start, .entries = {e}};
}

} // namespace

TEST_CASE("wire: a request survives, and answers of a wrong kind are named") {
    const auto request = samples::some_request();
    CHECK(wire::read_request(through_text(wire::to_json(request)), "request") == request);
    CHECK(why_request([](JsonObject &d) { d["extra"] = 1; }) == "request.extra: not a known field");
    CHECK(why_request([](JsonObject &d) { d["end"] = d["start"]; }) ==
          "request.end: not after start");
    CHECK(why_request([](JsonObject &d) { d["rate_bps"] = 0; }).starts_with("request.rate_bps: 0"));
    CHECK(why_request([](JsonObject &d) { d["carriers"] = wire::JsonArray{}; }) ==
          "request.carriers: name 1 to 8 carriers");
    CHECK(why_request([](JsonObject &d) { d["carriers"] = wire::JsonArray{"a", "a"}; }) ==
          "request.carriers: 'a' stands twice");
    CHECK(why_request([](JsonObject &d) {
              d["carriers"] = wire::JsonArray{"../a"};
          }).starts_with("request.carriers: '../a' is not a name"));
    CHECK(why_request([](JsonObject &d) { d["title"] = std::string(201, 'x'); }) ==
          "request.title: longer than 200 bytes");
    CHECK(why_request([](JsonObject &d) { d["title"] = "a\x7f"; }) ==
          "request.title: holds a control character");
    for (const char *title : {"x\u009b31mred", "\u202egnp.exe", "a\u2028b", "\u2067x"}) {
        CAPTURE(title);
        CHECK(why_request([&](JsonObject &d) { d["title"] = title; }) ==
              "it was accepted"); // as one that is kept
        JsonObject asked = wire::to_json(samples::some_request()).as_object();
        asked["title"] = title;
        CHECK(wire::read_asked(asked, "request").error().message.starts_with("request.title: "));
        const JsonObject series{
            {"request", asked}, {"repeat", "FREQ=DAILY"}, {"zone", "UTC"}, {"on_clash", "skip"}};
        CHECK(wire::read_series_request(series, "series")
                  .error()
                  .message.starts_with("series.request.title: "));
        CHECK(wire::read_change(JsonObject{{"title", title}}, "change")
                  .error()
                  .message.starts_with("change.title: "));
    }
    CHECK(why_request([](JsonObject &d) { d["viewers"] = 0; }).starts_with("request.viewers: 0"));
    CHECK(why_request([](JsonObject &d) {
              d["disclosure"] = "password";
          }).starts_with("request.password_hash: goes with"));
    CHECK(why_request([](JsonObject &d) {
              d["password_hash"] = "x";
          }).starts_with("request.password_hash: goes with"));
    CHECK(why_request([](JsonObject &d) { d["hold"] = 1; }) ==
          "request.hold: expected true or false");
}

TEST_CASE("wire: many slots at once are written as each alone") {
    const auto at = [](std::int64_t ms) { return base::from_unix_ms(ms); };
    wire::SlotList list;
    CHECK(wire::compact_json(list) == R"({"slots":[]})");
    list.kinds.resize(2);
    list.kinds[0].duration = base::Millis{90'000};
    list.kinds[0].channel = "c1";
    list.kinds[0].carriers = {"a", "b"};
    list.kinds[1].grid = base::Seconds{60};
    list.kinds[1].channel = "c2";
    list.kinds[1].rate = {6'000'000};
    list.kinds[1].fee = resv::Money{.minor = 5, .currency = "EUR"};
    list.times = {{at(0), at(1), 1, {1, 2, 3, {4}, 5}},
                  {at(1'732'283'159'999), at(4'102'444'800'000), 0, {}},
                  {{}, {}, 1, {}}};
    wire::JsonArray each;
    for (const auto &[start, latest_start, kind, left] : list.times) {
        wire::Slot slot = list.kinds[kind];
        slot.start = start;
        slot.latest_start = latest_start;
        slot.left = left;
        each.push_back(wire::to_json(slot));
    }
    CHECK(wire::compact_json(list) == wire::compact_json(wire::JsonObject{{"slots", each}}));
}

TEST_CASE("wire: a reservation, a slot and a problem survive") {
    const auto reservation = some_reservation();
    const auto back =
        wire::read_reservation(through_text(wire::to_json(reservation)), "reservation");
    REQUIRE(back.has_value());
    CHECK(wire::to_json(*back) == wire::to_json(reservation));

    const wire::Slot slot{.start = reservation.window.start,
                          .latest_start = reservation.window.end,
                          .duration = std::chrono::hours{2},
                          .grid = std::chrono::minutes{15},
                          .channel = "studio1",
                          .carriers = {"line-a"},
                          .rate = {6'000'000},
                          .viewers = 5,
                          .fee = resv::Money{12'500, "EUR"},
                          .left = wire::Left{1, 2, 30'000'000, {8'000'000}, 40}};
    const auto slot_back = wire::read_slot(through_text(wire::to_json(slot)), "slot");
    REQUIRE(slot_back.has_value());
    CHECK(wire::to_json(*slot_back) == wire::to_json(slot));

    const wire::Problem problem{.status = 409,
                                .code = "overlap",
                                .title = "Taken",
                                .detail = "the channel is booked",
                                .hint = "resv-request slots",
                                .shortfalls = {{"channel:studio1", 1, 0, slot.start, slot.start}},
                                .alternatives = {{.offer = "token",
                                                  .expires = slot.start,
                                                  .start = slot.start,
                                                  .end = slot.latest_start,
                                                  .channel = "studio2",
                                                  .carriers = {"line-b"},
                                                  .rate = {5'000'000},
                                                  .viewers = 5,
                                                  .fee = resv::Money{5, "JPY"}}}};
    const auto problem_back = wire::read_problem(through_text(wire::to_json(problem)), "problem");
    REQUIRE(problem_back.has_value());
    CHECK(wire::to_json(*problem_back) == wire::to_json(problem));
    CHECK_FALSE(wire::read_problem(JsonObject{{"status", 42}}, "problem").has_value());
}

TEST_CASE("wire: enrolment survives") {
    const wire::EnrolRequest request{"token", "sign", "box"};
    const auto back = wire::read_enrol_request(through_text(wire::to_json(request)), "enrol");
    REQUIRE(back.has_value());
    CHECK(wire::to_json(*back) == wire::to_json(request));
    const wire::EnrolAnswer answer{"r1", "relay", "key", "sealed"};
    const auto answer_back = wire::read_enrol_answer(through_text(wire::to_json(answer)), "answer");
    REQUIRE(answer_back.has_value());
    CHECK(wire::to_json(*answer_back) == wire::to_json(answer));
}

TEST_CASE("wire: a feed opens for its relay and its control only") {
    const auto control = seal::SigningKey::generate();
    const auto feed = some_feed();
    const std::string text = wire::sign_feed(feed, control);
    const auto back = wire::open_feed(text, control.public_key(), "r1");
    REQUIRE(back.has_value());
    CHECK(back->serial == feed.serial);
    CHECK(back->time == feed.time);
    CHECK(back->entries == feed.entries);
    CHECK(wire::open_feed(text, control.public_key(), "r2").error().code == Errc::bad_data);
    CHECK(wire::open_feed(text, seal::SigningKey::generate().public_key(), "r1").error().code ==
          Errc::not_permitted);
}

TEST_CASE("wire: a feed with anything changed or cut is refused") {
    const auto control = seal::SigningKey::generate();
    const std::string text = wire::sign_feed(some_feed(), control);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CAPTURE(i);
        CHECK_FALSE(wire::open_feed(changed, control.public_key(), "r1").has_value());
    }
    for (std::size_t n = 0; n < text.size(); n += 7)
        CHECK_FALSE(wire::open_feed(text.substr(0, n), control.public_key(), "r1").has_value());
}

TEST_CASE("wire: a report survives") {
    const wire::Report report{"first_media", samples::some_id(), base::from_unix_ms(1'000), 188};
    const auto back = wire::read_report(through_text(wire::to_json(report)), "report");
    REQUIRE(back.has_value());
    CHECK(wire::to_json(*back) == wire::to_json(report));
    CHECK_FALSE(wire::read_report(JsonObject{{"event", "lost"}}, "report").has_value());
}

TEST_CASE("wire: the sender's messages survive") {
    const auto request = samples::some_request();
    wire::SenderPlan plan;
    plan.number = 3;
    plan.reservation = samples::some_id();
    plan.window = {.start = request.start,
                   .end = request.end,
                   .lead_in = base::Seconds{10},
                   .drain = base::Seconds{20}};
    plan.clock_offset_ms = -1'234;
    plan.max_rate = {6'600'000};
    plan.codecs = {"h264", "aac"};
    plan.paths = {{.carrier = "line-a",
                   .interface = "carA",
                   .source4 = "10.2.0.2",
                   .source6 = "",
                   .relay = {"203.0.113.10", 9000},
                   .ticket = "ticket",
                   .passphrase = "passphrase",
                   .pbkeylen = 16,
                   .latency_ms = 120,
                   .fit = false}};
    plan.lines = 2;
    const auto back = wire::read_message(wire::write_message(plan));
    REQUIRE(back.has_value());
    REQUIRE(std::holds_alternative<wire::SenderPlan>(*back));
    CHECK(std::get<wire::SenderPlan>(*back) == plan);

    wire::SenderStatus status;
    status.plan = 3;
    status.state = "live";
    status.bytes = 1'316;
    status.use = "failover";
    status.moves = 2;
    status.paths = {{.carrier = "line-a", .interface = "carA", .state = "live", .active = true},
                    {.carrier = "line-b", .interface = "carB", .state = "lost", .rtt_us = 7}};
    for (const wire::SenderMessage &message :
         {wire::SenderMessage{status}, wire::SenderMessage{wire::SenderSource{}},
          wire::SenderMessage{wire::SenderSource{.preflight = true, .use = "redundant"}},
          wire::SenderMessage{wire::SenderFinish{}},
          wire::SenderMessage{wire::SenderHello{plan.reservation, plan.window, 5, {1}, {}, 4}}}) {
        const std::string text = wire::write_message(message);
        CAPTURE(text);
        const auto read = wire::read_message(text);
        REQUIRE(read.has_value());
        CHECK(read->index() == message.index());
        CHECK(wire::write_message(*read) == text);
    }
}

TEST_CASE("wire: what is no message of the sender is refused") {
    for (const char *text :
         {"", "{}", "[]", R"({"type":"dance"})", R"({"type":"plan"})",
          R"({"type":"status","state":1})", R"({"type":"hello","start":"now"})"}) {
        CAPTURE(text);
        CHECK_FALSE(wire::read_message(text).has_value());
    }
    CHECK(wire::read_message(R"({"type":"dance"})").error().code == Errc::protocol);
}
