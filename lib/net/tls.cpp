#include "net/tls.hpp"

#include "net/certificate.hpp"
#include "net/tls_rules.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <openssl/bio.h>
#include <openssl/err.h>

namespace net {

namespace fs = std::filesystem;
using base::Result;

namespace {

constexpr std::size_t k_record = 16384; // the most that one record of TLS holds
constexpr std::array<unsigned char, 9> k_http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// RFC 7301, 3.2: who offers only what we do not speak is refused.
int choose_protocol(SSL *, const unsigned char **out, unsigned char *size,
                    const unsigned char *offered, unsigned offered_size, void *) {
    unsigned char *chosen = nullptr;
    if (SSL_select_next_proto(&chosen, size, k_http_1_1.data(), k_http_1_1.size(), offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

} // namespace

struct TlsContext::Impl {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()),
                                                              &SSL_CTX_free};
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl, base::UtcTime not_after)
    : m_impl(std::move(impl)), m_not_after(not_after) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const fs::path &certificate,
                                                           const fs::path &key) {
    const Certificate first = TRY(Certificate::load(certificate, key)); // says best what is wrong
    TRY(check_key_mode(key));
    auto impl = std::make_unique<Impl>();
    SSL_CTX *const context = impl->context.get();
    if (context == nullptr)
        return base::fail(base::Errc::bug, "set up TLS");
    TRY(apply_tls_rules(context, certificate, key));
    SSL_CTX_set_options(context, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); // idle ones cost a third
    // Who comes back brings its ticket; nothing of it is remembered here.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    return std::shared_ptr<const TlsContext>{new TlsContext{std::move(impl), first.not_after()}};
}

TlsIdentity::TlsIdentity(fs::path certificate, fs::path key,
                         std::shared_ptr<const TlsContext> first)
    : m_certificate(std::move(certificate)), m_key(std::move(key)), m_current(std::move(first)) {}

Result<std::unique_ptr<TlsIdentity>> TlsIdentity::load(fs::path certificate, fs::path key) {
    auto first = TRY(TlsContext::load(certificate, key));
    return std::unique_ptr<TlsIdentity>{
        new TlsIdentity{std::move(certificate), std::move(key), std::move(first)}};
}

std::shared_ptr<const TlsContext> TlsIdentity::current() const {
    const std::lock_guard lock{m_mutex};
    return m_current;
}

Result<void> TlsIdentity::reload() {
    auto next = TRY(TlsContext::load(m_certificate, m_key));
    const std::lock_guard lock{m_mutex};
    m_current.swap(next);
    return {};
}

struct TlsSession::Impl {
    using Record = std::array<char, k_record>;

    std::shared_ptr<const TlsContext> context; // alive as long as its sessions
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl;
    // What was taken and is not sent: SSL_write must be called with the same bytes at the same
    // place until it took them, and the kernel may read from there.
    std::unique_ptr<Record> record;
    std::size_t held = 0;
    bool broken = false; // after a fatal error nothing may be sent, a farewell neither
};

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, int socket)
    : m_impl(new Impl{.context = std::move(context), .ssl = {nullptr, &SSL_free}, .record = {}}) {
    m_impl->ssl.reset(SSL_new(m_impl->context->m_impl->context.get()));
    m_impl->broken = !m_impl->ssl || SSL_set_fd(m_impl->ssl.get(), socket) != 1;
}

TlsSession::TlsSession(TlsSession &&) noexcept = default;
TlsSession &TlsSession::operator=(TlsSession &&) noexcept = default;
TlsSession::~TlsSession() = default;

TlsSession::Step TlsSession::handshake() {
    if (m_impl->broken)
        return Step::failed;
    ERR_clear_error();
    const int outcome = SSL_accept(m_impl->ssl.get());
    switch (SSL_get_error(m_impl->ssl.get(), outcome)) {
    case SSL_ERROR_NONE:
        return Step::done;
    case SSL_ERROR_WANT_READ:
        return Step::read;
    case SSL_ERROR_WANT_WRITE:
        return Step::write;
    default:
        break;
    }
    m_impl->broken = true;
    const int reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    return reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST ? Step::plain
                                                                               : Step::failed;
}

// -1, and errno for what OpenSSL says of @p outcome.
ssize_t TlsSession::failed(int outcome) {
    const int system = errno;
    switch (SSL_get_error(m_impl->ssl.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_SYSCALL:
        errno = system == 0 || system == EAGAIN ? ECONNRESET : system;
        break;
    default:
        errno = EPROTO;
    }
    m_impl->broken = true;
    ERR_clear_error();
    return -1;
}

ssize_t TlsSession::receive(std::span<char> into) {
    if (m_impl->broken) {
        errno = ECONNRESET;
        return -1;
    }
    ERR_clear_error();
    const int n = SSL_read(m_impl->ssl.get(), into.data(), static_cast<int>(into.size()));
    if (n > 0)
        return n;
    return SSL_get_error(m_impl->ssl.get(), n) == SSL_ERROR_ZERO_RETURN ? 0 : failed(n);
}

bool TlsSession::has_input() const {
    return !m_impl->broken && SSL_pending(m_impl->ssl.get()) > 0;
}

bool TlsSession::flush() {
    if (m_impl->broken) {
        errno = ECONNRESET;
        return false;
    }
    if (m_impl->held == 0)
        return true;
    ERR_clear_error();
    const int n = SSL_write(m_impl->ssl.get(), m_impl->record->data(), // all of it, or nothing yet
                            static_cast<int>(m_impl->held));
    if (n <= 0) {
        (void)failed(n);
        return false;
    }
    m_impl->held = 0;
    m_impl->record.reset();
    return true;
}

// The record's first @p bytes are taken.
ssize_t TlsSession::take(std::size_t bytes) {
    m_impl->held = bytes;
    return flush() || errno == EAGAIN ? static_cast<ssize_t>(bytes) : -1;
}

ssize_t TlsSession::send(std::string_view bytes) {
    if (!flush())
        return -1;
    const std::size_t size = std::min(bytes.size(), k_record);
    m_impl->record = std::make_unique_for_overwrite<Impl::Record>();
    std::memcpy(m_impl->record->data(), bytes.data(), size);
    return take(size);
}

ssize_t TlsSession::send_file(int file, off_t offset, std::size_t bytes) {
    if (!flush())
        return -1;
    if (in_kernel()) {
        ERR_clear_error();
        const ssize_t n =
            SSL_sendfile(m_impl->ssl.get(), file, offset, std::min(bytes, std::size_t{1} << 20), 0);
        return n > 0 ? n : failed(static_cast<int>(n));
    }
    m_impl->record = std::make_unique_for_overwrite<Impl::Record>();
    const ssize_t n =
        ::pread(file, m_impl->record->data(), std::min(bytes, m_impl->record->size()), offset);
    if (n > 0)
        return take(static_cast<std::size_t>(n));
    m_impl->record.reset();
    return n;
}

bool TlsSession::end() {
    if (!flush())
        return false;
    ERR_clear_error();
    const int said = SSL_shutdown(m_impl->ssl.get()); // 0: the peer's farewell is not waited for
    return said >= 0 || failed(said) == 0;
}

bool TlsSession::in_kernel() const {
    return !m_impl->broken && BIO_get_ktls_send(SSL_get_wbio(m_impl->ssl.get()));
}

} // namespace net
