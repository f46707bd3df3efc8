// PATCH of a reservation: what may change when, beside whom, and only as it was seen.
#include "control/transact.hpp"
#include "control_fixture.hpp"

using base::Seconds;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;
using wire::JsonObject;

namespace {

std::string text(base::UtcTime t) {
    return base::format_rfc3339(t);
}

} // namespace

TEST_CASE("control: a change needs the tag of what it changes") {
    Fixture f;
    const auto booked = f.book(f.alice, f.wish());
    const std::string id = booked.id();
    CHECK(booked.header("ETag") == "\"1\"");
    CHECK(f.get(f.alice, "/v1/reservations/" + id).header("ETag") == "\"1\"");
    const JsonObject title{{"title", "Other"}};
    CHECK(f.patch(f.alice, id, title, "").status == 428);
    CHECK(f.patch(f.alice, id, title, "").code() == "if_match_missing");
    for (const auto *stale : {"\"2\"", "1", "W/\"1\"", "\"0\", \"11\"", ",", "\"\""}) {
        const auto got = f.patch(f.alice, id, title, stale);
        CHECK(got.status == 412);
        CHECK(got.code() == "stale");
    }
    CHECK(read(f.get(f.alice, "/v1/reservations/" + id)).title == "Town hall");
    const auto changed = f.patch(f.alice, id, title, "\"9\" , \"1\"");
    CHECK(read(changed).title == "Other");
    CHECK(changed.header("ETag") == "\"2\"");
    CHECK(f.patch(f.alice, id, title, "\"1\"").code() == "stale");
    CHECK(f.patch(f.alice, id, {{"title", "Third"}}, "*").header("ETag") == "\"3\"");
    // The same request again gets its first answer, tag and all, though that is stale by now.
    auto again = f.request("PATCH", "/v1/reservations/" + id, R"({"title":"Fourth"})");
    again.headers.emplace_back("If-Match", "\"3\"");
    auto twice = again;
    f.sign(again, f.alice);
    f.clock.advance(Seconds{1});
    f.sign(twice, f.alice);
    const auto first = f.send(again);
    CHECK(first.header("ETag") == "\"4\"");
    const auto second = f.send(twice);
    CHECK(second.text == first.text);
    CHECK(second.header("ETag") == "\"4\"");
}

TEST_CASE("control: a change is its owner's or an operator's") {
    Fixture f;
    const std::string id = f.book(f.alice, f.wish()).id();
    const JsonObject title{{"title", "Other"}};
    CHECK(f.patch(f.bob, id, title, "\"1\"").code() == "not_found");
    CHECK(f.patch(f.relay, id, title, "\"1\"").code() == "wrong_role");
    const auto got = f.patch(f.boss, id, {{"rate_bps", 5'000'000}});
    CHECK(read(got).rate.bps == 5'000'000);
    CHECK(f.open(got, f.alice).request.rate.bps == 5'000'000); // sealed to its owner
}

TEST_CASE("control: what says nothing, or nothing that can be, changes nothing") {
    Fixture f;
    const std::string id = f.book(f.alice, f.wish()).id();
    const auto code = [&](const JsonObject &body) { return f.patch(f.alice, id, body).code(); };
    CHECK(code({}) == "invalid_request");
    CHECK(code({{"nothing", 1}}) == "invalid_request");
    CHECK(code({{"state", "active"}}) == "invalid_request");
    CHECK(code({{"end", text(f.wish().end)}, {"duration_s", 60}}) == "invalid_request");
    CHECK(code({{"rate_bps", 0}}) == "invalid_request");
    CHECK(code({{"carriers", wire::JsonArray{}}}) == "invalid_request");
    CHECK(code({{"carriers", {"a", "a"}}}) == "invalid_request");
    CHECK(code({{"disclosure", "password"}}) == "invalid_request");
    CHECK(code({{"password_hash", "x"}}) == "invalid_request");
    CHECK(code({{"disclosure", "password"}, {"password_hash", "x"}}) == "bad_password_hash");
    CHECK(code({{"end", text(f.wish().start)}}) == "end_before_start");
    CHECK(code({{"start", text(f.now() - Seconds{1})}}) == "too_late");
    CHECK(code({{"duration_s", 59}}) == "too_short");
    CHECK(code({{"duration_s", 4 * 3600 + 1}}) == "too_long");
    CHECK(code({{"start", text(f.now() + hours{24 * 30})}}) == "beyond_horizon");
    CHECK(code({{"rate_bps", 10'000'001}}) == "over_max_rate");
    CHECK(code({{"channel", "nine"}}) == "unknown_channel");
    CHECK(code({{"carriers", {"z"}}}) == "unknown_carrier");
    CHECK(code({{"channel", "far"}, {"rate_bps", 2'000'000}}) == "other_relay");
    CHECK(code({{"offer", "x"}}) == "bad_offer");
    const auto same = f.patch(f.alice, id, {{"title", "Town hall"}, {"duration_s", 3600}});
    CHECK(read(same).revision == 1);
}

