#include "client/enrol.hpp"
#include "client/records.hpp"
#include "client/reservations.hpp"
#include "client_server.hpp"
#include "seal/password.hpp"

#include <fstream>
#include <sys/stat.h>

using base::Errc;
using test::Control;
using test::json;

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_reservation =
    R"({"reservation":{"type":"reservation","v":1,"id":"01j0000000000000000000000a",)"
    R"("state":"booked","owner":"o","channel":"c","relay":"r1","start":"2027-01-01T00:00:00Z",)"
    R"("end":"2027-01-01T01:00:00Z","lead_in_s":10,"drain_s":10,"rate_bps":6000000,"viewers":5,)"
    R"("carriers":["a"],"title":"","disclosure":"public","viewer_url":"http://x/","generation":1,)"
    R"("revision":1,"created":"2026-01-01T00:00:00Z"}})";

struct Terminal {
    test::Folder folder;
    vault::Vault vault = *vault::Vault::create(folder.path / "vault");
    fs::path pending = folder.path / "vault/pending";
    base::FakeClock clock{*base::parse_rfc3339("2026-11-22T18:00:00Z")};

    [[nodiscard]] client::PendingStore store() const {
        return std::move(*client::PendingStore::open(vault));
    }
    [[nodiscard]] int files() const {
        int n = 0;
        for (const auto &entry : fs::directory_iterator(pending))
            n += entry.path().filename() != "lock" ? 1 : 0;
        return n;
    }
};

client::Wanted wanted(const std::string &body) {
    return {.origin = "https://c", .path = "/v1/x", .same = body, .body = body, .fits = {}};
}

std::string key_of(const net::Request &r) {
    return r.header("idempotency-key").value_or("");
}

} // namespace

TEST_CASE("client: a pending request keeps its key until it is done") {
    Terminal t;
    auto store = t.store();
    const auto first = store.begin(wanted("{\"a\":1}"), t.clock.now());
    REQUIRE(first.has_value());
    CHECK_FALSE(first->resumed);
    t.clock.advance(std::chrono::hours{46});
    auto again = t.store().begin(wanted("{\"a\":1}"), t.clock.now());
    REQUIRE(again.has_value());
    CHECK(again->resumed);
    CHECK(again->key == first->key);
    CHECK(store.begin(wanted("{\"a\":2}"), t.clock.now())->key != first->key);
    CHECK(t.files() == 2);
    REQUIRE(store.done(*again).has_value());
    CHECK(t.files() == 1);
    CHECK(store.begin(wanted("{\"a\":1}"), t.clock.now())->key != first->key);
    CHECK(store.done(*again).has_value()); // the old one: the new one stays
    CHECK(t.files() == 2);
}

