#include "net/tls_rules.hpp"

#include <openssl/err.h>

namespace net {

using base::Errc;
using base::fail_hint;

namespace {

// OpenSSL's word for the oldest of what went wrong.
std::string cause() {
    const char *const reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return reason == nullptr ? "cannot be used" : reason;
}

} // namespace

base::Result<void> apply_tls_rules(SSL_CTX *context, const std::filesystem::path &certificate,
                                   const std::filesystem::path &key) {
    ERR_clear_error();
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
        return base::fail(Errc::bug, "set up TLS 1.2");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An encrypted key fails instead of asking on the terminal.
    SSL_CTX_set_default_passwd_cb(context, [](char *, int, int, void *) { return 0; });
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1)
        return fail_hint(Errc::config, "it must be a readable PEM file, the server's own first",
                         "load TLS certificate {}: {}", certificate.native(), cause());
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return fail_hint(Errc::config, "it must be a readable PEM file and go with the certificate",
                         "load TLS key {}: {}", key.native(), cause());
    return {};
}

} // namespace net