TEST_CASE("control: a moved booking keeps its length, leaves its place and voids its settings") {
    Fixture f;
    const auto wish = f.wish();
    const auto booked = f.book(f.alice, wish);
    const auto before = f.open(booked, f.alice);
    // Half an hour later: into its own time, which is not in its way.
    const auto got = f.patch(f.alice, booked.id(), {{"start", text(wish.start + minutes{30})}});
    const auto r = read(got);
    CHECK(r.window.start == wish.start + minutes{30});
    CHECK(r.window.end == wish.end + minutes{30});
    CHECK(r.generation == 2);
    CHECK(r.revision == 2);
    const auto after = f.open(got, f.alice);
    CHECK(after.serial > before.serial);
    CHECK(after.request.start == r.window.start);
    CHECK(after.stream.ticket != before.stream.ticket);
    const auto feed = f.feed(0);
    REQUIRE(feed.entries.size() == 1);
    CHECK(feed.entries[0].window == r.window);
    CHECK(feed.entries[0].generation == 2);
    // What it left is free for others, what it took is not.
    auto other = wish;
    other.end = wish.start + minutes{29};
    CHECK(f.book(f.bob, other).status == 201);
    other.start = wish.end;
    other.end = wish.end + minutes{30};
    CHECK(f.book(f.bob, other).code() == "overlap");
}

TEST_CASE("control: a new end alone leaves the settings good") {
    Fixture f;
    const auto booked = f.book(f.alice, f.wish());
    const auto got = f.patch(f.alice, booked.id(), {{"duration_s", 1800}, {"title", "Short"}});
    CHECK(read(got).generation == 1);
    CHECK(read(got).window.end == f.wish().start + minutes{30});
    CHECK(f.open(got, f.alice).stream.ticket != ""); // of its new end
    CHECK(f.feed(0).entries[0].window.end == f.wish().start + minutes{30});
}

TEST_CASE("control: a refused change leaves all as it was, and offers what could be") {
    Fixture f;
    const auto wish = f.wish();
    const std::string id = f.book(f.alice, wish).id();
    auto next = wish;
    next.start = wish.end + minutes{30};
    next.end = next.start + hours{1};
    REQUIRE(f.book(f.bob, next).status == 201);
    const std::string before = f.get(f.alice, "/v1/reservations/" + id).text;
    const JsonObject all{{"start", text(wish.start + hours{1})},
                         {"title", "Moved"},
                         {"disclosure", "unlisted"},
                         {"carriers", {"b"}}};
    const auto refused = f.patch(f.alice, id, all);
    CHECK(refused.code() == "overlap");
    CHECK(refused.body.at("shortfalls").at(0).at("resource").as_string() == "channel:one");
    CHECK(f.get(f.alice, "/v1/reservations/" + id).text == before);
    const auto offered = alternatives(refused);
    REQUIRE(offered.size() >= 2);
    CHECK(refused.field("hint").starts_with("resv-request change " + id + " --offer"));
    for (const wire::Alternative &a : offered)
        CHECK(a.channel != "far"); // its relay knows it
    // It is good for this change alone, of this owner.
    const JsonObject offer{{"offer", offered[0].offer}};
    CHECK(f.post(f.alice, "/v1/reservations", offer).code() == "bad_offer");
    const std::string second = f.book(f.alice,
                                      [&] {
                                          auto w = wish;
                                          w.start += hours{24}, w.end += hours{24};
                                          return w;
                                      }())
                                   .id();
    CHECK(f.patch(f.alice, second, offer).code() == "bad_offer");
    CHECK(f.patch(f.boss, id, offer).code() == "bad_offer");
    CHECK(f.patch(f.alice, id, offer, "\"7\"").code() == "stale");
    const auto taken = f.patch(f.alice, id, offer);
    const auto r = read(taken);
    CHECK(r.id.text() == id);
    CHECK(r.window.start == offered[0].start);
    CHECK(r.window.end == offered[0].end);
    CHECK(r.channel == offered[0].channel);
    CHECK(r.carriers == offered[0].carriers);
    CHECK(r.rate == offered[0].rate);
    CHECK(r.title == "Moved");
    CHECK(r.viewer_url.find(id) == std::string::npos); // unlisted: no more to be guessed
}

