#include "seal/password.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <sodium.h>

namespace seal {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t k_max_password = 1024;
constexpr std::uint32_t k_max_kib = 128 * 1024;
constexpr std::uint32_t k_max_passes = 8;

// Takes `prefix` and a decimal number from the front of `text`.
std::optional<std::uint32_t> take(std::string_view &text, std::string_view prefix) {
    if (!text.starts_with(prefix))
        return std::nullopt;
    text.remove_prefix(prefix.size());
    std::uint32_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

} // namespace

Result<std::string> hash_password(std::string_view password) {
    if (password.empty() || password.size() > k_max_password)
        return fail(Errc::bad_data, "a password has 1 to {} bytes", k_max_password);
    std::array<char, crypto_pwhash_STRBYTES> out{};
    if (crypto_pwhash_str_alg(
            out.data(), password.data(), password.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
            crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) != 0)
        return fail(Errc::try_again, "hash the password: out of memory");
    return std::string(out.data());
}

Result<void> check_password_hash(std::string_view hash) {
    std::string_view rest = hash;
    const auto version = take(rest, "$argon2id$v=");
    const auto kib = take(rest, "$m=");
    const auto passes = take(rest, ",t=");
    const auto lanes = take(rest, ",p=");
    if (hash.size() >= crypto_pwhash_STRBYTES || version != 19 || !kib || !passes || lanes != 1 ||
        !rest.starts_with('$') || hash.find('\0') != std::string_view::npos)
        return fail(Errc::bad_data, "not an Argon2id password hash");
    if (*kib > k_max_kib || *passes > k_max_passes)
        return fail(Errc::bad_data,
                    "the password hash asks for {} KiB and {} passes; at most {} and {}", *kib,
                    *passes, k_max_kib, k_max_passes);
    return {};
}

bool password_matches(std::string_view hash, std::string_view password) {
    if (!check_password_hash(hash) || password.empty() || password.size() > k_max_password)
        return false;
    const std::string text(hash);
    return crypto_pwhash_str_verify(text.c_str(), password.data(), password.size()) == 0;
}

} // namespace seal
