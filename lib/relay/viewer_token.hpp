// The token in the URL of a viewer who gave the password: made and checked without any state.
#pragma once

#include "seal/secret.hpp"
#include "wire/feed.hpp"

namespace relay {

/// Of one event and one password: makes and checks their tokens, and no others. A secret.
[[nodiscard]] seal::Secret viewer_token_key(const seal::Secret &key, const wire::FeedEntry &event);

/// 32 base64url characters: the expiry, and 16 bytes of the keyed BLAKE2b of it. It is good for
/// this event and this password until the event is no longer kept, however often it is extended.
[[nodiscard]] std::string make_viewer_token(const seal::Secret &key, const wire::FeedEntry &event);

[[nodiscard]] bool check_viewer_token(const seal::Secret &key, const wire::FeedEntry &event,
                                      std::string_view token, base::UtcTime now);

/// The same for who has viewer_token_key() alone, and does not look at the time.
[[nodiscard]] bool is_viewer_token(seal::ByteView event_key, std::string_view token);

} // namespace relay
