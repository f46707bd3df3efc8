// What stress-control is made of: a clock that its clients move, signed requests, one control or
// more.
#pragma once

#include "control/api.hpp"
#include "control/keys.hpp"
#include "control/ledgers.hpp"
#include "control/sweeper.hpp"
#include "seal/hash.hpp"
#include "seal/http_signature.hpp"

#include <atomic>
#include <fmt/format.h>
#include <memory>
#include <random>

namespace stress {

class Clock final : public base::Clock {
  public:
    explicit Clock(base::UtcTime start) : m_ms(base::unix_ms(start)) {}
    [[nodiscard]] base::UtcTime now() const override { return base::from_unix_ms(m_ms); }
    [[nodiscard]] base::SteadyTime steady() const override {
        return base::SteadyTime{base::Millis{m_ms}};
    }
    void advance(base::Millis by) { m_ms += by.count(); }

  private:
    std::atomic<std::int64_t> m_ms;
};

struct Actor {
    std::string name;
    ledger::Role role;
    seal::SigningKey key = seal::SigningKey::generate();
    seal::BoxKey box = seal::BoxKey::generate();
};

/// One control, as a process of its own would be: nothing is shared but the ledger and the clock.
struct Control {
    std::unique_ptr<ledger::Ledger> ledger;
    control::Feeds feeds;
    control::Api api;

    Control(const control::Config &config, const control::Keys &keys, const Clock &clock,
            std::unique_ptr<ledger::Ledger> of)
        : ledger(std::move(of)), feeds(config, keys, *ledger, clock),
          api(config, keys, *ledger, clock, feeds) {}
};

struct Got {
    int status = 0;
    std::string text;
    [[nodiscard]] wire::Json json() const { return wire::parse_json(text, "answer").value(); }
    [[nodiscard]] wire::Reservation reservation() const {
        return wire::read_reservation(json().at("reservation"), "answer").value();
    }
};

inline Got send(Control &at, const Actor &who, const Clock &clock, std::string method,
                const std::string &target, const std::string &body, const std::string &key) {
    net::Request r{.method = std::move(method),
                   .target = target,
                   .path = target.substr(0, target.find('?')),
                   .query = {},
                   .headers = {{"Host", "control:1"}},
                   .body = body,
                   .peer = "stress"};
    if (r.path.size() < target.size())
        r.query = target.substr(r.path.size() + 1);
    if (r.method == "POST") {
        r.headers.emplace_back("Content-Digest", seal::content_digest(r.body));
        r.headers.emplace_back("Idempotency-Key", '"' + key + '"');
    }
    const auto fields = seal::sign_request({.method = r.method,
                                            .authority = "control:1",
                                            .path = r.path,
                                            .query = "?" + r.query,
                                            .content_digest = r.header("Content-Digest"),
                                            .idempotency_key = r.header("Idempotency-Key")},
                                           who.key, clock.now());
    r.headers.emplace_back("Signature-Input", fields.signature_input);
    r.headers.emplace_back("Signature", fields.signature);
    Got got;
    at.api.handle(r, [&got](net::Response response) {
        got = {.status = response.status, .text = std::move(response.body)};
    });
    return got;
}

} // namespace stress
