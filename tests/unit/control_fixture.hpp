// A whole control in memory: configuration, ledger, clock and API, and those who ask it.
#pragma once

#include "base/log.hpp"
#include "control/api.hpp"
#include "control/enrolment.hpp"
#include "control/sweeper.hpp"
#include "recording.hpp"

#include <atomic>
#include <doctest/doctest.h>
#include <future>

namespace control_test {

constexpr std::string_view k_config = R"(
listen = "192.0.2.10:8443"
tls_certificate = "tls.crt"
tls_key = "tls.key"
data = "data"
limits.requests_per_key = 0
limits.unsigned_per_address = 0
[policy]
lead_in = "10s"
drain = "5s"
hold = "300s"
grace = "10m"
min_duration = "1m"
max_duration = "4h"
horizon = "30d"
[relays.r1]
public_url = "http://198.51.100.1:8080/"
streams = 2
ingest = "20M"
egress = "1G"
latency = "200ms"
[relays.r1.ingest_addresses]
a = "203.0.113.10:9000"
b = "203.0.113.11:9000"
[relays.r2]
public_url = "http://198.51.100.2:8080"
streams = 2
ingest = "20M"
egress = "1G"
[relays.r2.ingest_addresses]
a = "203.0.113.20:9000"
[carriers.a]
type = "link"
lines = 2
capacity = "20M"
gateway4 = "10.2.0.1"
[carriers.b]
type = "link"
lines = 1
capacity = "20M"
[channels.one]
relay = "r1"
viewers = 10
max_rate = "10M"
[channels.two]
relay = "r1"
viewers = 10
max_rate = "10M"
[channels.far]
relay = "r2"
viewers = 10
max_rate = "2M"
)";

// Set by the test, read by the feeds' thread too.
class Clock final : public base::Clock {
  public:
    [[nodiscard]] base::UtcTime now() const override { return base::from_unix_ms(m_ms); }
    [[nodiscard]] base::SteadyTime steady() const override {
        return base::SteadyTime{base::Millis{m_ms}};
    }
    void advance(base::Millis by) { m_ms += by.count(); }

  private:
    std::atomic<std::int64_t> m_ms = 1'790'000'000'000; // in 2026
};

struct Actor {
    std::string name;
    seal::SigningKey key = seal::SigningKey::generate();
    seal::BoxKey box = seal::BoxKey::generate();
};

struct Got {
    int status = 0;
    wire::Json body;
    std::string text;
    net::Headers headers{};
    [[nodiscard]] std::string header(std::string_view name) const {
        for (const auto &[key, value] : headers)
            if (key == name)
                return value;
        return "";
    }
    // A problem's code, or "".
    [[nodiscard]] std::string code() const { return field("code"); }
    [[nodiscard]] std::string field(std::string_view key) const {
        const auto *value = body.as_object().if_contains(key);
        return value == nullptr ? "" : std::string(value->as_string());
    }
    [[nodiscard]] const wire::Json &reservation() const { return body.at("reservation"); }
    [[nodiscard]] std::string id() const { return std::string(reservation().at("id").as_string()); }
    [[nodiscard]] std::string state() const {
        return std::string(reservation().at("state").as_string());
    }
    [[nodiscard]] bool has_settings() const { return body.as_object().contains("settings"); }
};

/// The reservation of a success.
inline wire::Reservation read(const Got &got) {
    REQUIRE(got.status / 100 == 2);
    return wire::read_reservation(got.reservation(), "reservation").value();
}

/// What a refusal offers instead.
inline std::vector<wire::Alternative> alternatives(const Got &got) {
    return wire::read_problem(got.body, "problem").value().alternatives;
}

struct Fixture {
    control::Config config;
    control::Keys keys{.signing = seal::SigningKey::generate(),
                       .group = seal::Secret{seal::random_bytes(32)}};
    Clock clock;
    std::unique_ptr<ledger::Ledger> ledger = ledger::make_memory_ledger();
    control::Feeds feeds{config, keys, *ledger, clock};
    control::Api api{config, keys, *ledger, clock, feeds};
    Actor alice{.name = "alice"};
    Actor bob{.name = "bob"};
    Actor relay{.name = "r1"};
    Actor boss{.name = "boss"};
    int next_key = 0;

    explicit Fixture(std::string_view text = k_config)
        : config(control::read_control(*conf::Table::parse(text, "t")).value()) {
        base::log::setup("unit", base::log::Level::error);
        enrol(alice, ledger::Role::distributor);
        enrol(bob, ledger::Role::distributor);
        enrol(relay, ledger::Role::relay);
        enrol(boss, ledger::Role::operator_);
    }

    [[nodiscard]] base::UtcTime now() const { return clock.now(); }

