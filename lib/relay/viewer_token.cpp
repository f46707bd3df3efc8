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

seal::Bytes token_bytes(seal::ByteView event_key, std::uint64_t expiry_ms) {
    seal::Bytes token(k_expiry_bytes);
    for (std::size_t i = 0; i < k_expiry_bytes; ++i)
        token[i] = static_cast<std::uint8_t>(expiry_ms >> (8 * (k_expiry_bytes - 1 - i)));
    const auto mac = seal::hash256(token, event_key);
    token.insert(token.end(), mac.begin(), mac.begin() + k_mac_bytes);
    return token;
}

} // namespace

seal::Secret viewer_token_key(const seal::Secret &key, const wire::FeedEntry &event) {
    std::string message = "viewer";
    for (const std::string_view part :
         {std::string_view{event.vid}, std::string_view{event.password_hash}}) {
        message += '\0';
        message += part;
    }
    return seal::Secret{seal::hash256(seal::bytes_of(message), key.view())};
}

std::string make_viewer_token(const seal::Secret &key, const wire::FeedEntry &event) {
    return seal::to_base64url(
        token_bytes(viewer_token_key(key, event).view(),
                    static_cast<std::uint64_t>(base::unix_ms(expiry_of(event)))));
}

bool check_viewer_token(const seal::Secret &key, const wire::FeedEntry &event,
                        std::string_view token, base::UtcTime now) {
    // Not the token's own expiry: the event may have been extended since.
    return is_viewer_token(viewer_token_key(key, event).view(), token) && now < expiry_of(event);
}

bool is_viewer_token(seal::ByteView event_key, std::string_view token) {
    const auto given = seal::from_base64url(token);
    if (!given || given->size() != k_expiry_bytes + k_mac_bytes)
        return false;
    std::uint64_t expiry_ms = 0;
    for (std::size_t i = 0; i < k_expiry_bytes; ++i)
        expiry_ms = expiry_ms << 8U | (*given)[i];
    return seal::equal_secret(*given, token_bytes(event_key, expiry_ms));
}

} // namespace relay
