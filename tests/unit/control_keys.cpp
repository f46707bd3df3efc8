// Keys that are replaced and revoked, and what each role may do.
#include "control/key_changes.hpp"
#include "control/transact.hpp"
#include "control_fixture.hpp"

#include <set>

using control_test::Actor;
using control_test::Fixture;
using control_test::Got;
using ledger::Role;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

wire::RotateRequest rotation(const Actor &before, const Actor &after, base::Seconds overlap) {
    return {.sign_key = seal::public_key_text(after.key.public_key()),
            .box_key = seal::public_key_text(after.box.public_key()),
            .proof = wire::rotation_proof(after.key, after.box.public_key(), before.key.id()),
            .overlap = overlap};
}

Got rotate(Fixture &f, const Actor &before, const Actor &after,
           base::Seconds overlap = minutes{10}) {
    return f.post(before, "/v1/keys/rotate", wire::to_json(rotation(before, after, overlap)));
}

Got revoke(Fixture &f, const Actor &by, const std::string &who, const char *reservations) {
    return f.post(by, "/v1/keys/revoke",
                  wire::JsonObject{{"who", who}, {"reservations", reservations}});
}

} // namespace

TEST_CASE("control: a new key takes over, and the former one is good for the overlap only") {
    Fixture f;
    const Actor next{.name = "alice"};
    const auto booked = f.book(f.alice, f.wish());
    const auto got = rotate(f, f.alice, next);
    CHECK(got.status == 200);
    CHECK(got.field("key") == next.key.id().text());
    CHECK(got.field("former_key") == f.alice.key.id().text());
    CHECK(got.field("former_until") == base::format_rfc3339(f.now() + minutes{10}));
    for (const Actor *who : std::initializer_list<const Actor *>{&f.alice, &next}) // the same party
        CHECK(f.get(*who, "/v1/reservations/" + booked.id()).status == 200);
    CHECK(f.act(f.alice, booked.id(), "settings").status == 200);
    const auto settings = f.act(f.alice, booked.id(), "settings"); // sealed for the new one
    CHECK(f.open(settings, next).reservation.text() == booked.id());
    f.clock.advance(minutes{10});
    const auto over = f.get(f.alice, "/v1/reservations");
    CHECK(over.status == 401);
    CHECK(over.code() == "unknown_key");
    CHECK(over.field("detail").find("was replaced") != std::string::npos);
    CHECK(f.get(next, "/v1/reservations").status == 200);
}

TEST_CASE("control: only the newest key is replaced, by one that its owner has and nobody had") {
    Fixture f;
    const Actor next{.name = "alice"};
    const Actor third{.name = "alice"};
    auto bad = rotation(f.alice, next, minutes{10});
    bad.proof = wire::rotation_proof(f.bob.key, next.box.public_key(), f.alice.key.id());
    CHECK(f.post(f.alice, "/v1/keys/rotate", wire::to_json(bad)).code() == "bad_key");
    bad = rotation(f.bob, next, minutes{10}); // meant for bob's key
    CHECK(f.post(f.alice, "/v1/keys/rotate", wire::to_json(bad)).code() == "bad_key");
    bad = rotation(f.alice, next, minutes{10});
    bad.box_key = std::string(43, 'A');
    CHECK(f.post(f.alice, "/v1/keys/rotate", wire::to_json(bad)).code() == "bad_key");
    CHECK(rotate(f, f.alice, next, hours{169}).code() == "invalid_request");
    CHECK(rotate(f, f.alice, f.bob).code() == "key_in_use");
    CHECK(rotate(f, f.alice, f.alice).code() == "key_in_use");
    CHECK(rotate(f, f.alice, next).status == 200);
    CHECK(rotate(f, f.alice, third).code() == "former_key"); // a thief of the old one stays out
    CHECK(rotate(f, next, f.alice).code() == "key_in_use");
    CHECK(rotate(f, f.bob, f.alice).code() == "key_in_use");
    CHECK(rotate(f, next, third, base::Seconds{0}).status == 200);
    CHECK(f.get(next, "/v1/reservations").code() == "unknown_key");
    CHECK(f.get(f.alice, "/v1/reservations").status == 200); // its own overlap goes on
}

