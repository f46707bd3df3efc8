#include "control_fixture.hpp"

using control_test::Actor;
using control_test::Fixture;
using ledger::Role;

TEST_CASE("control: time and health need no key, everything else does") {
    Fixture f;
    CHECK(f.send(f.request("GET", "/healthz")).status == 200);
    const auto time = f.send(f.request("GET", "/v1/time"));
    CHECK(time.field("time") == base::format_rfc3339(f.now()));
    for (const char *path : {"/v1/channels", "/v1/reservations", "/v1/relays/r1/feed"}) {
        const auto got = f.send(f.request("GET", path));
        CHECK(got.status == 401);
        CHECK(got.code() == "unsigned");
    }
    CHECK(f.send(f.request("GET", "/v1/nothing")).status == 404);
    CHECK(f.send(f.request("DELETE", "/v1/reservations")).status == 405);
    CHECK(f.get(f.alice, "/v1/channels").body.at("channels").as_array().size() == 3);
    CHECK(f.get(f.alice, "/v1/carriers").body.at("carriers").as_array().size() == 2);
}

TEST_CASE("control: a signature serves once, in its minute, for its request and key") {
    Fixture f;
    auto r = f.request("GET", "/v1/reservations");
    f.sign(r, f.alice);
    CHECK(f.send(r).status == 200);
    CHECK(f.send(r).code() == "replayed");

    r = f.request("GET", "/v1/reservations");
    f.sign(r, f.alice);
    f.clock.advance(base::Seconds{60});
    CHECK(f.send(r).code() == "signature_expired");

    r = f.request("GET", "/v1/reservations");
    f.sign(r, f.alice);
    r.path = r.target = "/v1/channels";
    CHECK(f.send(r).code() == "bad_signature");

    r = f.request("GET", "/v1/reservations");
    f.sign(r, f.alice);
    r.headers[0].second = "other:8443"; // meant for another control
    CHECK(f.send(r).code() == "bad_signature");

    const auto stranger = f.get(Actor{.name = "alice"}, "/v1/reservations");
    CHECK(stranger.status == 401);
    CHECK(stranger.code() == "unknown_key");
}

// RFC 9421 section 2.2.3
TEST_CASE("control: the authority is signed in lower case and without https's own port") {
    Fixture f;
    for (const auto &[host, authority] :
         {std::pair{"Control", "control"}, std::pair{"control:443", "control"},
          std::pair{"CONTROL:443", "control"}, std::pair{"[2001:DB8::443]:443", "[2001:db8::443]"},
          std::pair{"control:8443", "control:8443"}, std::pair{"[::443]", "[::443]"}}) {
        CAPTURE(host);
        for (const bool as_sent : {false, true}) {
            auto r = f.request("GET", "/v1/channels");
            r.headers[0].second = host;
            f.sign(r, f.alice, as_sent ? host : authority);
            const bool good = !as_sent || std::string_view(host) == authority;
            CHECK(f.send(r).status == (good ? 200 : 401));
        }
    }
}

TEST_CASE("control: a body is the one that was signed") {
    Fixture f;
    auto r = f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(f.wish())));
    f.sign(r, f.alice);
    r.body[r.body.size() / 2] ^= 1;
    CHECK(f.send(r).code() == "bad_digest");

    r = f.request("POST", "/v1/reservations", "{}");
    std::erase_if(r.headers, [](const auto &h) { return h.first == "Content-Digest"; });
    f.sign(r, f.alice);
    CHECK(f.send(r).code() == "bad_digest");
    CHECK(f.get(f.alice, "/v1/reservations").body.at("reservations").as_array().empty());
}

TEST_CASE("control: a POST needs one good Idempotency-Key") {
    Fixture f;
    for (const auto &[key, code] :
         {std::pair{"", "idempotency_key_missing"}, std::pair{"key", "idempotency_key_bad"},
          std::pair{"\"\"", "idempotency_key_bad"},
          std::pair{"\"a\", \"b\"", "idempotency_key_bad"},
          std::pair{"\"a b\"", "idempotency_key_bad"}}) {
        CAPTURE(key);
        auto r = f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(f.wish())));
        std::erase_if(r.headers, [](const auto &h) { return h.first == "Idempotency-Key"; });
        if (*key != '\0')
            r.headers.emplace_back("Idempotency-Key", key);
        f.sign(r, f.alice);
        const auto got = f.send(r);
        CHECK(got.status == 400);
        CHECK(got.code() == code);
    }
}

