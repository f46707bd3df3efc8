// Holds against time: requests that wait for their turn, clocks that are set back.
#include "control/key_changes.hpp"
#include "control/transact.hpp"
#include "control_fixture.hpp"

using base::Seconds;
using control_test::Fixture;

namespace {

// The ledger of another one, before whose next write something happens.
struct Crowded final : ledger::Ledger {
    explicit Crowded(ledger::Ledger &behind) : ledger(behind) {}
    base::Result<void> write(const Work &work) override {
        if (meanwhile)
            std::exchange(meanwhile, {})();
        return ledger.write(work);
    }
    base::Result<void> read(const Work &work) override { return ledger.read(work); }

    ledger::Ledger &ledger;
    std::function<void()> meanwhile;
};

} // namespace

TEST_CASE("control: a commit that waits for its turn is judged when it comes") {
    Fixture f;
    Crowded crowd{*f.ledger};
    control::Api slow{f.config, f.keys, crowd, f.clock, f.feeds};
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    REQUIRE(held.status == 201);
    wish.hold = false;
    f.clock.advance(Seconds{300} - base::Millis{1}); // the hold's last moment
    crowd.meanwhile = [&] {
        f.clock.advance(base::Millis{2});
        CHECK(f.book(f.bob, wish).status == 201);
    };
    auto commit = f.request("POST", fmt::format("/v1/reservations/{}/commit", held.id()), "{}");
    f.sign(commit, f.alice);
    net::Response answer;
    slow.handle(commit, [&](net::Response r) { answer = std::move(r); });
    CHECK(answer.status == 410);
}

TEST_CASE("control: whose key is revoked while a request waits for its turn is refused") {
    Fixture f;
    Crowded crowd{*f.ledger};
    control::Api slow{f.config, f.keys, crowd, f.clock, f.feeds};
    auto wish = f.wish();
    wish.channel = "two";
    const auto booked = f.book(f.alice, wish);
    REQUIRE(booked.status == 201);
    const auto send = [&](net::Request r) {
        f.sign(r, f.alice);
        net::Response answer;
        slow.handle(r, [&](net::Response response) { answer = std::move(response); });
        return answer;
    };
    const auto revoke = [&] {
        CHECK(control::transact(*f.ledger, [&](ledger::Transaction &t) {
                  return control::revoke(t, control::Desk{f.config},
                                         {.who = "alice", .reservations = true}, f.now());
              }).has_value());
    };
    crowd.meanwhile = revoke;
    const auto body = wire::compact_json(wire::to_json(f.wish()));
    const auto refused = send(f.request("POST", "/v1/reservations", body));
    CHECK(refused.status == 401);
    CHECK(refused.body.find("revoked_key") != std::string::npos);
    const auto left = f.get(f.boss, "/v1/reservations").body.at("reservations").as_array();
    REQUIRE(left.size() == 1);
    CHECK(left.at(0).at("state") == wire::Json("revoked"));
}

TEST_CASE("control: a key that another process revoked a moment after its last use is refused") {
    Fixture f;
    REQUIRE(f.book(f.alice, f.wish()).status == 201);
    CHECK(control::transact(*f.ledger, [&](ledger::Transaction &t) {
              return control::revoke(t, control::Desk{f.config}, {.who = "alice"}, f.now());
          }).has_value());
    auto wish = f.wish();
    wish.channel = "two";
    const auto refused = f.book(f.alice, wish);
    CHECK(refused.status == 401);
    CHECK(refused.code() == "revoked_key");
    CHECK(f.get(f.boss, "/v1/reservations").body.at("reservations").as_array().size() == 1);
}

TEST_CASE("control: a key that became somebody else's a moment ago books for neither") {
    Fixture f;
    REQUIRE(f.book(f.alice, f.wish()).status == 201);
    REQUIRE(f.ledger->write([&](ledger::Transaction &t) -> base::Result<void> {
        auto party = TRY(t.party_by_name("alice")).value();
        TRY(t.remove_party("alice"));
        party.name = "carol";
        return t.put(party);
    }));
    auto wish = f.wish();
    wish.channel = "two";
    CHECK(f.book(f.alice, wish).code() == "unknown_key");
    const auto again = f.book(f.alice, wish); // it is looked up anew
    CHECK(again.status == 201);
    CHECK(control_test::read(again).owner == "carol");
}

TEST_CASE("control: a key whose time is over while its request waits is refused, an answer kept") {
    Fixture f;
    Crowded crowd{*f.ledger};
    control::Api slow{f.config, f.keys, crowd, f.clock, f.feeds};
    const control_test::Actor next{.name = "alice"};
    const wire::RotateRequest rotation{
        .sign_key = seal::public_key_text(next.key.public_key()),
        .box_key = seal::public_key_text(next.box.public_key()),
        .proof = wire::rotation_proof(next.key, next.box.public_key(), f.alice.key.id()),
        .overlap = Seconds{10}};
    REQUIRE(f.post(f.alice, "/v1/keys/rotate", wire::to_json(rotation)).status == 200);
    const auto body = wire::compact_json(wire::to_json(f.wish()));
    const auto request = f.request("POST", "/v1/reservations", body);
    const auto send = [&](net::Request r) {
        f.sign(r, f.alice);
        net::Response answer;
        slow.handle(r, [&](net::Response response) { answer = std::move(response); });
        return answer;
    };
    CHECK(send(request).status == 201); // in the overlap
    const auto over = [&] { f.clock.advance(Seconds{10}); };
    crowd.meanwhile = over;
    CHECK(send(request).status == 201); // was done before
    f.clock.advance(Seconds{-10});
    auto wish = f.wish();
    wish.channel = "two";
    crowd.meanwhile = over;
    const auto late =
        send(f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(wish))));
    CHECK(late.status == 401);
    CHECK(late.body.find("unknown_key") != std::string::npos);
}

TEST_CASE("control: a hold that a stepped clock revives gets nothing that was given away") {
    Fixture f;
    auto wish = f.wish();
    wish.hold = true;
    const auto held = f.book(f.alice, wish);
    REQUIRE(held.status == 201);
    wish.hold = false;
    f.clock.advance(Seconds{300});
    REQUIRE(f.book(f.bob, wish).status == 201);
    f.clock.advance(Seconds{-10}); // too little to be followed
    CHECK(f.act(f.alice, held.id(), "commit").code() == "hold_expired");
    f.clock.advance(Seconds{-200});
    CHECK(f.act(f.alice, held.id(), "commit").code() == "overlap");
    const wire::JsonObject longer{{"end", base::format_rfc3339(wish.end + Seconds{60})}};
    CHECK(f.act(f.alice, held.id(), "extend", longer).code() == "overlap");
    CHECK(f.act(f.alice, held.id(), "cancel").status == 200);
}