TEST_CASE("control: a repeated request is the same one when the key was replaced in between") {
    Fixture f;
    const Actor next{.name = "alice"};
    auto r = f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(f.wish())));
    auto again = r;
    f.sign(r, f.alice);
    const auto first = f.send(r);
    CHECK(first.status == 201);
    CHECK(rotate(f, f.alice, next).status == 200);
    f.sign(again, next);
    CHECK(f.send(again).text == first.text);
    // And so is the rotation whose answer was lost.
    const Actor third{.name = "alice"};
    r = f.request("POST", "/v1/keys/rotate",
                  wire::compact_json(wire::to_json(rotation(next, third, minutes{1}))));
    again = r;
    f.sign(r, next);
    f.sign(again, next);
    const auto rotated = f.send(r);
    CHECK(rotated.status == 200);
    CHECK(f.send(again).text == rotated.text);
}

TEST_CASE("control: with a new token all former keys are over") {
    Fixture f;
    const Actor next{.name = "alice"};
    CHECK(rotate(f, f.alice, next).status == 200);
    const Actor third{.name = "alice"};
    CHECK(f.enrol(third, Role::distributor).status == 200);
    for (const Actor *who : std::initializer_list<const Actor *>{&f.alice, &next})
        CHECK(f.get(*who, "/v1/reservations").code() == "unknown_key");
    CHECK(f.get(third, "/v1/reservations").status == 200);
    CHECK(
        f.enrol(Actor{.name = "carol", .key = *seal::SigningKey::from_seed(next.key.seed().view())},
                Role::distributor)
            .code() == "key_in_use");
    CHECK(f.enrol(next, Role::distributor).status == 200); // from a backup of its vault
    CHECK(f.get(next, "/v1/reservations").status == 200);
}

TEST_CASE("control: a spent token gives no replaced key its name back") {
    for (const bool rotated : {true, false}) {
        CAPTURE(rotated);
        Fixture f;
        const Actor first{.name = "dan"};
        const Actor next{.name = "dan"};
        const auto token =
            control::make_token(*f.ledger, f.config, "dan", Role::distributor, f.now()).value();
        CHECK(f.present(first, token).status == 200);
        CHECK(f.present(first, token).status == 200); // its answer was lost
        const auto replaced =
            rotated ? rotate(f, first, next, base::Seconds{0}) : f.enrol(next, Role::distributor);
        CHECK(replaced.status == 200);
        const auto again = f.present(first, token);
        CHECK(again.status == 403);
        CHECK(again.code() == "token_used");
        CHECK(f.get(first, "/v1/reservations").code() == "unknown_key");
        CHECK(f.get(next, "/v1/reservations").status == 200);
        CHECK(revoke(f, f.boss, "dan", "keep").status == 200);
        CHECK(f.present(first, token).code() == "revoked_key");
    }
}

TEST_CASE("control: what is revoked is refused at once, and its reservations as was said") {
    for (const bool keep : {true, false}) {
        CAPTURE(keep);
        Fixture f;
        const Actor next{.name = "alice"};
        CHECK(rotate(f, f.alice, next).status == 200);
        const auto booked = f.book(f.alice, f.wish());
        auto wish = f.wish();
        wish.channel = "two";
        const auto other = f.book(f.bob, wish);
        const auto serial = f.feed(0).serial;
        const auto got =
            revoke(f, f.boss, keep ? "alice" : next.key.id().text(), keep ? "keep" : "revoke");
        CHECK(got.status == 200);
        CHECK(got.field("name") == "alice");
        CHECK(got.body.at("keys").as_array().size() == 2);
        CHECK(got.body.at("reservations").as_array().size() == (keep ? 0 : 1));
        for (const Actor *who : std::initializer_list<const Actor *>{&f.alice, &next}) {
            CHECK(f.get(*who, "/v1/reservations").code() == "revoked_key");
            CHECK(f.book(*who, f.wish()).code() == "revoked_key");
        }
        const auto show = [&](const Got &which) {
            return f.get(f.boss, "/v1/reservations/" + which.id()).state();
        };
        CHECK(show(booked) == (keep ? "booked" : "revoked"));
        CHECK(show(other) == "booked");
        CHECK(f.feed(serial).entries.size() == (keep ? 0 : 1));
        // Its name may be enrolled anew, its keys may not.
        CHECK(f.enrol(next, Role::distributor).code() == "revoked_key");
        const Actor third{.name = "alice"};
        CHECK(f.enrol(third, Role::distributor).status == 200);
        CHECK(f.get(third, "/v1/reservations").body.at("reservations").as_array().size() == 1);
        CHECK(f.act(f.bob, other.id(), "cancel").status == 200);
        f.clock.advance(hours{24 * 30});
        CHECK(f.get(next, "/v1/reservations").code() == "revoked_key"); // and stays so
    }
}

