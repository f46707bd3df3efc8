#include "control_fixture.hpp"
#include "seal/ticket.hpp"

using base::Seconds;
using control_test::Fixture;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

// The names of the resources that fell short.
std::vector<std::string> shortfalls(const control_test::Got &got) {
    std::vector<std::string> out;
    for (const auto &s : got.body.at("shortfalls").as_array())
        out.emplace_back(s.at("resource").as_string());
    return out;
}

wire::JsonObject until(base::UtcTime t) {
    return {{"end", base::format_rfc3339(t)}};
}

} // namespace

TEST_CASE("control: a booking answers with settings that only its terminal opens") {
    Fixture f;
    auto wish = f.wish();
    wish.carriers = {"b", "a"};
    const auto got = f.book(f.alice, wish);
    REQUIRE(got.status == 201);
    CHECK(got.state() == "booked");
    const auto s = f.open(got, f.alice);
    CHECK(s.request == wish);
    CHECK(s.reservation.text() == got.id());
    CHECK(s.serial == 1);
    CHECK(s.window.opens() == wish.start - Seconds{10});
    CHECK(s.window.closes() == wish.end + Seconds{5});
    REQUIRE(s.carriers.size() == 2);
    CHECK(s.carriers[0].name == "b");
    CHECK(s.carriers[0].line_bps == 5'100'000);
    CHECK(std::get<wire::LinkInfo>(s.carriers[1].connection).gateway4 == "10.2.0.1");
    CHECK(s.carriers[1].ingest.at(0).at == wire::Endpoint{"203.0.113.10", 9000});
    CHECK(s.carriers[1].probe->at == wire::Endpoint{"203.0.113.10", 9001});
    CHECK(s.carriers[1].probe->key ==
          seal::to_base64url(seal::echo_key(f.keys.group.view(), "r1", "a")));
    CHECK(s.relays.at(0).latency_ms == 200);
    CHECK(s.relays.at(0).at == wire::Endpoint{"203.0.113.11", 9000});
    CHECK(s.viewer_url == "http://198.51.100.1:8080/w/" + got.id() + "/");
    const auto ticket = seal::open_ticket(s.stream.ticket, f.keys.signing.public_key()).value();
    CHECK(ticket.audience == seal::short_hash("r1"));
    CHECK(ticket.channel == seal::short_hash("one"));
    CHECK(ticket.reservation == s.reservation);
    CHECK(ticket.not_before == s.window.opens());
    CHECK(ticket.expiry == s.window.closes());
    CHECK(ticket.max_kbps == 4000);
    CHECK(s.relays[0].passphrase == seal::srt_passphrase(f.keys.group.view(), ticket.ticket_id));
}

TEST_CASE("control: requests that cannot be are refused by their code") {
    Fixture f;
    const auto code = [&](auto change) {
        auto wish = f.wish();
        change(wish);
        const auto got = f.book(f.alice, wish);
        CHECK(got.status == 422);
        return got.code();
    };
    using Wish = wire::ReservationRequest;
    CHECK(code([&](Wish &w) { w.start = f.now() - base::Millis{1}; }) == "too_late");
    CHECK(code([](Wish &w) { w.end = w.start; }) == "end_before_start");
    CHECK(code([](Wish &w) { w.end = w.start - hours{1}; }) == "end_before_start");
    CHECK(code([](Wish &w) { w.end = w.start + Seconds{59}; }) == "too_short");
    CHECK(code([](Wish &w) { w.end = w.start + hours{4} + Seconds{1}; }) == "too_long");
    CHECK(code([](Wish &w) { w.start += hours{24 * 30}, w.end += hours{24 * 30}; }) ==
          "beyond_horizon");
    CHECK(code([](Wish &w) { w.rate = {10'000'001}; }) == "over_max_rate");
    CHECK(code([](Wish &w) { w.channel = "nine"; }) == "unknown_channel");
    CHECK(code([](Wish &w) { w.carriers = {"a", "z"}; }) == "unknown_carrier");
    CHECK(code([](Wish &w) { w.channel = "far", w.carriers = {"b"}, w.rate = {1000}; }) ==
          "carrier_not_at_relay");
    CHECK(code([](Wish &w) { w.notify = {"mailto:a@b.example"}; }) == "no_notifications");
    for (const char *title : {"two\nlines", "x\u009b31mred", "\u202egnp.exe", "a\u2029b"})
        CHECK(code([&](Wish &w) { w.title = title; }) == "invalid_request");
    CHECK(code([](Wish &w) { w.carriers = {}; }) == "invalid_request");
    const auto password = [](Wish &w) {
        w.disclosure = resv::Disclosure::password;
        w.password_hash = "$argon2id$v=19$m=999999999,t=2,p=1$c2FsdHNhbHQ$aGFzaA";
    };
    CHECK(code(password) == "bad_password_hash");
    CHECK(f.post(f.alice, "/v1/reservations", wire::JsonArray{}).status == 422);
    CHECK(f.get(f.alice, "/v1/reservations").body.at("reservations").as_array().empty());
}

