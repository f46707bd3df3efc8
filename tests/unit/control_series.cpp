// Series: all or nothing, the others, or what would do instead; each an ordinary reservation then.
#include "control_fixture.hpp"
#include "wire/series.hpp"

#include <set>

namespace {

using namespace control_test;
using std::chrono::hours;

struct Booker : Fixture {
    using Fixture::Fixture;

    // Daily for three days, from tomorrow on; 2026-09-21 14:13:20 is now.
    [[nodiscard]] wire::SeriesRequest ask(std::string repeat = "FREQ=DAILY;COUNT=3") const {
        wire::SeriesRequest s;
        s.request = wish();
        s.request.start += hours{24};
        s.request.end += hours{24};
        s.repeat = std::move(repeat);
        s.zone = "Europe/Berlin";
        return s;
    }
    Got series(const Actor &who, const wire::SeriesRequest &request) {
        return post(who, "/v1/series", wire::to_json(request));
    }
    // Bob takes the channel at the second day of ask().
    std::string in_the_way() {
        auto other = ask().request;
        other.start += hours{24};
        other.end += hours{24};
        return book(bob, other).id();
    }
    std::size_t count(const Actor &who) {
        return get(who, "/v1/reservations").body.at("reservations").as_array().size();
    }
};

std::vector<std::string> starts(const Got &got) {
    std::vector<std::string> out;
    for (const auto &r : got.body.at("reservations").as_array())
        out.emplace_back(r.at("start").as_string());
    return out;
}

using Texts = std::vector<std::string>;

// The configuration with @p to instead of @p from.
std::string with(std::string_view from, std::string_view to) {
    std::string out{k_config};
    return out.replace(out.find(from), from.size(), to);
}

} // namespace

TEST_CASE(
    "control: a series is booked at once, with the settings of each; list and show say of which") {
    Booker f;
    const Got got = f.series(f.alice, f.ask());
    REQUIRE_MESSAGE(got.status == 201, got.text);
    CHECK(starts(got) ==
          Texts{"2026-09-22T15:13:20Z", "2026-09-23T15:13:20Z", "2026-09-24T15:13:20Z"});
    const std::string id{got.body.at("series").at("id").as_string()};
    CHECK(got.body.at("series").at("zone") == "Europe/Berlin");
    CHECK(got.body.at("clashes").as_array().empty());
    const auto &settings = got.body.at("settings").as_array();
    REQUIRE(settings.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto &r = got.body.at("reservations").as_array()[i];
        CHECK(std::string(r.at("series").as_string()) == id);
        CHECK(r.at("state") == "booked");
        const auto sealed = wire::read_sealed(settings[i], "settings").value();
        const auto opened =
            wire::open_settings(sealed, f.alice.box, f.alice.key.id(), f.keys.signing.public_key())
                .value();
        CHECK(opened.reservation.text() == std::string(r.at("id").as_string()));
        CHECK(base::format_rfc3339(opened.window.start) == std::string(r.at("start").as_string()));
    }
    CHECK(f.count(f.alice) == 3);
    const std::string second{got.body.at("reservations").as_array()[1].at("id").as_string()};
    const auto history = f.get(f.alice, "/v1/reservations/" + second + "/history");
    CHECK(history.body.at("history").as_array().at(0).at("changes").at("series") ==
          got.body.at("series").at("id"));
    CHECK(f.get(f.alice, "/v1/series/" + id).body.at("reservations") ==
          f.get(f.boss, "/v1/series/" + id).body.at("reservations"));
    CHECK(starts(f.get(f.alice, "/v1/series/" + id)) == starts(got));
    CHECK(f.get(f.bob, "/v1/series/" + id).status == 404);
    CHECK(f.get(f.alice, "/v1/series/nonsense").status == 404);
    // The relay hears of each.
    CHECK(f.feed(0).entries.size() == 3);
    // Each is one like others.
    const std::string one{got.body.at("reservations").as_array()[0].at("id").as_string()};
    CHECK(f.act(f.alice, one, "cancel").status == 200);
}

