#include "seal/token.hpp"

#include <sodium.h>

namespace seal {

namespace {
constexpr std::size_t k_nonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t k_tag = crypto_aead_xchacha20poly1305_ietf_ABYTES;

void check_key(ByteView key) {
    if (key.size() != crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
        throw std::invalid_argument("a token's key has 32 bytes");
}
} // namespace

std::string seal_token(ByteView key, std::string_view context, ByteView message) {
    check_key(key);
    Bytes out = random_bytes(k_nonce);
    out.resize(k_nonce + message.size() + k_tag);
    const ByteView also = bytes_of(context);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + k_nonce, nullptr, message.data(),
                                               message.size(), also.data(), also.size(), nullptr,
                                               out.data(), key.data());
    return to_base64url(out);
}

base::Result<Secret> open_token(ByteView key, std::string_view context, std::string_view token) {
    check_key(key);
    const Bytes sealed = TRY(from_base64url(token));
    if (sealed.size() < k_nonce + k_tag)
        return base::fail(base::Errc::bad_data, "too short");
    Bytes out(sealed.size() - k_nonce - k_tag);
    const ByteView also = bytes_of(context);
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            out.data(), nullptr, nullptr, sealed.data() + k_nonce, sealed.size() - k_nonce,
            also.data(), also.size(), sealed.data(), key.data()) != 0)
        return base::fail(base::Errc::bad_data, "made for another purpose, or changed");
    return Secret{std::move(out)};
}

} // namespace seal