TEST_CASE("control: one former key is revoked alone, and what was kept may be revoked later") {
    Fixture f;
    const Actor next{.name = "alice"};
    const auto booked = f.book(f.alice, f.wish());
    CHECK(rotate(f, f.alice, next).status == 200);
    auto got = revoke(f, f.boss, f.alice.key.id().text(), "revoke");
    CHECK(got.status == 200);
    CHECK(got.body.at("keys").as_array().size() == 1);
    CHECK(got.body.at("reservations").as_array().empty());
    CHECK(f.get(f.alice, "/v1/reservations").code() == "revoked_key");
    CHECK(f.get(next, "/v1/reservations/" + booked.id()).state() == "booked");
    CHECK(revoke(f, f.boss, "alice", "keep").status == 200);
    got = revoke(f, f.boss, "alice", "revoke");
    CHECK(got.body.at("keys").as_array().empty());
    CHECK(got.body.at("reservations").as_array().size() == 1);
    CHECK(revoke(f, f.boss, "alice", "revoke").body.at("reservations").as_array().empty());
    CHECK(revoke(f, f.boss, "nobody", "keep").code() == "not_found");
    CHECK(revoke(f, f.boss, "0123456789abcdef", "keep").code() == "not_found");
    CHECK(revoke(f, f.boss, "bob", "perhaps").code() == "invalid_request");
}

TEST_CASE("control: a relay that waits for its feed is refused when its key is revoked") {
    Fixture f;
    CHECK(f.book(f.alice, f.wish()).status == 201);
    const auto serial = f.feed(0).serial;
    auto waiting = std::async(std::launch::async, [&] {
        return f.get(f.relay, fmt::format("/v1/relays/r1/feed?after={}&wait_s=20", serial));
    });
    CHECK(waiting.wait_for(std::chrono::milliseconds{50}) == std::future_status::timeout);
    auto begun = std::chrono::steady_clock::now();
    CHECK(control::transact(*f.ledger, [&](ledger::Transaction &t) {
              return control::revoke(t, control::Desk{f.config}, {.who = "r1"}, f.now());
          }).has_value());
    f.feeds.changed();
    CHECK(waiting.get().code() == "revoked_key");
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{10});
    CHECK(f.get(f.relay, "/v1/relays/r1/feed").code() == "revoked_key");
}

TEST_CASE("control: an operator revokes any live reservation, once") {
    Fixture f;
    auto wish = f.wish();
    wish.start = f.now() + base::Seconds{10};
    const auto running = f.book(f.alice, wish);
    CHECK(f.report("first_media", running.id()).status == 200);
    CHECK(f.act(f.alice, running.id(), "revoke").code() == "wrong_role");
    const auto serial = f.feed(0).serial;
    const auto got = f.act(f.boss, running.id(), "revoke");
    CHECK(got.state() == "revoked");
    CHECK_FALSE(got.has_settings());
    CHECK(f.feed(serial).entries.at(0).state == resv::State::revoked);
    CHECK(f.act(f.boss, running.id(), "revoke").state() == "revoked");
    CHECK(f.act(f.alice, running.id(), "settings").code() == "wrong_state");
    CHECK(f.book(f.bob, f.wish()).status == 201); // its place is free
}

