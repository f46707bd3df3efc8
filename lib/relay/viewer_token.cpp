#include "relay/viewer_token.hpp"

#include "seal/hash.hpp"

#include <algorithm>

namespace relay {

namespace {

constexpr std::size_t k_expiry_bytes = 8;
constexpr std::size_t k_mac_bytes = 16;

base::UtcTime expiry_of(const wire::FeedEntry &event) {
    return event.window.closes() + base::Seconds{event.retention_s};
}

seal::Bytes token_bytes(const seal::Secret &key, const wire::FeedEntry &event,
                        std::uint64_t expiry_ms) {
    seal::Bytes token(k_expiry_bytes);
    for (std::size_t i = 0; i < k_expiry_bytes; ++i)
        token[i] = static_cast<std::uint8_t>(expiry_ms >> (8 * (k_expiry_bytes - 1 - i)));
    std::string message = "viewer";
    for (const std::string_view part :
         {std::string_view{event.vid}, std::string_view{event.password_hash},
          seal::text_of(token)}) {
        message += '\0';
        message += part;
    }
    const auto mac = seal::hash256(seal::bytes_of(message), key.view());
    token.insert(token.end(), mac.begin(), mac.begin() + k_mac_bytes);
    return token;
}

} // namespace

std::string make_viewer_token(const seal::Secret &key, const wire::FeedEntry &event) {
    return seal::to_base64url(
        token_bytes(key, event, static_cast<std::uint64_t>(base::unix_ms(expiry_of(event)))));
}

bool check_viewer_token(const seal::Secret &key, const wire::FeedEntry &event,
                        std::string_view token, base::UtcTime now) {
    const auto given = seal::from_base64url(token);
    if (!given || given->size() != k_expiry_bytes + k_mac_bytes)
        return false;
    std::uint64_t expiry_ms = 0;
    for (std::size_t i = 0; i < k_expiry_bytes; ++i)
        expiry_ms = expiry_ms << 8U | (*given)[i];
    return seal::equal_secret(*given, token_bytes(key, event, expiry_ms)) &&
           now < expiry_of(event); // not the token's own: the event may have been extended since
}

} // namespace relay