TEST_CASE("client: a pending request is private, and too old a one is not sent again") {
    Terminal t;
    auto store = t.store();
    const auto first = store.begin(wanted("{}"), t.clock.now());
    struct stat found{};
    REQUIRE(::stat((t.pending / first->name).c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0600);
    REQUIRE(::stat(t.pending.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0700);
    CHECK(vault::Vault::check(t.folder.path / "vault")->empty());
    t.clock.advance(std::chrono::hours{48});
    const auto later = store.begin(wanted("{}"), t.clock.now());
    CHECK(later->key != first->key);
    CHECK_FALSE(later->resumed);
    CHECK(t.files() == 1);
}

TEST_CASE("client: what could not be read again is not kept") {
    Terminal t;
    auto store = t.store();
    for (const std::string &body : {std::string("{\"title\":\"\xff\"}"), std::string(65'536, 'x'),
                                    std::string(40'000, '"')}) {
        const auto refused = store.begin(wanted(body), t.clock.now());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Errc::usage);
        CHECK(t.files() == 0);
    }
    CHECK(store.begin(wanted("{\"title\":\"\xc3\xbc\"}"), t.clock.now()));
}

TEST_CASE("client: a damaged pending request is an error, never a second booking") {
    Terminal t;
    auto store = t.store();
    const auto first = store.begin(wanted("{}"), t.clock.now());
    const fs::path file = t.pending / first->name;
    for (const char *text : {"", "{", "{\"v\":2}", "{\"v\":1,\"key\":\"k\"}"}) {
        std::ofstream(file) << text;
        const auto again = store.begin(wanted("{}"), t.clock.now());
        REQUIRE_FALSE(again.has_value());
        CHECK(again.error().code == Errc::bad_data);
        CHECK(again.error().hint.find(file.native()) != std::string::npos);
        CHECK(store.begin(wanted("{\"other\":1}"), t.clock.now()).has_value());
    }
    fs::remove(file);
    fs::create_symlink("/etc/passwd", file);
    CHECK_FALSE(store.begin(wanted("{}"), t.clock.now()).has_value());
}

TEST_CASE("client: a request whose answer was lost goes out with the same key and body") {
    Terminal t;
    std::vector<int> answers{503, 500, 201};
    std::size_t at = 0;
    Control control([&](const net::Request &) {
        const int status = answers[std::min(at++, answers.size() - 1)];
        return json(status, status == 201
                                ? std::string(k_reservation)
                                : R"({"status":500,"code":"x","title":"x","detail":"x"})");
    });
    client::Api api = control.api();
    auto store = t.store();
    const auto id = *base::Id::parse("01j0000000000000000000000a");
    const auto change = client::plain_change(id, "commit");
    CHECK(client::carry_out(api, store, change, t.clock).error().code == Errc::try_again);
    CHECK(client::carry_out(api, store, change, t.clock).error().code == Errc::unavailable);
    const auto outcome = client::carry_out(api, store, change, t.clock);
    REQUIRE_MESSAGE(outcome.has_value(), outcome.error().message);
    CHECK(t.files() == 1); // until it was printed
    REQUIRE(store.done(outcome->pending).has_value());
    CHECK(t.files() == 0);
    REQUIRE(control.seen.size() == 3);
    CHECK(key_of(control.seen[0].request) == key_of(control.seen[1].request));
    CHECK(key_of(control.seen[0].request) == key_of(control.seen[2].request));
    CHECK(control.seen[0].request.path == "/v1/reservations/01j0000000000000000000000a/commit");
    CHECK(client::carry_out(api, store, change, t.clock).has_value()); // a new one: a new key
    CHECK(key_of(control.seen[0].request) != key_of(control.seen[3].request));
}

TEST_CASE("client: a refusal is final") {
    Terminal t;
    Control control([](const net::Request &) {
        return json(409, R"({"status":409,"code":"overlap","title":"x","detail":"x"})");
    });
    client::Api api = control.api();
    auto store = t.store();
    const auto change = client::plain_change(*base::Id::parse("01j0000000000000000000000a"), "end");
    CHECK(client::carry_out(api, store, change, t.clock).error().code == Errc::refused);
    CHECK(t.files() == 0);
}

TEST_CASE("client: an answer that cannot be read leaves the request pending") {
    Terminal t;
    std::string body;
    Control control([&](const net::Request &) { return json(200, body); });
    client::Api api = control.api();
    auto store = t.store();
    const auto change = client::plain_change(*base::Id::parse("01j0000000000000000000000a"), "end");
    for (const char *text : {"", "[]", "{}", "{\"reservation\":{}}", "{\"settings\":{\"v\":1}}"}) {
        body = text;
        CHECK(client::carry_out(api, store, change, t.clock).error().code == Errc::protocol);
        CHECK(t.files() == 1);
    }
}

TEST_CASE("client: a booking with a password is the same though its hash differs") {
    Terminal t;
    bool up = false;
    Control control([&](const net::Request &) {
        return up ? json(201, std::string(k_reservation))
                  : json(503, R"({"status":503,"code":"x","title":"x","detail":"x"})");
    });
    client::Api api = control.api();
    auto store = t.store();
    const auto change = [](const std::string &password) {
        wire::ReservationRequest r;
        r.start = *base::parse_rfc3339("2027-01-01T00:00:00Z");
        r.end = *base::parse_rfc3339("2027-01-01T01:00:00Z");
        r.rate.bps = 6'000'000;
        r.carriers = {"a"};
        r.disclosure = resv::Disclosure::password;
        r.password_hash = *seal::hash_password(password);
        return client::booking(r, password);
    };
    CHECK_FALSE(client::carry_out(api, store, change("secret"), t.clock).has_value());
    up = true;
    REQUIRE(client::carry_out(api, store, change("secret"), t.clock).has_value());
    REQUIRE(control.seen.size() == 2);
    CHECK(control.seen[0].request.body == control.seen[1].request.body);
    CHECK(key_of(control.seen[0].request) == key_of(control.seen[1].request));
    CHECK(control.seen[0].request.body.find("secret") == std::string::npos);
    REQUIRE(client::carry_out(api, store, change("other"), t.clock).has_value());
    CHECK(key_of(control.seen[2].request) != key_of(control.seen[0].request));
}

TEST_CASE("client: a shortfall within a second is told by its fractions") {
    const auto at = [](const char *text) { return *base::parse_rfc3339(text); };
    wire::Shortfall s{.resource = "carrier:a:bits",
                      .needed = 7'600'000,
                      .available = 0,
                      .from = at("2026-11-22T00:03:46.120Z"),
                      .to = at("2026-11-22T00:03:46.980Z")};
    const auto text = [&] {
        return client::shortfall_text(s, [](base::UtcTime t) {
            return base::format_rfc3339(std::chrono::floor<base::Seconds>(t));
        });
    };
    CHECK(text() == "carrier:a:bits: 7600Kbit/s needed, 0 available from "
                    "2026-11-22T00:03:46.120Z to 2026-11-22T00:03:46.980Z");
    s.to += base::Millis{20};
    CHECK(text().ends_with(" from 2026-11-22T00:03:46Z to 2026-11-22T00:03:47Z"));
}

TEST_CASE("client: enrolment makes the vault trust control") {
    Terminal t;
    const auto control_key = seal::SigningKey::generate();
    std::string body = "{}";
    Control control([&](const net::Request &r) {
        CHECK(r.body.find("\"token\":\"one-time\"") != std::string::npos);
        return json(200, body);
    });
    client::Api api = control.api();
    const auto garbled = client::enrol_terminal(api, t.vault, "one-time", t.clock);
    CHECK(garbled.error().code == Errc::protocol);
    CHECK(t.vault.trusted()->empty());
    body = fmt::format(R"({{"name":"studio","role":"distributor","control_key":"{}"}})",
                       seal::public_key_text(control_key.public_key()));
    const auto answer = client::enrol_terminal(api, t.vault, "one-time", t.clock);
    REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
    CHECK(answer->name == "studio");
    REQUIRE(t.vault.trusted()->size() == 1);
    CHECK(t.vault.trusted()->front() == control_key.public_key());
    CHECK(key_of(control.seen[0].request) == key_of(control.seen[1].request));
    CHECK(t.files() == 0);
}