TEST_CASE("control: each alternative of a refused change, extension and commit can be had") {
    for (const std::string verb : {"change", "extend", "commit"})
        for (std::size_t nth = 0, count = 1; nth < count; ++nth) {
            CAPTURE(verb);
            CAPTURE(nth);
            Fixture f;
            auto wish = f.wish();
            wish.hold = verb == "commit";
            const std::string id = f.book(f.alice, wish).id();
            if (wish.hold)
                f.clock.advance(minutes{6}); // it expires, and comes to life below
            auto next = wish;
            next.hold = false;
            next.start = verb == "commit" ? wish.start : wish.end + minutes{20};
            next.end = next.start + hours{1};
            REQUIRE(f.book(f.bob, next).status == 201);
            if (wish.hold)
                f.clock.advance(-minutes{6});
            const auto refused = verb == "commit"   ? f.act(f.alice, id, "commit")
                                 : verb == "extend" ? f.act(f.alice, id, "extend",
                                                            {{"end", text(wish.end + minutes{40})}})
                                                    : f.patch(f.alice, id, {{"duration_s", 6000}});
            REQUIRE(refused.code() == "overlap");
            CHECK_FALSE(refused.body.at("shortfalls").as_array().empty());
            const auto all = alternatives(refused);
            count = all.size();
            REQUIRE(count >= 2);
            const auto r = read(f.patch(f.alice, id, {{"offer", all[nth].offer}}));
            CHECK(r.window.start == all[nth].start);
            CHECK(r.window.end == all[nth].end);
            CHECK(r.channel == all[nth].channel);
            if (verb != "commit") // more time was asked for
                CHECK(r.window.end - r.window.start > hours{1});
            if (verb == "commit")
                CHECK(f.act(f.alice, id, "commit").state() == "booked");
        }
}

TEST_CASE("control: on the air it keeps its start and its lines, and may get longer or larger") {
    Fixture f;
    const auto wish = f.wish();
    const std::string id = f.book(f.alice, wish).id();
    f.clock.advance(hours{1} + minutes{10});
    REQUIRE(f.report("first_media", id).status == 200);
    const auto code = [&](const JsonObject &body) { return f.patch(f.alice, id, body).code(); };
    CHECK(code({{"start", text(f.now() + minutes{1})}}) == "wrong_state");
    CHECK(code({{"channel", "two"}}) == "wrong_state");
    CHECK(code({{"carriers", {"b"}}}) == "wrong_state");
    CHECK(code({{"disclosure", "unlisted"}}) == "wrong_state");
    CHECK(code({{"end", text(f.now() - Seconds{1})}}) == "too_late");
    const auto got = f.patch(f.alice, id,
                             {{"end", text(wish.end - minutes{20})},
                              {"rate_bps", 6'000'000},
                              {"viewers", 12},
                              {"title", "On the air"}});
    const auto r = read(got);
    CHECK(r.state == resv::State::active);
    CHECK(r.generation == 1); // nobody is thrown out
    CHECK(r.viewers == 12);
    CHECK(f.feed(0).entries[0].max_rate.bps == 6'000'000);
    CHECK(f.act(f.alice, id, "end").state() == "ended");
    CHECK(code({{"title", "Over"}}) == "wrong_state");
}