TEST_CASE("control: all or nothing of a series is nothing when one clashes, and all is named") {
    Booker f;
    f.in_the_way();
    const Got got = f.series(f.alice, f.ask());
    CHECK(got.status == 409);
    CHECK(got.code() == "series_clash");
    CHECK(got.field("detail").starts_with("1 of 3 cannot be booked, so none is; "
                                          "2026-09-23T17:13:20: the channel is taken"));
    const auto &shortfall = got.body.at("shortfalls").as_array().at(0);
    CHECK(shortfall.at("resource") == "channel:one");
    CHECK(shortfall.at("from") == "2026-09-23T15:13:10Z");
    CHECK(got.text.find("bob") == std::string::npos);
    CHECK(f.count(f.alice) == 0);
    CHECK(f.feed(0).entries.size() == 1);
}

TEST_CASE("control: skip books the others; propose offers for each clash what one POST takes") {
    Booker f;
    f.in_the_way();
    auto ask = f.ask();
    ask.on_clash = wire::OnClash::skip;
    const Got skipped = f.series(f.alice, ask);
    REQUIRE_MESSAGE(skipped.status == 201, skipped.text);
    CHECK(starts(skipped) == Texts{"2026-09-22T15:13:20Z", "2026-09-24T15:13:20Z"});
    const auto &clash = skipped.body.at("clashes").as_array().at(0);
    CHECK(clash.at("local") == "2026-09-23T17:13:20");
    CHECK(clash.at("start") == "2026-09-23T15:13:20Z");
    CHECK(clash.at("problem").at("code") == "overlap");
    CHECK_FALSE(clash.at("problem").as_object().contains("alternatives"));
    const std::string id{skipped.body.at("series").at("id").as_string()};
    REQUIRE(f.post(f.alice, "/v1/series/" + id + "/cancel", wire::JsonObject{}).status == 200);

    ask.on_clash = wire::OnClash::propose;
    const Got proposed = f.series(f.alice, ask);
    REQUIRE_MESSAGE(proposed.status == 201, proposed.text);
    CHECK(starts(proposed).size() == 2);
    const auto read = wire::read_clash(proposed.body.at("clashes").as_array().at(0), "clash");
    REQUIRE(read);
    REQUIRE(read->problem.alternatives.size() >= 3);
    const auto &series = proposed.body.at("series").at("id");
    for (const wire::Alternative &a : read->problem.alternatives) {
        const Got taken = f.post(f.alice, "/v1/reservations", wire::JsonObject{{"offer", a.offer}});
        REQUIRE_MESSAGE(taken.status == 201, taken.text);
        CHECK(taken.body.at("reservation").at("series") == series); // in place of what is missing
        f.act(f.alice, taken.id(), "cancel");
    }
    const std::string path = "/v1/series/" + std::string(series.as_string());
    CHECK(f.get(f.alice, path).body.at("reservations").as_array().size() ==
          2 + read->problem.alternatives.size());
    // When nothing at all can be, nothing is booked, whatever is to happen on a clash.
    ask.request.start = base::parse_rfc3339("2026-09-23T15:13:20Z").value();
    ask.request.end = ask.request.start + hours{1};
    ask.repeat = "FREQ=DAILY;COUNT=1";
    const Got none = f.series(f.alice, ask);
    CHECK(none.code() == "series_clash");
    CHECK(none.field("hint").find("propose") == std::string::npos); // which was asked for
}

TEST_CASE("control: what a series was offered is gone when it is cancelled") {
    Booker f;
    f.in_the_way();
    auto ask = f.ask();
    ask.on_clash = wire::OnClash::propose;
    const Got got = f.series(f.alice, ask);
    REQUIRE_MESSAGE(got.status == 201, got.text);
    const auto clash = wire::read_clash(got.body.at("clashes").as_array().at(0), "clash");
    REQUIRE(clash);
    const auto &offers = clash->problem.alternatives;
    REQUIRE(offers.size() >= 3);
    const auto take = [&](std::size_t nth) {
        return f.post(f.alice, "/v1/reservations", wire::JsonObject{{"offer", offers[nth].offer}});
    };
    const auto &booked = got.body.at("reservations").as_array();
    const std::string first{booked.at(0).at("id").as_string()};
    REQUIRE(f.act(f.alice, first, "cancel").status == 200); // one of it is not all
    CHECK(take(0).status == 201);
    const std::string path =
        "/v1/series/" + std::string(got.body.at("series").at("id").as_string());
    REQUIRE(f.post(f.alice, path + "/cancel", wire::JsonObject{}).status == 200);
    const auto before = f.get(f.alice, path).body.at("reservations").as_array().size();
    for (const std::size_t nth : {0, 1, 2}) {
        const Got refused = take(nth);
        CHECK(refused.status == 410);
        CHECK(refused.code() == "series_gone");
    }
    CHECK(f.get(f.alice, path).body.at("reservations").as_array().size() == before);
}

