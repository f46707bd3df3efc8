#include "seal/keys.hpp"

#include <algorithm>
#include <sodium.h>

namespace seal {

using base::Errc;
using base::fail;
using base::Result;

static_assert(std::tuple_size_v<PublicKey> == crypto_sign_PUBLICKEYBYTES);
static_assert(std::tuple_size_v<PublicKey> == crypto_box_PUBLICKEYBYTES);
static_assert(std::tuple_size_v<Signature> == crypto_sign_BYTES);

std::string KeyId::text() const {
    return to_hex(bytes);
}

Result<KeyId> KeyId::parse(std::string_view text) {
    const auto bytes = from_hex(text);
    KeyId id;
    if (bytes && bytes->size() == id.bytes.size())
        std::ranges::copy(*bytes, id.bytes.begin());
    if (!bytes || id.text() != text) // one spelling: lower case
        return fail(Errc::bad_data, "'{}' is not a key id (16 hexadecimal digits, lower case)",
                    text.substr(0, 40));
    return id;
}

KeyId key_id(const PublicKey &key) {
    std::array<std::uint8_t, 32> hash{};
    crypto_generichash(hash.data(), hash.size(), key.data(), key.size(), nullptr, 0);
    KeyId id;
    std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

Result<PublicKey> public_key_from_text(std::string_view base64url) {
    const auto bytes = from_base64url(base64url);
    if (!bytes || bytes->size() != 32)
        return fail(Errc::bad_data, "not a public key (43 base64url characters)");
    PublicKey key;
    std::ranges::copy(*bytes, key.begin());
    return key;
}

std::array<std::uint8_t, 8> short_hash(std::string_view text) {
    // libsodium's BLAKE2b gives 16 bytes at least; BLAKE2b-64 proper is a different function,
    // so "BLAKE2b-64" here is the first 8 bytes of BLAKE2b-256, as for key ids.
    std::array<std::uint8_t, 32> hash{};
    const ByteView bytes = bytes_of(text);
    crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
    std::array<std::uint8_t, 8> out{};
    std::copy_n(hash.begin(), out.size(), out.begin());
    return out;
}

namespace {

Bytes with_context(std::string_view context, ByteView message) {
    Bytes all(bytes_of(context).begin(), bytes_of(context).end());
    all.insert(all.end(), message.begin(), message.end());
    return all;
}

} // namespace

bool verify(const PublicKey &key, std::string_view context, ByteView message,
            const Signature &signature) {
    const Bytes all = with_context(context, message);
    return crypto_sign_verify_detached(signature.data(), all.data(), all.size(), key.data()) == 0;
}

SigningKey SigningKey::generate() {
    SigningKey key;
    Bytes secret(crypto_sign_SECRETKEYBYTES);
    crypto_sign_keypair(key.m_public.data(), secret.data());
    key.m_secret = Secret{std::move(secret)};
    return key;
}

Result<SigningKey> SigningKey::from_seed(ByteView seed) {
    if (seed.size() != crypto_sign_SEEDBYTES)
        return fail(Errc::bad_data, "a signing key has {} bytes, not {}", crypto_sign_SEEDBYTES,
                    seed.size());
    SigningKey key;
    Bytes secret(crypto_sign_SECRETKEYBYTES);
    crypto_sign_seed_keypair(key.m_public.data(), secret.data(), seed.data());
    key.m_secret = Secret{std::move(secret)};
    return key;
}

Secret SigningKey::seed() const {
    Bytes seed(crypto_sign_SEEDBYTES);
    crypto_sign_ed25519_sk_to_seed(seed.data(), m_secret.view().data());
    return Secret{std::move(seed)};
}

Signature SigningKey::sign(std::string_view context, ByteView message) const {
    const Bytes all = with_context(context, message);
    Signature out{};
    crypto_sign_detached(out.data(), nullptr, all.data(), all.size(), m_secret.view().data());
    return out;
}

BoxKey BoxKey::generate() {
    BoxKey key;
    Bytes secret(crypto_box_SECRETKEYBYTES);
    crypto_box_keypair(key.m_public.data(), secret.data());
    key.m_secret = Secret{std::move(secret)};
    return key;
}

Result<BoxKey> BoxKey::from_secret(ByteView secret) {
    if (secret.size() != crypto_box_SECRETKEYBYTES)
        return fail(Errc::bad_data, "a box key has {} bytes, not {}", crypto_box_SECRETKEYBYTES,
                    secret.size());
    BoxKey key;
    key.m_secret = Secret{secret};
    if (crypto_scalarmult_base(key.m_public.data(), secret.data()) != 0)
        return fail(Errc::bad_data, "the box key is not valid");
    return key;
}

Result<Secret> BoxKey::open(ByteView sealed) const {
    if (sealed.size() < crypto_box_SEALBYTES)
        return fail(Errc::bad_data, "open envelope: too short");
    Bytes message(sealed.size() - crypto_box_SEALBYTES);
    if (crypto_box_seal_open(message.data(), sealed.data(), sealed.size(), m_public.data(),
                             m_secret.view().data()) != 0)
        return fail(Errc::bad_data,
                    "open envelope: not sealed for this key, or changed on the way");
    return Secret{std::move(message)};
}

Bytes seal_to(const PublicKey &recipient, ByteView message) {
    Bytes out(message.size() + crypto_box_SEALBYTES);
    if (crypto_box_seal(out.data(), message.data(), message.size(), recipient.data()) != 0)
        throw std::invalid_argument("seal_to: the recipient's key is not a valid point");
    return out;
}

} // namespace seal