TEST_CASE("control: an overlap is refused with what fell short, back to back is not") {
    Fixture f;
    const auto wish = f.wish();
    REQUIRE(f.book(f.alice, wish).status == 201);
    const auto got = f.book(f.bob, wish);
    CHECK(got.status == 409);
    CHECK(got.code() == "overlap");
    CHECK(shortfalls(got) == std::vector<std::string>{"channel:one"});
    CHECK(got.text.find("alice") == std::string::npos);
    auto next = wish;
    next.start = wish.end + Seconds{15}; // drain and lead-in do not overlap either
    next.end = next.start + hours{1};
    CHECK(f.book(f.bob, next).status == 201);
    next.start -= Seconds{1};
    next.channel = "two";
    CHECK(f.book(f.bob, next).status == 201);
}

TEST_CASE("control: every resource counts, and all are named") {
    Fixture f;
    auto wish = f.wish();
    wish.carriers = {"b"};
    REQUIRE(f.book(f.alice, wish).status == 201);
    wish.channel = "two";
    auto got = f.book(f.alice, wish);
    CHECK(got.code() == "no_capacity");
    CHECK(shortfalls(got) == std::vector<std::string>{"carrier:b:lines"});
    wish.carriers = {"a", "b"};
    wish.rate = {10'000'000};
    wish.viewers = 100;
    got = f.book(f.alice, wish);
    CHECK(shortfalls(got) == std::vector<std::string>{"relay:r1:egress", "carrier:b:lines"});
    wish.carriers = {"a"};
    wish.viewers.reset();
    CHECK(f.book(f.alice, wish).status == 201);
    wish.channel.reset(); // any channel: "far" takes 2M at most, the others are taken
    CHECK(f.book(f.alice, wish).code() == "overlap");
    wish.rate = {2'000'000};
    got = f.book(f.alice, wish);
    REQUIRE(got.status == 201);
    CHECK(got.reservation().at("channel").as_string() == "far");
}

TEST_CASE("control: a hold keeps its place until it expires, commit makes it a booking") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    CHECK(held.state() == "held");
    CHECK_FALSE(held.has_settings());
    CHECK(f.feed(0).entries.empty());
    CHECK(f.book(f.bob, wish).code() == "overlap");
    CHECK(f.act(f.alice, held.id(), "settings").code() == "wrong_state");
    const auto booked = f.act(f.alice, held.id(), "commit");
    CHECK(booked.state() == "booked");
    CHECK(booked.has_settings());
    CHECK(f.feed(0).entries.size() == 1);
    CHECK(f.act(f.alice, held.id(), "commit").state() == "booked"); // again is no harm
    f.clock.advance(minutes{6});
    CHECK(f.get(f.alice, "/v1/reservations/" + held.id()).state() == "booked");

    wish.channel = "two";
    const auto lost = f.book(f.alice, wish);
    f.clock.advance(minutes{5});
    CHECK(f.get(f.alice, "/v1/reservations/" + lost.id()).state() == "expired");
    CHECK(f.act(f.alice, lost.id(), "commit").code() == "hold_expired");
    CHECK(f.book(f.bob, wish).status == 201); // before any sweeper ran
    f.sweep();
    CHECK(f.get(f.alice, "/v1/reservations/" + lost.id()).state() == "expired");
}

TEST_CASE("control: ids of others are as unknown as ids of nobody") {
    Fixture f;
    const auto got = f.book(f.alice, f.wish());
    const auto nobody = f.get(f.bob, "/v1/reservations/00000000000000000000000000");
    const auto others = f.get(f.bob, "/v1/reservations/" + got.id());
    CHECK(others.status == 404);
    CHECK(others.text == nobody.text);
    CHECK(f.get(f.bob, "/v1/reservations/nonsense").text == nobody.text);
    for (const char *verb : {"commit", "cancel", "end", "settings"})
        CHECK(f.act(f.bob, got.id(), verb).status == 404);
    CHECK(f.act(f.bob, got.id(), "extend", until(f.now() + hours{3})).status == 404);
    CHECK(f.get(f.bob, "/v1/reservations").body.at("reservations").as_array().empty());
    CHECK(f.get(f.boss, "/v1/reservations").body.at("reservations").as_array().size() == 1);
    CHECK(f.act(f.boss, got.id(), "cancel").state() == "cancelled");
}

