// What a viewer over TLS costs a server, without what it costs the viewer: he agrees, asks, and
// throws away what comes as it is, encrypted.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <openssl/ssl.h>
#include <string>

namespace load {

/// Agrees on TLS over @p socket, which blocks, and sends @p request. The certificate is not looked
/// at.
inline base::Result<void> ask_by_tls(int socket, const std::string &request) {
    static const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{
        SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
    const std::unique_ptr<SSL, decltype(&SSL_free)> ssl{SSL_new(context.get()), &SSL_free};
    if (!ssl || SSL_set_fd(ssl.get(), socket) != 1 || SSL_connect(ssl.get()) != 1 ||
        SSL_write(ssl.get(), request.data(), static_cast<int>(request.size())) <= 0)
        return base::fail(base::Errc::protocol, "no agreement on TLS");
    return {};
}

} // namespace load
