// Key pairs: Ed25519 signs (RFC 8032), X25519 opens sealed boxes (RFC 7748, libsodium's
// crypto_box_seal).
#pragma once

#include "seal/secret.hpp"

#include <array>
#include <compare>

namespace seal {

/// The first 8 bytes of BLAKE2b of a public key; printed as 16 hexadecimal digits.
struct KeyId {
    std::array<std::uint8_t, 8> bytes{};
    auto operator<=>(const KeyId &) const = default;
    [[nodiscard]] std::string text() const;
    [[nodiscard]] static base::Result<KeyId> parse(std::string_view text);
};

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

[[nodiscard]] KeyId key_id(const PublicKey &key);
[[nodiscard]] base::Result<PublicKey> public_key_from_text(std::string_view base64url);
[[nodiscard]] inline std::string public_key_text(const PublicKey &key) {
    return to_base64url(key);
}

/// BLAKE2b-64 of @p text: the ticket's channel id and audience.
[[nodiscard]] std::array<std::uint8_t, 8> short_hash(std::string_view text);

/// True when @p signature is @p key's over @p context followed by @p message. A context such as
/// "slotcast-settings-v1\0" keeps a signature for one purpose from serving another.
[[nodiscard]] bool verify(const PublicKey &key, std::string_view context, ByteView message,
                          const Signature &signature);

/// An Ed25519 key pair.
class SigningKey {
  public:
    [[nodiscard]] static SigningKey generate();
    /// From the 32 byte seed that seed() gave.
    [[nodiscard]] static base::Result<SigningKey> from_seed(ByteView seed);

    [[nodiscard]] const PublicKey &public_key() const { return m_public; }
    [[nodiscard]] KeyId id() const { return key_id(m_public); }
    [[nodiscard]] Secret seed() const;
    [[nodiscard]] Signature sign(std::string_view context, ByteView message) const;

  private:
    PublicKey m_public{};
    Secret m_secret;
};

/// An X25519 key pair.
class BoxKey {
  public:
    [[nodiscard]] static BoxKey generate();
    /// From the 32 byte secret key that secret() gave.
    [[nodiscard]] static base::Result<BoxKey> from_secret(ByteView secret);

    [[nodiscard]] const PublicKey &public_key() const { return m_public; }
    [[nodiscard]] const Secret &secret() const { return m_secret; }
    /// Opens what seal_to made for this key; bad_data when it was made for another or was changed.
    [[nodiscard]] base::Result<Secret> open(ByteView sealed) const;

  private:
    PublicKey m_public{};
    Secret m_secret;
};

/// @p message in an anonymous envelope that only @p recipient (X25519) opens.
[[nodiscard]] Bytes seal_to(const PublicKey &recipient, ByteView message);

} // namespace seal
