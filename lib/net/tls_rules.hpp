// What every TLS server of ours holds to. Internal to net: OpenSSL's types are in it.
#pragma once

#include "base/result.hpp"

#include <filesystem>
#include <openssl/ssl.h>

namespace net {

/// TLS 1.2 or later without renegotiation and compression, with the chain in @p certificate and its
/// @p key. config: unreadable, encrypted, or not of each other.
[[nodiscard]] base::Result<void> apply_tls_rules(SSL_CTX *context,
                                                 const std::filesystem::path &certificate,
                                                 const std::filesystem::path &key);

} // namespace net
