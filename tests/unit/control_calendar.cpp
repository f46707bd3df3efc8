// The calendar: who sees what, live and not, and how a browser comes to it.
#include "control_fixture.hpp"
#include "wire/merge_patch.hpp"

#include <regex>
#include <thread>

namespace {

using namespace control_test;
using wire::Json;
using wire::JsonObject;

constexpr std::string_view k_title = "<script>alert(1)</script> & Söhne";

struct Calendar : Fixture {
    using Fixture::Fixture;

    [[nodiscard]] std::string range() const {
        return fmt::format("?from={}&to={}", base::format_rfc3339(now()),
                           base::format_rfc3339(now() + std::chrono::hours{24}));
    }
    Got see(const Actor &who) { return get(who, "/v1/calendar" + range()); }
    std::string book_titled(const Actor &who, std::string_view title) {
        auto w = wish();
        w.title = title;
        const Got got = book(who, w);
        REQUIRE(got.status == 201);
        return got.id();
    }
    // An answer as it came, of a request that need not be signed.
    net::Response raw(net::Request r) {
        std::promise<net::Response> answered;
        api.handle(r, [&](net::Response response) { answered.set_value(std::move(response)); });
        return answered.get_future().get();
    }
    std::string code(const Actor &who) {
        const Got got = post(who, "/v1/calendar/links", JsonObject{});
        REQUIRE(got.status == 201);
        return got.field("code");
    }
    net::Response log_in(const std::string &code, const std::string &origin = {}) {
        auto r =
            request("POST", "/v1/calendar/session", wire::compact_json(JsonObject{{"code", code}}));
        if (!origin.empty())
            r.headers.emplace_back("Origin", origin);
        return raw(r);
    }
    static std::string cookie(const net::Response &response) {
        for (const auto &[name, value] : response.headers)
            if (name == "Set-Cookie")
                return value.substr(0, value.find(';'));
        return {};
    }
    net::Response see_with(const std::string &cookie) {
        auto r = request("GET", "/v1/calendar" + range());
        r.headers.emplace_back("Cookie", "other=1; " + cookie);
        return raw(r);
    }
};

// What one listener was sent, read as a browser reads it.
struct Listener {
    std::shared_ptr<net::Stream> stream;
    std::string text;
    Json document;
    std::string last_id;
    int wholes = 0;
    int changes = 0;