// Every route of the router, so that a new one cannot be forgotten here.
TEST_CASE("control: each role may do what is its own") {
    Fixture f;
    const std::string id = f.book(f.alice, f.wish()).id();
    constexpr int k_distributor = 1, k_relay = 2, k_operator = 4, k_all = 7;
    const std::map<std::string, int> allowed{
        {"GET /v1/channels", k_all},
        {"GET /v1/carriers", k_all},
        {"GET /v1/availability", k_distributor | k_operator},
        {"GET /v1/reservations", k_distributor | k_operator},
        {"GET /v1/freebusy.ics", k_distributor | k_operator},
        {"POST /v1/reservations", k_distributor},
        {"GET /v1/reservations/{}", k_distributor | k_operator},
        {"GET /v1/reservations/{}/event.ics", k_distributor | k_operator},
        {"PATCH /v1/reservations/{}", k_distributor | k_operator},
        {"GET /v1/reservations/{}/history", k_distributor | k_operator},
        {"POST /v1/reservations/{}/commit", k_distributor | k_operator},
        {"POST /v1/reservations/{}/extend", k_distributor | k_operator},
        {"POST /v1/reservations/{}/cancel", k_distributor | k_operator},
        {"POST /v1/reservations/{}/end", k_distributor | k_operator},
        {"POST /v1/reservations/{}/settings", k_distributor | k_operator},
        {"POST /v1/reservations/{}/revoke", k_operator},
        {"POST /v1/series", k_distributor},
        {"GET /v1/series/{}", k_distributor | k_operator},
        {"POST /v1/series/{}/cancel", k_distributor | k_operator},
        {"GET /metrics", k_operator},
        {"POST /v1/calendar/links", k_distributor | k_operator},
        {"POST /v1/keys/rotate", k_all},
        {"POST /v1/keys/revoke", k_operator},
        {"GET /v1/relays/{}/feed", k_relay},
        {"POST /v1/relays/{}/reports", k_relay}};
    const std::set<std::string> open{// of these, the ones that know a browser's session ask for it
                                     "GET /healthz",
                                     "GET /readyz",
                                     "GET /",
                                     "GET /calendar",
                                     "GET /calendar/{}",
                                     "GET /openapi.json",
                                     "GET /v1/time",
                                     "GET /v1/webhooks",
                                     "POST /v1/keys/enrol",
                                     "GET /v1/calendar",
                                     "GET /v1/events",
                                     "POST /v1/calendar/session",
                                     "DELETE /v1/calendar/session"};
    const std::pair<const Actor *, int> actors[] = {
        {&f.alice, k_distributor}, {&f.relay, k_relay}, {&f.boss, k_operator}};
    for (const auto &[method, pattern] : control::Api::known_routes()) {
        const std::string name = fmt::format("{} {}", method, pattern);
        CAPTURE(name);
        if (open.contains(name))
            continue;
        REQUIRE_MESSAGE(allowed.contains(name), "say here who may do that");
        std::string path{pattern};
        if (const auto at = path.find("{}"); at != std::string::npos)
            path.replace(at, 2,
                         path.starts_with("/v1/relays/") ? "r1"
                         : path.ends_with(".ics")        ? "none" // a calendar is no JSON
                                                         : id);
        CHECK(f.send(f.request(std::string(method), path)).code() == "unsigned");
        for (const auto &[who, role] : actors) {
            CAPTURE(who->name);
            auto r = f.request(std::string(method), path, method == "GET" ? "" : "[]");
            f.sign(r, *who); // the body is refused, after the role was found good
            const Got got = f.send(r);
            CHECK((got.code() == "wrong_role") == ((allowed.at(name) & role) == 0));
            CHECK(got.status != 401);
        }
    }
    // An operator sees and ends what is others', another distributor not even that it is there.
    CHECK(f.get(f.boss, "/v1/reservations").body.at("reservations").as_array().size() == 1);
    for (const char *verb : {"commit", "cancel", "settings"})
        CHECK(f.act(f.bob, id, verb).code() == "not_found");
    CHECK(f.act(f.boss, id, "cancel").state() == "cancelled");
}