TEST_CASE("control: a hold may go to any relay, and keeps its time to live") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    const auto got = f.patch(f.alice, held.id(), {{"channel", "far"}, {"rate_bps", 2'000'000}});
    CHECK(read(got).relay == "r2");
    CHECK(read(got).hold_expires == read(held).hold_expires);
    CHECK_FALSE(got.has_settings());
    f.clock.advance(minutes{6});
    CHECK(f.patch(f.alice, held.id(), {{"title", "Late"}}).code() == "wrong_state");
}

TEST_CASE("control: what was booked on any channel goes to another one when its own is taken") {
    Fixture f;
    auto wish = f.wish();
    wish.channel.reset();
    wish.rate = {2'000'000};
    wish.carriers = {"b"};
    const auto first = f.book(f.alice, wish);
    CHECK(read(first).channel == "one");
    auto other = f.wish();
    other.start = wish.end + minutes{10};
    other.end = other.start + hours{1};
    REQUIRE(f.book(f.bob, other).status == 201);
    const auto longer = f.patch(f.alice, first.id(), {{"duration_s", 3 * 3600}});
    CHECK(read(longer).channel == "two");
    CHECK(read(longer).generation == 2);
}

TEST_CASE("control: what there is too little of by now does not stop what takes no more of it") {
    Fixture f;
    auto wish = f.wish();
    wish.rate = {8'000'000};
    const std::string id = f.book(f.alice, wish).id();
    control::Config less = f.config;
    less.catalogue.relays.at("r1").ingest = {6'000'000};
    control::Feeds feeds{less, f.keys, *f.ledger, f.clock};
    const control::Desk desk{less};
    const auto change = [&](const wire::ReservationChange &c) {
        using Booked = control::Outcome<ledger::Booking>;
        return control::transact(*f.ledger, [&](ledger::Transaction &t) -> Booked {
            return desk.change(t, *TRY(t.booking(base::Id::parse(id).value())), c, f.now());
        });
    };
    wire::ReservationChange slower;
    slower.rate = base::BitRate{7'000'000};
    CHECK(change(slower).has_value());
    wire::ReservationChange sooner;
    sooner.start = wish.start - minutes{10};
    const auto refused = change(sooner);
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().problem.shortfalls.size() == 1);
    CHECK(refused.error().problem.shortfalls[0].resource == "relay:r1:ingest");
    CHECK(refused.error().problem.shortfalls[0].to == wish.start - Seconds{10});
}

TEST_CASE("control: a change costs what it adds, and gives back what it gives up") {
    Fixture f{"currency = \"EUR\"\n" + std::string(control_test::k_config) +
              "[channels.one.fee]\nper_hour = 1000\n"};
    const std::string id = f.book(f.alice, f.wish()).id();
    CHECK(read(f.patch(f.alice, id, {{"duration_s", 3 * 3600}})).fee->minor == 3000);
    CHECK(read(f.patch(f.alice, id, {{"duration_s", 1800}})).fee->minor == 1000);
    CHECK(read(f.patch(f.alice, id, {{"channel", "two"}})).fee->minor == 0);
}

TEST_CASE(
    "control: an operator has every verb on anybody's reservation, another distributor none") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const std::string id = f.book(f.alice, wish).id();
    const JsonObject later{{"end", text(wish.end + minutes{5})}};
    const JsonObject none;
    for (const auto &[verb, body] :
         {std::pair{"commit", none}, std::pair{"extend", later}, std::pair{"settings", none},
          std::pair{"cancel", none}, std::pair{"end", none}}) {
        CHECK_MESSAGE(f.act(f.bob, id, verb, body).code() == "not_found", verb);
        CHECK_MESSAGE(f.act(f.relay, id, verb, body).code() == "wrong_role", verb);
    }
    CHECK(f.act(f.boss, id, "commit").state() == "booked");
    CHECK(f.open(f.act(f.boss, id, "extend", later), f.alice).window.end == wish.end + minutes{5});
    CHECK(f.open(f.act(f.boss, id, "settings"), f.alice).serial > 0);
    CHECK(f.get(f.boss, "/v1/reservations/" + id).header("ETag") == "\"3\"");
    f.clock.advance(hours{1});
    CHECK(f.act(f.boss, id, "end").state() == "ended");
    const std::string second = f.book(f.alice, f.wish()).id();
    CHECK(f.act(f.boss, second, "cancel").state() == "cancelled");
}
