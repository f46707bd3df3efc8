#include "seal/http_signature.hpp"

#include <doctest/doctest.h>

using base::Errc;
using seal::HttpParts;
using seal::SignatureFields;

namespace {

HttpParts a_post() {
    return {.method = "POST",
            .authority = "control.example:8443",
            .path = "/v1/reservations",
            .query = "?a=1&b=%20",
            .content_digest = seal::content_digest("{}"),
            .idempotency_key = "\"abc\""};
}

const base::UtcTime k_now = *base::parse_rfc3339("2026-11-22T18:00:00.250Z");

// The whole way of a request at the server.
base::Result<void> check(const HttpParts &parts, const SignatureFields &fields,
                         const seal::PublicKey &key, base::UtcTime now = k_now) {
    const seal::SignatureClaim claim = TRY(seal::read_claim(parts, fields));
    return seal::verify_request(parts, claim, key, now);
}

void replace(std::string &text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("seal: a signed request verifies, until it expires") {
    const auto key = seal::SigningKey::generate();
    const HttpParts parts = a_post();
    const SignatureFields fields = seal::sign_request(parts, key, k_now);
    CHECK(check(parts, fields, key.public_key()).has_value());
    using std::chrono::seconds;
    CHECK(check(parts, fields, key.public_key(), k_now + seconds(59)).has_value());
    CHECK(check(parts, fields, key.public_key(), k_now - seconds(29)).has_value());
    CHECK(check(parts, fields, key.public_key(), k_now + seconds(60)).error().code ==
          Errc::not_permitted);
    CHECK(check(parts, fields, key.public_key(), k_now - seconds(31)).error().code ==
          Errc::not_permitted);
    CHECK(check(parts, fields, seal::SigningKey::generate().public_key()).error().code ==
          Errc::not_permitted);
    CHECK(seal::read_claim(parts, fields)->key == key.id());
    CHECK(seal::read_claim(parts, fields)->nonce !=
          seal::read_claim(parts, seal::sign_request(parts, key, k_now))->nonce);
}

TEST_CASE("seal: each signed part of a request is protected") {
    const auto key = seal::SigningKey::generate();
    const SignatureFields fields = seal::sign_request(a_post(), key, k_now);
    const auto refused = [&](auto &&change) {
        HttpParts parts = a_post();
        change(parts);
        const auto result = check(parts, fields, key.public_key());
        return !result.has_value();
    };
    CHECK(refused([](HttpParts &p) { p.method = "PUT"; }));
    CHECK(refused([](HttpParts &p) { p.authority = "control.example:8444"; }));
    CHECK(refused([](HttpParts &p) { p.path = "/v1/reservations/x"; }));
    CHECK(refused([](HttpParts &p) { p.query = "?"; }));
    CHECK(refused([](HttpParts &p) { p.query = "?a=1&b= "; }));
    CHECK(refused([](HttpParts &p) { p.content_digest = seal::content_digest("[]"); }));
    CHECK(refused([](HttpParts &p) { p.content_digest.reset(); }));
    CHECK(refused([](HttpParts &p) { p.idempotency_key = "\"abd\""; }));
    CHECK(refused([](HttpParts &p) { p.idempotency_key.reset(); }));
}

TEST_CASE("seal: a part that the signature leaves out is refused") {
    const auto key = seal::SigningKey::generate();
    HttpParts bare = a_post();
    bare.content_digest.reset();
    bare.idempotency_key.reset();
    const SignatureFields fields = seal::sign_request(bare, key, k_now);
    CHECK(check(bare, fields, key.public_key()).has_value());
    const auto result = seal::read_claim(a_post(), fields); // fields added on the way
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == Errc::protocol);
    CHECK(result.error().message.find("content-digest is not covered") != std::string::npos);
}

TEST_CASE("seal: changed or malformed signature fields are refused") {
    const auto key = seal::SigningKey::generate();
    const SignatureFields good = seal::sign_request(a_post(), key, k_now);
    const auto code = [&](auto &&change) {
        SignatureFields fields = good;
        change(fields);
        const auto result = check(a_post(), fields, key.public_key());
        return result ? Errc{} : result.error().code;
    };
    const auto input = [&](std::string_view from, std::string_view to) {
        return code([&](SignatureFields &f) { replace(f.signature_input, from, to); });
    };
    CHECK(input("sig1=", "") == Errc::protocol);
    CHECK(input("sig1=", "sig2=") == Errc::protocol);
    CHECK(input("alg=\"ed25519\"", "alg=\"hmac-sha256\"") == Errc::protocol);
    CHECK(input(";alg=\"ed25519\"", "") == Errc::protocol);
    CHECK(input("\"@method\" ", "") == Errc::protocol);
    CHECK(input("\"@method\"", "\"@method\";req") == Errc::protocol);
    CHECK(input("\"@method\"", "\"@method\" \"@method\"") == Errc::protocol);
    CHECK(input("\"@method\"", "\"@method\" \"date\"") == Errc::protocol);
    CHECK(input("nonce=\"", "nonce=\"A") == Errc::not_permitted);
    CHECK(input("created=1", "created=-1") == Errc::protocol);
    CHECK(input("created=1", "created=") == Errc::protocol); // a lifetime of years
    CHECK(input(";nonce", ";tag=\"x\";nonce") == Errc::protocol);
    CHECK(input("(\"@method\" \"@authority\"", "(\"@authority\" \"@method\"") ==
          Errc::not_permitted);
    CHECK(code([](SignatureFields &f) { f.signature_input += ", sig2=()"; }) == Errc::protocol);
    CHECK(code([](SignatureFields &f) { f.signature_input.clear(); }) == Errc::protocol);
    CHECK(code([](SignatureFields &f) { f.signature.clear(); }) == Errc::protocol);
    CHECK(code([](SignatureFields &f) { f.signature = "sig1=:AAAA:"; }) == Errc::protocol);
    CHECK(code([](SignatureFields &f) { f.signature_input += std::string(3000, ' '); }) ==
          Errc::protocol);
    CHECK(code([](SignatureFields &f) { f.signature[10] = f.signature[10] == 'A' ? 'B' : 'A'; }) ==
          Errc::not_permitted);
}

TEST_CASE("seal: no truncation of the signature fields is accepted") {
    const auto key = seal::SigningKey::generate();
    const SignatureFields good = seal::sign_request(a_post(), key, k_now);
    for (std::size_t n = 0; n < good.signature_input.size(); ++n) {
        SignatureFields cut = good;
        cut.signature_input.resize(n);
        CHECK_FALSE(check(a_post(), cut, key.public_key()).has_value());
    }
    for (std::size_t n = 0; n < good.signature.size(); ++n) {
        SignatureFields cut = good;
        cut.signature.resize(n);
        CHECK_FALSE(check(a_post(), cut, key.public_key()).has_value());
    }
}
