#include "seal/encoding.hpp"

#include "seal/init.hpp"

#include <algorithm>
#include <sodium.h>

namespace seal {

using base::Errc;
using base::fail;
using base::Result;

void init() {
    if (sodium_init() < 0)
        throw std::runtime_error("libsodium cannot be initialised: no source of random numbers");
}

namespace {

std::string encode(ByteView bytes, int variant) {
    std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
    out.pop_back(); // libsodium counts the terminating zero
    return out;
}

// libsodium 1.0.18 takes bytes from 128 up for the letter A.
bool is_ascii(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return (c & 0x80) != 0; });
}

Result<Bytes> decode(std::string_view text, int variant, std::string_view what) {
    if (text.empty()) // libsodium wants no null pointer
        return Bytes{};
    Bytes out(text.size());
    std::size_t size = 0;
    const char *end = nullptr;
    if (!is_ascii(text) ||
        sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end,
                          variant) != 0 ||
        end != text.data() + text.size())
        return fail(Errc::bad_data, "not {} text", what);
    out.resize(size);
    return out;
}

} // namespace

std::string to_base64url(ByteView bytes) {
    return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
Result<Bytes> from_base64url(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING, "base64url");
}
// Not libsodium's, which takes ten times as long so that nobody learns the bytes from the time: who
// needs that takes the other form.
std::string to_base64(ByteView bytes) {
    static constexpr std::string_view k_digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out((bytes.size() + 2) / 3 * 4, '=');
    for (std::size_t i = 0, at = 0; i < bytes.size(); i += 3, at += 4) {
        const std::size_t n = std::min<std::size_t>(bytes.size() - i, 3);
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = (group << 8U) | (k < n ? bytes[i + k] : 0U);
        for (std::size_t k = 0; k <= n; ++k)
            out[at + k] = k_digits[(group >> (18U - 6U * k)) & 63U];
    }
    return out;
}
Result<Bytes> from_base64(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_ORIGINAL, "base64");
}

std::string to_hex(ByteView bytes) {
    std::string out(bytes.size() * 2 + 1, '\0');
    sodium_bin2hex(out.data(), out.size(), bytes.data(), bytes.size());
    out.pop_back();
    return out;
}

Result<Bytes> from_hex(std::string_view text) {
    if (text.empty()) // see decode()
        return Bytes{};
    Bytes out(text.size() / 2);
    std::size_t size = 0;
    if (text.size() % 2 != 0 || sodium_hex2bin(out.data(), out.size(), text.data(), text.size(),
                                               nullptr, &size, nullptr) != 0)
        return fail(Errc::bad_data, "not hexadecimal text");
    return out;
}

Bytes random_bytes(std::size_t n) {
    Bytes out(n);
    randombytes_buf(out.data(), n);
    return out;
}

bool equal_secret(ByteView a, ByteView b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace seal
