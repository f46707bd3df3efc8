// Viewers' passwords: Argon2id (RFC 9106) in libsodium's text form, made by the distributor's
// terminal, checked by the relay; the password itself never reaches control.
#pragma once

#include "seal/encoding.hpp"

#include <string>
#include <string_view>

namespace seal {

/// `$argon2id$v=19$m=65536,t=2,p=1$…`, at most 127 characters. Takes about 0.1 s and 64 MiB.
/// Refuses an empty password and one over 1024 bytes.
[[nodiscard]] base::Result<std::string> hash_password(std::string_view password);

/// Fails with bad_data when @p hash is not such a text, or asks for more than 128 MiB or more than
/// 8 passes: whoever checks a password pays for it, and the hash comes from somebody else.
[[nodiscard]] base::Result<void> check_password_hash(std::string_view hash);

/// True when @p hash was made of @p password. False for anything else, a malformed hash included.
/// As slow as hash_password: not for a thread that serves others.
[[nodiscard]] bool password_matches(std::string_view hash, std::string_view password);

} // namespace seal