TEST_CASE("control: an extension grows only, into free time only, and reaches the relay") {
    Fixture f;
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    const auto ticket = f.open(got, f.alice).stream.ticket;
    auto later = wish;
    later.start = wish.end + hours{1};
    later.end = later.start + hours{1};
    REQUIRE(f.book(f.bob, later).status == 201);
    const auto extend = [&](base::UtcTime end) {
        return f.act(f.alice, got.id(), "extend", until(end));
    };
    CHECK(extend(wish.end - Seconds{1}).code() == "not_later");
    CHECK(extend(later.start).code() == "overlap");
    CHECK(extend(wish.start + hours{5}).code() == "too_long");
    CHECK(f.act(f.alice, got.id(), "extend").code() == "invalid_request");
    f.clock.advance(minutes{90}); // on air
    REQUIRE(f.report("first_media", got.id()).status == 200);
    const auto before = f.feed(0);
    const auto longer = extend(wish.end + minutes{30});
    REQUIRE(longer.status == 200);
    CHECK(longer.state() == "active");
    CHECK(f.open(longer, f.alice).window.end == wish.end + minutes{30});
    CHECK(f.open(longer, f.alice).stream.ticket != ticket); // this one is valid until the new end
    const auto after = f.feed(before.serial);
    REQUIRE(after.entries.size() == 1);
    CHECK(after.entries[0].window.end == wish.end + minutes{30});
    CHECK(after.entries[0].generation == 1); // the ticket out there stays good
    CHECK(extend(wish.end + minutes{30}).status == 200);
    CHECK(f.feed(after.serial).entries.empty()); // the same end is no change
}

TEST_CASE("control: cancel and end free the place and tell the relay") {
    Fixture f;
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    CHECK(f.act(f.alice, got.id(), "end").code() == "wrong_state"); // not begun
    CHECK(f.act(f.alice, got.id(), "cancel").state() == "cancelled");
    CHECK(f.act(f.alice, got.id(), "cancel").state() == "cancelled");
    CHECK(f.feed(0).entries.back().state == resv::State::cancelled);
    const auto second = f.book(f.bob, wish);
    REQUIRE(second.status == 201);
    f.clock.advance(minutes{61});
    f.report("first_media", second.id());
    CHECK(f.act(f.bob, second.id(), "cancel").code() == "wrong_state");
    CHECK(f.act(f.bob, second.id(), "end").state() == "ended");
    const auto told = f.feed(0).entries.back();
    CHECK(told.state == resv::State::ended);
    CHECK(told.window.end == f.now()); // so the sender may drain
    CHECK(told.window.drain == Seconds{5});
    f.clock.advance(Seconds{1});
    CHECK(f.act(f.bob, second.id(), "end").state() == "ended");
    CHECK(f.feed(0).entries.back() == told); // the first time counts
    CHECK(f.act(f.bob, second.id(), "extend", until(wish.end + hours{1})).code() == "wrong_state");
}

TEST_CASE("control: what is ended drains before its place is free") {
    Fixture f;
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    f.clock.advance(minutes{70});
    REQUIRE(f.report("first_media", got.id()).status == 200);
    REQUIRE(f.act(f.alice, got.id(), "end").state() == "ended");
    auto next = wish;
    next.start = f.now() + Seconds{5 + 10} - base::Millis{1}; // its lead-in begins in the drain
    next.end = next.start + minutes{30};
    CHECK(f.book(f.bob, next).code() == "overlap");
    next.start += base::Millis{1};
    CHECK(f.book(f.bob, next).status == 201);
}

TEST_CASE("control: what is ended in its lead-in still ends after its start") {
    Fixture f;
    const auto wish = f.wish();
    const auto got = f.book(f.alice, wish);
    f.clock.advance(wish.start - Seconds{5} - f.now());
    CHECK(f.act(f.alice, got.id(), "end").state() == "ended");
    CHECK(f.feed(0).entries.back().window.end == wish.start + base::Millis{1});
}

