#include "control_fixture.hpp"

using base::Seconds;
using control_test::Fixture;
using control_test::Got;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

Got take(Fixture &f, const control_test::Actor &who, const std::string &offer) {
    return f.post(who, "/v1/reservations", wire::JsonObject{{"offer", offer}});
}

} // namespace

TEST_CASE("control: each alternative of a refusal can be had by its offer") {
    // One after the other would be in each other's way: each is taken in a control of its own.
    std::size_t count = 1;
    for (std::size_t nth = 0; nth < count; ++nth) {
        Fixture f;
        auto wish = f.wish();
        REQUIRE(f.book(f.bob, wish).status == 201);
        wish.title = "Second";
        wish.disclosure = resv::Disclosure::unlisted;
        const auto refused = f.book(f.alice, wish);
        REQUIRE(refused.status == 409);
        const auto all = alternatives(refused);
        count = all.size();
        REQUIRE(count >= 2);
        const wire::Alternative &a = all[nth];
        CHECK(a.expires == f.now() + Seconds{300});
        CHECK((a.start != wish.start || a.channel != "one"));
        const auto got = take(f, f.alice, a.offer);
        REQUIRE(got.status == 201);
        const auto r = read(got);
        CHECK(r.state == resv::State::booked);
        CHECK(r.window.start == a.start);
        CHECK(r.window.end == a.end);
        CHECK(r.channel == a.channel);
        CHECK(r.carriers == a.carriers);
        CHECK(r.rate == a.rate);
        CHECK(r.viewers == a.viewers);
        CHECK(r.title == "Second");
        CHECK(r.disclosure == resv::Disclosure::unlisted);
        CHECK(f.open(got, f.alice).request.start == a.start);
        // Its place is gone, and what is offered now is free.
        const auto again = take(f, f.alice, a.offer);
        CHECK(again.status == 409);
        CHECK_FALSE(alternatives(again).empty());
    }
}

TEST_CASE("control: an offer holds when a hold was refused, or when taking it says so") {
    Fixture f;
    auto wish = f.wish();
    REQUIRE(f.book(f.bob, wish).status == 201);
    wish.hold = true;
    auto offer = alternatives(f.book(f.alice, wish)).at(0).offer;
    const auto held = take(f, f.alice, offer);
    CHECK(held.state() == "held");
    CHECK(f.act(f.alice, held.id(), "commit").state() == "booked");
    wish.hold = false;
    offer = alternatives(f.book(f.alice, wish)).at(0).offer;
    CHECK(f.post(f.alice, "/v1/reservations", wire::JsonObject{{"offer", offer}, {"hold", true}})
              .state() == "held");
}

TEST_CASE("control: an offer serves its owner, for five minutes, whole") {
    Fixture f;
    const auto wish = f.wish();
    REQUIRE(f.book(f.bob, wish).status == 201);
    const auto all = alternatives(f.book(f.alice, wish));
    const std::string offer = all.at(0).offer;
    CHECK(take(f, f.bob, offer).code() == "bad_offer");
    CHECK(take(f, f.alice, offer.substr(1)).code() == "bad_offer");
    CHECK(take(f, f.alice, "").code() == "bad_offer");
    CHECK(f.post(f.alice, "/v1/reservations", wire::JsonObject{{"offer", offer}, {"title", "x"}})
              .code() == "invalid_request");
    CHECK(take(f, f.boss, offer).code() == "wrong_role");
    Fixture other; // another control, other keys
    CHECK(take(other, other.alice, offer).code() == "bad_offer");
    f.clock.advance(minutes{5} - base::Millis{1});
    CHECK(take(f, f.alice, offer).status == 201);
    f.clock.advance(base::Millis{1});
    const auto late = take(f, f.alice, all.at(1).offer);
    CHECK(late.status == 410);
    CHECK(late.code() == "offer_expired");
}

TEST_CASE("control: a taken offer is taken once, however often it is asked for") {
    Fixture f;
    const auto wish = f.wish();
    REQUIRE(f.book(f.bob, wish).status == 201);
    const auto offer = alternatives(f.book(f.alice, wish)).at(0).offer;
    auto r = f.request("POST", "/v1/reservations",
                       wire::compact_json(wire::JsonObject{{"offer", offer}}));
    auto again = r;
    f.sign(r, f.alice);
    f.sign(again, f.alice);
    const auto first = f.send(r);
    CHECK(first.status == 201);
    CHECK(f.send(again).text == first.text);
}

TEST_CASE("control: offers hide what they hold, and start when they can be taken") {
    Fixture f;
    auto wish = f.wish();
    wish.start = f.now() + minutes{6};
    wish.end = wish.start + hours{1};
    auto other = wish;
    other.start += minutes{30};
    other.end += minutes{30};
    REQUIRE(f.book(f.bob, other).status == 201);
    wish.title = "Confidential";
    const auto refused = f.book(f.alice, wish);
    CHECK(refused.text.find("Confidential") == std::string::npos);
    for (const auto &a : alternatives(refused)) {
        CHECK(a.start >= f.now() + minutes{5});
        const auto bytes = seal::from_base64url(a.offer).value();
        CHECK(seal::text_of(bytes).find("Confidential") == std::string_view::npos);
    }
}

TEST_CASE("control: no alternative where none is") {
    Fixture f;
    auto wish = f.wish();
    wish.viewers = 9'000'000; // more than the relays' egress at half the rate, too
    const auto got = f.book(f.alice, wish);
    CHECK(got.status == 409);
    CHECK_FALSE(got.body.as_object().contains("alternatives"));
}
