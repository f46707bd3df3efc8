#include "seal/keys.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using base::Errc;
using seal::BoxKey;
using seal::bytes_of;
using seal::SigningKey;

TEST_CASE("seal: a signing key survives its seed") {
    const auto key = SigningKey::generate();
    const auto back = SigningKey::from_seed(key.seed().view());
    REQUIRE(back.has_value());
    CHECK(back->public_key() == key.public_key());
    CHECK(back->id() == key.id());
    CHECK(SigningKey::generate().public_key() != key.public_key());
    CHECK_FALSE(SigningKey::from_seed(seal::random_bytes(31)).has_value());
    CHECK_FALSE(SigningKey::from_seed({}).has_value());
}

TEST_CASE("seal: a signature is good for its key, context and message only") {
    const auto key = SigningKey::generate();
    const auto signature = key.sign("context\0", bytes_of("message"));
    CHECK(seal::verify(key.public_key(), "context\0", bytes_of("message"), signature));
    CHECK_FALSE(seal::verify(key.public_key(), "other\0", bytes_of("message"), signature));
    CHECK_FALSE(seal::verify(key.public_key(), "context\0", bytes_of("massage"), signature));
    CHECK_FALSE(seal::verify(SigningKey::generate().public_key(), "context\0", bytes_of("message"),
                             signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        auto flipped = signature;
        flipped[i] ^= 1;
        CHECK_FALSE(seal::verify(key.public_key(), "context\0", bytes_of("message"), flipped));
    }
}

TEST_CASE("seal: an envelope opens for its recipient only, and only whole") {
    const auto key = BoxKey::generate();
    CHECK(rc::check("round trip", [&key](const std::string &text) {
        const auto opened = key.open(seal::seal_to(key.public_key(), bytes_of(text)));
        RC_ASSERT(opened.has_value());
        RC_ASSERT(std::string(seal::text_of(opened->view())) == text);
    }));
    const auto envelope = seal::seal_to(key.public_key(), bytes_of("secret"));
    CHECK(envelope != seal::seal_to(key.public_key(), bytes_of("secret")));
    CHECK_FALSE(BoxKey::generate().open(envelope).has_value());
    for (std::size_t bit = 0; bit < envelope.size() * 8; ++bit) {
        auto flipped = envelope;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        // The top bit of the ephemeral X25519 key is ignored by RFC 7748, but it goes into the
        // nonce.
        CHECK_FALSE(key.open(flipped).has_value());
    }
    for (std::size_t n = 0; n < envelope.size(); ++n)
        CHECK_FALSE(key.open({envelope.data(), n}).has_value());
}

TEST_CASE("seal: a box key survives its secret") {
    const auto key = BoxKey::generate();
    const auto back = BoxKey::from_secret(key.secret().view());
    REQUIRE(back.has_value());
    CHECK(back->public_key() == key.public_key());
    CHECK_FALSE(BoxKey::from_secret(seal::random_bytes(33)).has_value());
}

TEST_CASE("seal: keys and key ids survive their text, and nothing else is taken for one") {
    const auto key = SigningKey::generate();
    CHECK(seal::public_key_from_text(seal::public_key_text(key.public_key())) == key.public_key());
    CHECK(seal::KeyId::parse(key.id().text()) == key.id());
    for (const char *text : {"", "AAAA", "====", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                             "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"}) {
        CAPTURE(text);
        CHECK_FALSE(seal::public_key_from_text(text).has_value());
    }
    for (const char *text : {"", "0", "0123456789abcde", "0123456789abcdefg", "0123456789ABCDEF",
                             "0123456789abcdeg", "01:23:45:67:89:ab:cd:ef"}) {
        CAPTURE(text);
        CHECK_FALSE(seal::KeyId::parse(text).has_value());
    }
}

TEST_CASE("seal: base64url is strict and survives") {
    CHECK(rc::check("round trip", [](const seal::Bytes &bytes) {
        RC_ASSERT(*seal::from_base64url(seal::to_base64url(bytes)) == bytes);
        RC_ASSERT(*seal::from_base64(seal::to_base64(bytes)) == bytes);
        RC_ASSERT(*seal::from_hex(seal::to_hex(bytes)) == bytes);
    }));
    for (const auto &[text, encoded] : {std::pair{"", ""}, // RFC 4648 section 10
                                        {"f", "Zg=="},
                                        {"fo", "Zm8="},
                                        {"foo", "Zm9v"},
                                        {"foob", "Zm9vYg=="},
                                        {"fooba", "Zm9vYmE="},
                                        {"foobar", "Zm9vYmFy"}})
        CHECK(seal::to_base64(seal::bytes_of(text)) == encoded);
    for (const char *text : {"A", "AB=", "AB==", "A A", "AA\n", "AB", "+/AA", "AAB"}) {
        CAPTURE(text); // AB and AAB: surplus bits that are not zero
        CHECK_FALSE(seal::from_base64url(text).has_value());
    }
    constexpr std::string_view k_alphabet = "-0123456789_"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "abcdefghijklmnopqrstuvwxyz";
    for (int c = 0; c < 256; ++c) { // libsodium 1.0.18 reads every byte from 128 up as an A
        const std::string text{'A', static_cast<char>(c), 'A', 'A'};
        CAPTURE(c);
        CHECK(seal::from_base64url(text).has_value() == k_alphabet.contains(text[1]));
    }
    CHECK_FALSE(seal::from_base64("A\x80==").has_value());
    CHECK_FALSE(seal::from_base64("AA").has_value());
    CHECK_FALSE(seal::from_base64("AA==\n").has_value());
    CHECK_FALSE(seal::from_hex("0g").has_value());
    CHECK_FALSE(seal::from_hex("012").has_value());
}

TEST_CASE("seal: secrets are equal or not, whatever their length") {
    CHECK(seal::equal_secret(bytes_of("abc"), bytes_of("abc")));
    CHECK_FALSE(seal::equal_secret(bytes_of("abc"), bytes_of("abd")));
    CHECK_FALSE(seal::equal_secret(bytes_of("abc"), bytes_of("ab")));
    CHECK(seal::equal_secret({}, {}));
    std::string text = "secret";
    seal::wipe(text);
    CHECK(text.empty());
}