// Every route of the router, so that a new one cannot be forgotten here.
TEST_CASE("control: a parameter that is not known is refused at every route") {
    Fixture f;
    const auto span = fmt::format("from={}&to={}&", base::format_rfc3339(f.now()),
                                  base::format_rfc3339(f.now() + std::chrono::hours{1}));
    const std::map<std::string_view, std::string> good{
        {"/v1/availability", span + "duration_s=600&rate_bps=1000000&"},
        {"/v1/freebusy.ics", span + "channel=one&"},
        {"/v1/calendar", span},
        {"/v1/events", span}};
    for (const auto &[method, pattern] : control::Api::known_routes()) {
        const std::string name = fmt::format("{} {}", method, pattern);
        CAPTURE(name);
        std::string path{pattern};
        if (const auto at = path.find("{}"); at != std::string::npos)
            path.replace(at, 2, path.starts_with("/v1/relays/") ? "r1" : "0123");
        const auto query = good.find(pattern);
        path += "?" + (query == good.end() ? "" : query->second) + "nonsense=1";
        int refused = 0;
        for (const Actor *who : {&f.alice, &f.boss, &f.relay}) {
            CAPTURE(who->name);
            auto r = f.request(std::string(method), path, method == "GET" ? "" : "{}");
            f.sign(r, *who);
            const auto got = f.send(r);
            if (got.code() == "wrong_role" || got.code() == "no_session")
                continue;
            CHECK(got.status == 400);
            CHECK(got.code() == "bad_request");
            CHECK(got.field("detail") == "unknown parameter 'nonsense'");
            ++refused;
        }
        CHECK(refused > 0);
    }
}

TEST_CASE("control: a body where none is read says nothing") {
    Fixture f;
    const auto id = f.book(f.alice, f.wish()).id();
    const auto bad = [&](const Actor &who, const std::string &path) {
        CAPTURE(path);
        const auto got = f.post(who, path, wire::JsonObject{{"x", 1}});
        CHECK(got.status == 422);
        CHECK(got.code() == "invalid_request");
        CHECK(got.field("detail") == "body.x: not a known field");
        CHECK(f.post(who, path, wire::JsonArray{}).code() == "invalid_request");
    };
    for (const char *verb : {"commit", "cancel", "end"})
        bad(f.alice, fmt::format("/v1/reservations/{}/{}", id, verb));
    bad(f.boss, fmt::format("/v1/reservations/{}/revoke", id));
    bad(f.alice, "/v1/series/0123/cancel");
    bad(f.alice, "/v1/calendar/links");
    CHECK(f.get(f.alice, "/v1/reservations/" + id).state() == "booked");
    CHECK(f.act(f.alice, id, "cancel", wire::JsonObject{}).state() == "cancelled");
}

TEST_CASE("control: the same key repeats the answer, and is refused for another request") {
    Fixture f;
    const auto again = [&](const wire::ReservationRequest &wish) {
        auto r = f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(wish)));
        for (auto &[name, value] : r.headers)
            if (name == "Idempotency-Key")
                value = "\"mine\"";
        f.sign(r, f.alice);
        return f.send(r);
    };
    auto wish = f.wish();
    const auto first = again(wish);
    CHECK(first.status == 201);
    f.clock.advance(std::chrono::minutes{5});
    const auto second = again(wish);
    CHECK(second.status == 201);
    CHECK(second.text == first.text);
    wish.title = "Other";
    CHECK(again(wish).code() == "idempotency_key_reused");
    CHECK(f.get(f.alice, "/v1/reservations").body.at("reservations").as_array().size() == 1);
}

TEST_CASE("control: a refused request leaves its Idempotency-Key free, and is judged anew") {
    Fixture f;
    const auto taken = f.book(f.bob, f.wish());
    const auto send = [&f](const wire::ReservationRequest &wish, std::string_view key) {
        auto r = f.request("POST", "/v1/reservations", wire::compact_json(wire::to_json(wish)));
        for (auto &[name, value] : r.headers)
            if (name == "Idempotency-Key")
                value = key;
        f.sign(r, f.alice);
        return f.send(r);
    };
    const auto wish = f.wish();
    CHECK(send(wish, "\"a\"").status == 409);
    CHECK(send(wish, "\"b\"").status == 409);
    auto other = wish; // with the key of a refused one
    other.channel = "two";
    other.carriers = {"b"};
    CHECK(send(other, "\"b\"").status == 201);
    CHECK(send(wish, "\"b\"").code() == "idempotency_key_reused");
    CHECK(f.act(f.bob, taken.id(), "cancel").status == 200);
    const auto first = send(wish, "\"a\"");
    CHECK(first.status == 201);
    CHECK(send(wish, "\"a\"").text == first.text);
}