TEST_CASE("control: propose offers what would do instead of the first twenty clashes") {
    Booker f;
    REQUIRE(f.series(f.bob, f.ask("FREQ=DAILY;COUNT=22")).status == 201);
    auto ask = f.ask("FREQ=DAILY;COUNT=23");
    ask.on_clash = wire::OnClash::propose;
    const Got got = f.series(f.alice, ask);
    REQUIRE_MESSAGE(got.status == 201, got.text);
    CHECK(starts(got) == Texts{"2026-10-14T15:13:20Z"});
    const auto &clashes = got.body.at("clashes").as_array();
    REQUIRE(clashes.size() == 22);
    for (std::size_t i = 0; i < 22; ++i) {
        CHECK(clashes[i].at("start") ==
              base::format_rfc3339(ask.request.start + i * hours{24}).c_str());
        CHECK(clashes[i].at("problem").as_object().contains("alternatives") == (i < 20));
    }
}

TEST_CASE("control: a series keeps its wall time over a change of the clocks, and its length") {
    Booker f{with("\"30d\"", "\"366d\"")};
    auto ask = f.ask();
    ask.request.start = base::parse_rfc3339("2027-03-27T01:30:00Z").value(); // 02:30 there
    ask.request.end = ask.request.start + hours{2};
    const Got got = f.series(f.alice, ask);
    REQUIRE_MESSAGE(got.status == 201, got.text);
    CHECK(starts(got) ==
          Texts{"2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"});
    for (const auto &r : got.body.at("reservations").as_array())
        CHECK(base::parse_rfc3339(r.at("end").as_string()).value() -
                  base::parse_rfc3339(r.at("start").as_string()).value() ==
              hours{2});
}

TEST_CASE(
    "control: reservations of one series are not in each other's way, or clash as others do") {
    Booker f{with("\"4h\"", "\"48h\"")};
    auto ask = f.ask("FREQ=DAILY;COUNT=2");
    ask.request.channel = "one";
    ask.request.end = ask.request.start + hours{24}; // and its lead-in and drain
    CHECK(f.series(f.alice, ask).code() == "series_clash");
    ask.on_clash = wire::OnClash::skip;
    CHECK(starts(f.series(f.alice, ask)) == Texts{"2026-09-22T15:13:20Z"});
}

TEST_CASE("control: what is wrong with a series is said before anything is booked") {
    Booker f{with("hold =", "max_series = 5\nhold =")};
    const auto code = [&](const std::string &repeat, const std::string &zone = "Europe/Berlin") {
        auto ask = f.ask(repeat);
        ask.zone = zone;
        const Got got = f.series(f.alice, ask);
        CHECK(got.status == 422);
        return got.code() + " " + got.field("detail");
    };
    CHECK(code("FREQ=DAILY") == "bad_repeat COUNT or UNTIL: is missing");
    CHECK(code("FREQ=HOURLY;COUNT=2").starts_with("bad_repeat FREQ=HOURLY: nothing is reserved"));
    CHECK(code("FREQ=DAILY;COUNT=2", "Mars/Olympus") ==
          "bad_repeat 'Mars/Olympus' is not a time zone");
    CHECK(code("FREQ=DAILY;COUNT=6") == "bad_repeat that is more than 5 reservations");
    CHECK(code("FREQ=WEEKLY;BYDAY=MO;COUNT=2")
              .starts_with("bad_repeat the rule does not fall on the start, Tuesday 2026-09-22"));
    CHECK(code("FREQ=MONTHLY;COUNT=3").starts_with("beyond_horizon 2026-10-22T17:13:20: "));
    auto ask = f.ask();
    ask.request.hold = true;
    CHECK(f.series(f.alice, ask).code() == "invalid_request");
    ask = f.ask();
    ask.request.channel = "nine";
    CHECK(f.series(f.alice, ask).code() == "unknown_channel");
    ask = f.ask();
    ask.request.start = f.now() - hours{24};
    CHECK(f.series(f.alice, ask).code() == "too_late");
    CHECK(f.post(f.alice, "/v1/series", wire::JsonObject{{"repeat", "x"}}).code() ==
          "invalid_request");
    CHECK(f.series(f.boss, f.ask()).status == 403);
    CHECK(f.count(f.boss) == 0);
}