TEST_CASE("control: settings again are the same ticket, a new generation another") {
    Fixture f;
    const auto got = f.book(f.alice, f.wish());
    const auto first = f.open(got, f.alice);
    const auto same = f.open(f.act(f.alice, got.id(), "settings"), f.alice);
    CHECK(same.serial > first.serial);
    CHECK(same.stream.ticket == first.stream.ticket);
    const auto renewed = f.open(
        f.act(f.alice, got.id(), "settings", wire::JsonObject{{"new_generation", true}}), f.alice);
    CHECK(renewed.stream.ticket != first.stream.ticket);
    CHECK(renewed.relays[0].passphrase != first.relays[0].passphrase);
    CHECK(f.feed(0).entries.back().generation == 2);
}

TEST_CASE("control: unlisted events have URLs that cannot be guessed") {
    Fixture f;
    auto wish = f.wish();
    wish.disclosure = resv::Disclosure::unlisted;
    const auto got = f.book(f.alice, wish);
    const auto url = f.open(got, f.alice).viewer_url;
    CHECK(url.find(got.id()) == std::string::npos);
    const auto vid = f.feed(0).entries.at(0).vid;
    CHECK(vid.size() == 16);
    CHECK(url.ends_with("/w/" + vid + "/"));
}

TEST_CASE("control: what the menu says is left can be had, and no more") {
    Fixture f;
    auto wish = f.wish(); // 4M over carrier a, which has 20M: 14.9M of them are left beside it
    wish.channel = "two";
    wish.viewers = 200; // of the relay's egress of 1G
    REQUIRE(f.book(f.bob, wish).status == 201);
    const auto ask = [&](base::UtcTime from, base::UtcTime to) {
        const auto got =
            f.get(f.alice, fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                                       "&rate_bps=4000000&viewers=10&channel=one"
                                       "&carrier=a",
                                       base::format_rfc3339(from), base::format_rfc3339(to)));
        REQUIRE(got.status == 200);
        CHECK(got.text.find("bob") == std::string::npos);
        return wire::read_slot(got.body.at("slots").at(0), "slot").value().left.value();
    };
    const auto alone = ask(wish.end + hours{1}, wish.end + hours{2});
    CHECK(alone.streams == 2);
    CHECK(alone.lines == 2);
    CHECK(alone.carrier_bps == 20'000'000);
    CHECK(alone.rate.bps == 10'000'000); // the channel's
    CHECK(alone.viewers == 250);
    // One slot that is free throughout: what is left is the least of it.
    for (const auto &left : {ask(wish.start, wish.end), ask(f.now(), wish.end + hours{5})}) {
        CHECK(left.streams == 1);
        CHECK(left.lines == 1);
        CHECK(left.carrier_bps == 14'900'000);
        CHECK(left.rate.bps == 10'000'000);
        CHECK(left.viewers == 50);
    }
    wish.channel = "one";
    wish.viewers = 51;
    CHECK(f.book(f.alice, wish).code() == "no_capacity");
    wish.viewers = 50;
    CHECK(f.book(f.alice, wish).status == 201);
}

TEST_CASE("control: every slot of the menu can be booked, nothing beside it") {
    Fixture f;
    const auto wish = f.wish();
    REQUIRE(f.book(f.bob, wish).status == 201);
    const auto menu = [&] {
        return f.get(f.alice, fmt::format("/v1/availability?from={}&to={}&duration_s=3600"
                                          "&rate_bps=4000000&channel=one&carrier=a",
                                          net::percent_encode(base::format_rfc3339(f.now())),
                                          base::format_rfc3339(f.now() + hours{6})));
    };
    const auto got = menu();
    REQUIRE(got.status == 200);
    const auto &slots = got.body.at("slots").as_array();
    REQUIRE(slots.size() == 1); // before it there is not enough time
    const auto slot = wire::read_slot(slots.at(0), "slot").value();
    CHECK(slot.start == wish.end + Seconds{15});
    CHECK(slot.latest_start == f.now() + hours{5});
    auto mine = wish;
    mine.start = slot.start - base::Millis{1};
    mine.end = mine.start + hours{1};
    CHECK(f.book(f.alice, mine).code() == "overlap");
    mine.start = slot.start;
    mine.end = mine.start + hours{1};
    CHECK(f.book(f.alice, mine).status == 201);
    for (const char *query : {"", "from=now&to=then&duration_s=1&rate_bps=1", "x=1",
                              "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&duration_s=60"}) {
        CAPTURE(query);
        CHECK(f.get(f.alice, fmt::format("/v1/availability?{}", query)).status == 400);
    }
}
