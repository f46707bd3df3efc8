// The token in the URL of a viewer who gave the password: made and checked without any state.
#pragma once

#include "seal/secret.hpp"
#include "wire/feed.hpp"

namespace relay {

/// 32 base64url characters: the expiry and BLAKE2b-128(key, VID, password hash, expiry). It is
/// good for this event and this password until the event is no longer kept.
[[nodiscard]] std::string make_viewer_token(const seal::Secret &key, const wire::FeedEntry &event);

[[nodiscard]] bool check_viewer_token(const seal::Secret &key, const wire::FeedEntry &event,
                                      std::string_view token, base::UtcTime now);

} // namespace relay