TEST_CASE("control: the same series asked for twice with one key is booked once") {
    Booker f;
    auto request = f.request("POST", "/v1/series", wire::compact_json(wire::to_json(f.ask())));
    auto first = request;
    f.sign(first, f.alice);
    auto second = request;
    f.sign(second, f.alice);
    const Got a = f.send(first);
    REQUIRE(a.status == 201);
    CHECK(f.send(second).text == a.text);
    CHECK(f.count(f.alice) == 3);
}

TEST_CASE("control: cancelling a series gives up what is not active yet, and says what is left") {
    Booker f;
    const Got got = f.series(f.alice, f.ask());
    const std::string path =
        "/v1/series/" + std::string(got.body.at("series").at("id").as_string());
    const auto cancel = [&](const Actor &who) {
        return f.post(who, path + "/cancel", wire::JsonObject{});
    };
    f.clock.advance(hours{25});
    const std::string first{got.body.at("reservations").as_array()[0].at("id").as_string()};
    REQUIRE(f.report("first_media", first).status == 200);
    CHECK(cancel(f.bob).status == 404);
    const Got done = cancel(f.alice);
    REQUIRE(done.status == 200);
    Texts states;
    for (const auto &r : done.body.at("reservations").as_array())
        states.emplace_back(r.at("state").as_string());
    CHECK(states == Texts{"active", "cancelled", "cancelled"});
    CHECK(cancel(f.boss).status == 200); // again
    // Its time is free.
    CHECK(f.in_the_way() != "");

    const Got other = f.series(f.alice, [&] {
        auto ask = f.ask("FREQ=DAILY;COUNT=1");
        ask.request.channel = "two";
        return ask;
    }());
    f.clock.advance(hours{48});
    f.sweep();
    CHECK(f.post(f.alice,
                 "/v1/series/" + std::string(other.body.at("series").at("id").as_string()) +
                     "/cancel",
                 wire::JsonObject{})
              .code() == "wrong_state");
}

TEST_CASE("control: each reservation of a series has its own fee, and its own notices") {
    Booker f{"currency = \"EUR\"\n" + std::string(k_config) +
             "[channels.one.fee]\nper_hour = 1000\n[notify.webhooks]\n"};
    auto ask = f.ask();
    ask.request.channel = "one";
    ask.request.notify = {"https://example.org/hook"};
    const Got got = f.series(f.alice, ask);
    REQUIRE_MESSAGE(got.status == 201, got.text);
    std::set<std::string> told;
    const auto tell = [&told, &f] {
        std::vector<std::string> events;
        REQUIRE(f.ledger->write([&](ledger::Transaction &t) -> base::Result<void> {
            for (const auto &n : TRY(t.claim_notices(f.now(), f.now() + hours{1}, 100))) {
                events.push_back(n.event);
                told.insert(n.reservation.text());
                TRY(t.forget_notice(n.id));
            }
            return {};
        }));
        return events;
    };
    CHECK(tell() == Texts(3, "reservation.booked"));
    for (const auto &r : got.body.at("reservations").as_array()) {
        CHECK(told.contains(std::string(r.at("id").as_string())));
        CHECK(r.at("fee").at("minor").as_int64() ==
              1000 * ((ask.request.end - ask.request.start) / hours{1}));
    }
    const std::string id{got.body.at("series").at("id").as_string()};
    REQUIRE(f.post(f.alice, "/v1/series/" + id + "/cancel", wire::JsonObject{}).status == 200);
    CHECK(tell() == Texts(3, "reservation.cancelled"));
}

TEST_CASE("control: a quota counts each reservation of a series") {
    Booker f{std::string(k_config) + "[distributors.alice]\nahead = 2\n"};
    auto ask = f.ask();
    CHECK(f.series(f.alice, ask).code() == "series_clash");
    CHECK(f.count(f.alice) == 0);
    ask.on_clash = wire::OnClash::skip;
    const Got got = f.series(f.alice, ask);
    REQUIRE(got.status == 201);
    CHECK(starts(got).size() == 2);
    CHECK(got.body.at("clashes").as_array().at(0).at("problem").at("code") == "over_quota");
}