    net::Request request(std::string method, const std::string &target, std::string body = {}) {
        net::Request r{.method = std::move(method),
                       .target = target,
                       .path = target.substr(0, target.find('?')),
                       .query = {},
                       .headers = {{"Host", "Control:8443"}},
                       .body = std::move(body),
                       .peer = "test"};
        if (r.path.size() < target.size())
            r.query = target.substr(r.path.size() + 1);
        if (r.method != "GET") {
            r.headers.emplace_back("Content-Digest", seal::content_digest(r.body));
            r.headers.emplace_back("Idempotency-Key", fmt::format("\"key-{}\"", next_key++));
        }
        return r;
    }

    void sign(net::Request &r, const Actor &who,
              const std::string &authority = "control:8443") const {
        const auto fields = seal::sign_request({.method = r.method,
                                                .authority = authority,
                                                .path = r.path,
                                                .query = "?" + r.query,
                                                .content_digest = r.header("Content-Digest"),
                                                .idempotency_key = r.header("Idempotency-Key")},
                                               who.key, now());
        r.headers.emplace_back("Signature-Input", fields.signature_input);
        r.headers.emplace_back("Signature", fields.signature);
    }

    Got send(const net::Request &r) {
        std::promise<net::Response> answered;
        api.handle(r, [&](net::Response response) { answered.set_value(std::move(response)); });
        auto future = answered.get_future();
        REQUIRE(future.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
        net::Response response = future.get();
        record(r, response);
        return {.status = response.status,
                .body = wire::parse_json(response.body, "answer").value(),
                .text = response.body,
                .headers = response.headers};
    }

    Got get(const Actor &who, const std::string &target) {
        auto r = request("GET", target);
        sign(r, who);
        return send(r);
    }
    Got post(const Actor &who, const std::string &target, const wire::Json &body) {
        auto r = request("POST", target, wire::compact_json(body));
        sign(r, who);
        return send(r);
    }
    // As it is now, unless @p tag says otherwise; none with "".
    Got patch(const Actor &who, const std::string &id, const wire::Json &body,
              std::optional<std::string> tag = {}) {
        if (!tag)
            tag = get(who, "/v1/reservations/" + id).header("ETag");
        auto r = request("PATCH", "/v1/reservations/" + id, wire::compact_json(body));
        if (!tag->empty())
            r.headers.emplace_back("If-Match", *tag);
        sign(r, who);
        return send(r);
    }
    Got act(const Actor &who, const std::string &id, const std::string &verb,
            const wire::Json &body = wire::JsonObject{}) {
        return post(who, fmt::format("/v1/reservations/{}/{}", id, verb), body);
    }

    // Starts in an hour, lasts one, over carrier a.
    [[nodiscard]] wire::ReservationRequest wish() const {
        wire::ReservationRequest r;
        r.start = now() + std::chrono::hours{1};
        r.end = now() + std::chrono::hours{2};
        r.rate = {4'000'000};
        r.title = "Town hall";
        r.channel = "one";
        r.carriers = {"a"};
        return r;
    }
    Got book(const Actor &who, const wire::ReservationRequest &wish) {
        return post(who, "/v1/reservations", wire::to_json(wish));
    }

    Got enrol(const Actor &who, ledger::Role role) {
        const auto token = control::make_token(*ledger, config, who.name, role, now());
        REQUIRE(token);
        return present(who, *token);
    }
    Got present(const Actor &who, const std::string &token) {
        const auto body = wire::to_json(
            wire::EnrolRequest{.token = token,
                               .sign_key = seal::public_key_text(who.key.public_key()),
                               .box_key = seal::public_key_text(who.box.public_key())});
        return post(who, "/v1/keys/enrol", body);
    }

    // The feed of r1 after @p after, verified as a relay does.
    wire::Feed feed(std::int64_t after, int wait_s = 0) {
        const Got got =
            get(relay, fmt::format("/v1/relays/r1/feed?after={}&wait_s={}", after, wait_s));
        REQUIRE(got.status == 200);
        return wire::open_feed(got.text, keys.signing.public_key(), "r1").value();
    }
    Got report(std::string_view event, const std::string &id) {
        wire::JsonArray list;
        list.push_back(wire::to_json(wire::Report{.event = std::string(event),
                                                  .reservation = base::Id::parse(id).value(),
                                                  .at = now(),
                                                  .bytes = 1}));
        return post(relay, "/v1/relays/r1/reports", wire::JsonObject{{"reports", list}});
    }
    [[nodiscard]] wire::Settings open(const Got &got, const Actor &who) const {
        const auto sealed = wire::read_sealed(got.body.at("settings"), "settings");
        REQUIRE(sealed);
        return wire::open_settings(*sealed, who.box, who.key.id(), keys.signing.public_key())
            .value();
    }
    void sweep() { REQUIRE(control::sweep(*ledger, control::Desk{config}, feeds, config, now())); }
};

} // namespace control_test
