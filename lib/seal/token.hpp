// Texts that only who made them can read: control hands them out and gets them back.
#pragma once

#include "seal/secret.hpp"

namespace seal {

/// @p message encrypted and authenticated with @p key (32 bytes; XChaCha20-Poly1305, the random
/// nonce in front), base64url. @p context is not in it, but opening needs the same.
[[nodiscard]] std::string seal_token(ByteView key, std::string_view context, ByteView message);

/// bad_data when @p token was not made with that key and context, or was changed.
[[nodiscard]] base::Result<Secret> open_token(ByteView key, std::string_view context,
                                              std::string_view token);

} // namespace seal