TEST_CASE("control: a token enrols one key, and the same key again") {
    Fixture f;
    const Actor carol{.name = "carol"};
    const auto token =
        control::make_token(*f.ledger, f.config, "carol", Role::distributor, f.now()).value();
    CHECK(token.size() == 32);
    CHECK(f.present(carol, token + "x").code() == "bad_token");
    const auto got = f.present(carol, token);
    CHECK(got.status == 200);
    CHECK(got.field("name") == "carol");
    CHECK(got.field("role") == "distributor");
    CHECK(got.field("control_key") == seal::public_key_text(f.keys.signing.public_key()));
    CHECK(got.field("group_key_sealed").empty());
    CHECK(f.present(carol, token).text == got.text);
    CHECK(f.present(Actor{.name = "mallory"}, token).code() == "token_used");
    CHECK(f.get(carol, "/v1/reservations").status == 200);

    const auto late =
        control::make_token(*f.ledger, f.config, "dave", Role::distributor, f.now()).value();
    CHECK(f.present(carol, late).code() == "key_in_use");
    f.clock.advance(std::chrono::hours{24});
    CHECK(f.present(Actor{.name = "dave"}, late).code() == "bad_token");
}

TEST_CASE("control: a new terminal takes the place of the old one") {
    Fixture f;
    const Actor second{.name = "alice"};
    CHECK(f.enrol(second, Role::distributor).status == 200);
    CHECK(f.get(second, "/v1/reservations").status == 200);
    CHECK(f.get(f.alice, "/v1/reservations").code() == "unknown_key");
}

TEST_CASE("control: enrolment is signed with the key that it enrols") {
    Fixture f;
    const Actor carol{.name = "carol"};
    const auto token =
        control::make_token(*f.ledger, f.config, "carol", Role::distributor, f.now()).value();
    const wire::EnrolRequest request{.token = token,
                                     .sign_key = seal::public_key_text(carol.key.public_key()),
                                     .box_key = seal::public_key_text(carol.box.public_key())};
    CHECK(f.post(f.bob, "/v1/keys/enrol", wire::to_json(request)).code() == "bad_signature");
    auto bad = request;
    bad.box_key = std::string(43, 'A'); // all zero: no point to seal to
    CHECK(f.post(carol, "/v1/keys/enrol", wire::to_json(bad)).code() == "bad_key");
    bad = request;
    bad.sign_key = "short";
    CHECK(f.post(carol, "/v1/keys/enrol", wire::to_json(bad)).code() == "bad_key");
    CHECK(f.post(carol, "/v1/keys/enrol", wire::to_json(request)).status == 200);
}

TEST_CASE("control: a relay gets the group key, sealed to it") {
    Fixture f;
    const Actor r2{.name = "r2"};
    const auto got = f.enrol(r2, Role::relay);
    const auto sealed = seal::from_base64(got.field("group_key_sealed"));
    REQUIRE(sealed);
    const auto opened = r2.box.open(*sealed);
    REQUIRE(opened);
    CHECK(seal::equal_secret(opened->view(), f.keys.group.view()));
}

TEST_CASE("control: tokens are made for names that can have them only") {
    Fixture f;
    const auto code = [&](const std::string &name, Role role) {
        const auto made = control::make_token(*f.ledger, f.config, name, role, f.now());
        return made ? base::Errc::bug : made.error().code;
    };
    CHECK(code("no name", Role::distributor) == base::Errc::usage);
    CHECK(code("r9", Role::relay) == base::Errc::usage);
    CHECK(code("alice", Role::operator_) == base::Errc::refused);
}

TEST_CASE("control: roles keep to what is theirs") {
    Fixture f;
    CHECK(f.get(f.relay, "/v1/reservations").code() == "wrong_role");
    CHECK(f.book(f.boss, f.wish()).code() == "wrong_role");
    CHECK(f.book(f.relay, f.wish()).code() == "wrong_role");
    CHECK(f.get(f.alice, "/v1/relays/r1/feed").code() == "wrong_role");
    CHECK(f.get(f.relay, "/v1/relays/r2/feed").code() == "wrong_role");
}