    Listener(Calendar &f, const Actor &who, const std::string &last = {}) {
        auto r = f.request("GET", "/v1/events" + f.range());
        if (!last.empty())
            r.headers.emplace_back("Last-Event-ID", last);
        f.sign(r, who);
        auto response = f.raw(r);
        REQUIRE(response.status == 200);
        stream = response.stream;
        REQUIRE(stream);
    }
    // Takes what comes until @p done holds.
    template <typename Done> bool until(Done done) {
        for (int i = 0; i < 2000; ++i) {
            take();
            if (done())
                return true;
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        return false;
    }
    void take() {
        text += stream->take().text;
        static const std::regex shape{"event: ([a-z]+)\nid: ([0-9a-f]+)\ndata: (.*)"};
        for (std::size_t end = 0; (end = text.find("\n\n")) != std::string::npos;) {
            const std::string one = text.substr(0, end);
            text.erase(0, end + 2);
            std::smatch m;
            if (!std::regex_match(one, m, shape))
                continue;
            last_id = m[2];
            seen += one;
            const Json data = wire::parse_json(m[3].str(), "event").value();
            if (m[1] == "calendar") {
                ++wholes;
                document = data;
            } else {
                ++changes;
                document = wire::merge(document, data);
            }
        }
    }
    [[nodiscard]] bool has(const std::string &id) const {
        return document.is_object() && document.at("bookings").as_object().contains(id);
    }
    std::string seen;
};

} // namespace

TEST_CASE("control: the calendar shows a distributor its own, and others as busy only") {
    Calendar f;
    const std::string id = f.book_titled(f.alice, k_title);
    const Got own = f.see(f.alice);
    REQUIRE(own.status == 200);
    CHECK(own.body.at("role") == Json("distributor"));
    CHECK(own.body.at("bookings").at(id).at("title") == Json(k_title));
    CHECK(own.body.at("busy").as_object().empty());

    const Got other = f.see(f.bob);
    CHECK(other.body.at("bookings").as_object().empty());
    for (const std::string &secret : {id, std::string("alert"), std::string("alice")})
        CHECK(other.text.find(secret) == std::string::npos);
    const auto &busy = other.body.at("busy").at("one").as_array();
    REQUIRE(busy.size() == 1); // with its lead-in and drain
    CHECK(busy[0].at("from") ==
          Json(base::format_rfc3339(f.now() + std::chrono::hours{1} - base::Seconds{10})));
    CHECK(busy[0].at("to") ==
          Json(base::format_rfc3339(f.now() + std::chrono::hours{2} + base::Seconds{5})));
    CHECK(other.body.at("load").at("carrier:a:lines").at(0).at("used") == Json(1));
    CHECK(other.body.at("load") == own.body.at("load"));

    const Got all = f.see(f.boss);
    CHECK(all.body.at("role") == Json("operator"));
    CHECK(all.body.at("bookings").at(id).at("owner") == Json("alice"));
    CHECK(f.see(f.relay).status == 401);
    CHECK(f.raw(f.request("GET", "/v1/calendar" + f.range())).status == 401);
}

TEST_CASE("control: two reservations of others that adjoin are one busy span") {
    Calendar f;
    auto w = f.wish();
    REQUIRE(f.book(f.alice, w).status == 201);
    w.start = w.end + base::Seconds{15}; // lead-in after drain
    w.end = w.start + std::chrono::hours{1};
    REQUIRE(f.book(f.alice, w).status == 201);
    CHECK(f.see(f.bob).body.at("busy").at("one").as_array().size() == 1);
    CHECK(f.see(f.boss).body.at("bookings").as_object().size() == 2);
}

TEST_CASE("control: the calendar refuses times that cannot be") {
    Calendar f;
    const auto code = [&](const std::string &query) {
        return f.get(f.alice, "/v1/calendar" + query).code();
    };
    CHECK(code("") == "bad_request");
    CHECK(code("?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z") == "end_before_start");
    CHECK(code("?from=2026-01-01T00:00:00Z&to=2026-04-01T00:00:00Z") == "too_long");
    CHECK(code("?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&x=1") == "bad_request");
}

TEST_CASE("control: a link logs a browser in once, as the key that asked, until the key goes") {
    Calendar f;
    const std::string id = f.book_titled(f.alice, k_title);
    const std::string code = f.code(f.alice);
    CHECK(f.log_in(code, "https://elsewhere.example").status == 403);
    const auto in = f.log_in(code, "https://Control:8443");
    REQUIRE(in.status == 200);
    const std::string cookie = Calendar::cookie(in);
    for (const char *attribute : {"; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"})
        CHECK(std::ranges::any_of(in.headers, [&](const auto &field) {
            return field.first == "Set-Cookie" && field.second.find(attribute) != std::string::npos;
        }));
    CHECK(f.see_with(cookie).body.find(id) != std::string::npos);
    CHECK(f.log_in(code).status == 403); // it was used
    CHECK(f.log_in(code + "A").status == 403);

    CHECK(f.see_with("__Host-slotcast=" + code).status == 401); // a code is no session
    CHECK(f.log_in(cookie.substr(cookie.find('=') + 1)).status == 403);
    auto other = f.request("GET", "/v1/reservations"); // and a session is good for nothing else
    other.headers.emplace_back("Cookie", cookie);
    CHECK(f.raw(other).status == 401);

    f.alice.key = seal::SigningKey::generate();
    f.enrol(f.alice, ledger::Role::distributor); // another key under the name: the old one is void
    CHECK(f.see_with(cookie).status == 401);
    CHECK(f.log_in(f.code(f.alice)).status == 200);
}

TEST_CASE(
    "control: links and sessions end with their time, and no token of one is one of the other") {
    Calendar f;
    const std::string late = f.code(f.boss);
    f.clock.advance(control::k_code_life);
    CHECK(f.log_in(late).status == 403);
    const std::string cookie = Calendar::cookie(f.log_in(f.code(f.boss)));
    f.clock.advance(f.config.calendar.session - base::Millis{1});
    CHECK(f.see_with(cookie).status == 200);
    f.clock.advance(base::Millis{1});
    CHECK(f.see_with(cookie).status == 401);
    CHECK(f.present(Actor{.name = "eve"}, f.code(f.boss)).status == 422); // too long for a token
    CHECK(f.post(f.relay, "/v1/calendar/links", JsonObject{}).code() == "wrong_role");
}

TEST_CASE(
    "control: another control with the same keys takes the session, one with others does not") {
    Calendar f;
    const std::string cookie = Calendar::cookie(f.log_in(f.code(f.alice)));
    control::Api twin{f.config, f.keys, *f.ledger, f.clock, f.feeds};
    const control::Keys others{.signing = seal::SigningKey::generate(),
                               .group = seal::Secret{seal::random_bytes(32)}};
    control::Api stranger{f.config, others, *f.ledger, f.clock, f.feeds};
    auto r = f.request("GET", "/v1/calendar" + f.range());
    r.headers.emplace_back("Cookie", cookie);
    int status = 0;
    const auto note = [&](const net::Response &response) { status = response.status; };
    twin.handle(r, note);
    CHECK(status == 200);
    stranger.handle(r, note);
    CHECK(status == 401);
}

TEST_CASE("control: where the configuration says so, anybody sees free and busy") {
    Calendar f{std::string(k_config) + "[calendar]\npublic = true\n"};
    f.book_titled(f.alice, k_title);
    const auto seen = f.raw(f.request("GET", "/v1/calendar" + f.range()));
    CHECK(seen.status == 200);
    CHECK(seen.body.find("\"busy\":{\"one\"") != std::string::npos);
    CHECK(seen.body.find("alert") == std::string::npos);
    CHECK(seen.body.find("alice") == std::string::npos);
}

TEST_CASE("control: listeners hear of what they may see, and of nothing else") {
    Calendar f;
    Listener alice{f, f.alice};
    Listener bob{f, f.bob};
    Listener boss{f, f.boss};
    for (Listener *l : {&alice, &bob, &boss})
        REQUIRE(l->until([&] { return l->wholes == 1; }));
    const std::string id = f.book_titled(f.alice, k_title);
    CHECK(alice.until([&] { return alice.has(id); }));
    CHECK(boss.until([&] { return boss.has(id); }));
    CHECK(bob.until([&] { return bob.document.at("busy").as_object().contains("one"); }));
    CHECK(boss.wholes == 1); // the rest came as a change
    CHECK(boss.changes >= 1);
    for (const std::string &secret : {id, std::string("alert"), std::string("alice")})
        CHECK(bob.seen.find(secret) == std::string::npos);

    Listener again{f, f.boss, boss.last_id}; // knows all
    CHECK(f.act(f.alice, id, "cancel").status == 200);
    CHECK(boss.until([&] { return !boss.has(id); }));
    CHECK(bob.until([&] { return bob.document.at("busy").as_object().empty(); }));
    CHECK(again.until([&] { return again.changes == 1; }));
    CHECK(again.wholes == 0);
    CHECK(again.last_id == boss.last_id);

    const std::string before = boss.last_id;
    const std::string next = f.book_titled(f.bob, "next");
    CHECK(boss.until([&] { return boss.has(next); }));
    Listener behind{f, f.boss, before}; // lacks one change, and gets it
    CHECK(behind.until([&] { return behind.last_id == boss.last_id; }));
    CHECK(behind.wholes == 0);
    Listener lost{f, f.boss, "0123456789abcdef01234567"};
    CHECK(lost.until([&] { return lost.wholes == 1; }));
}

TEST_CASE("control: a listener is cut when its key goes, one too many is refused, stop ends all") {
    Calendar f{std::string(k_config) + "[calendar]\nlisteners = 2\n"};
    Listener alice{f, f.alice};
    Listener boss{f, f.boss};
    auto r = f.request("GET", "/v1/events" + f.range());
    f.sign(r, f.bob);
    const auto refused = f.raw(r);
    CHECK(refused.status == 503);
    CHECK(refused.body.find("too_many_listeners") != std::string::npos);

    REQUIRE(alice.until([&] { return alice.wholes == 1; }));
    f.alice.key = seal::SigningKey::generate();
    f.enrol(f.alice, ledger::Role::distributor);
    CHECK(alice.until([&] { return !alice.stream->open(); }));
    f.book_titled(f.alice, k_title);
    alice.take();
    CHECK(alice.seen.find("alert") == std::string::npos);
    boss.stream->detach(); // the client went
    std::shared_ptr<net::Stream> bob;
    for (int i = 0; i < 200 && !bob; ++i) {
        r = f.request("GET", "/v1/events" + f.range());
        f.sign(r, f.bob);
        bob = f.raw(r).stream;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    REQUIRE(bob);
    CHECK(bob->open());
    f.feeds.stop();
    for (int i = 0; i < 1000 && bob->open(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    CHECK_FALSE(bob->open());
}
