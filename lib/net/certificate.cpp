#include "net/certificate.hpp"

#include "base/file.hpp"

#include <array>
#include <ctime>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

namespace net {

namespace fs = std::filesystem;
using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_max_pem = 1U << 20U;

struct Free {
    void operator()(X509 *p) const { X509_free(p); }
    void operator()(EVP_PKEY *p) const { EVP_PKEY_free(p); }
    void operator()(BIO *p) const { BIO_free(p); }
};
template <typename T> using Owned = std::unique_ptr<T, Free>;

Result<std::string> read_pem(const fs::path &path) {
    auto text = base::read_regular_file(path, k_max_pem);
    if (!text)
        return std::unexpected(base::Error{Errc::config, text.error().message, text.error().hint});
    return text;
}

Owned<BIO> memory(const std::string &text) {
    return Owned<BIO>{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

base::UtcTime time_of(const ASN1_TIME *time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return {};
    return base::UtcTime{base::Seconds{::timegm(&parts)}};
}

} // namespace

struct Certificate::Impl {
    Owned<X509> x509;
};

Certificate::Certificate(std::unique_ptr<Impl> impl) : m_impl(std::move(impl)) {}
Certificate::Certificate(Certificate &&) noexcept = default;
Certificate &Certificate::operator=(Certificate &&) noexcept = default;
Certificate::~Certificate() = default;

Result<Certificate> Certificate::load(const fs::path &certificate, const fs::path &key) {
    const std::string cert_text = TRY(read_pem(certificate));
    std::string key_text = TRY(read_pem(key));
    auto impl = std::make_unique<Impl>();
    impl->x509.reset(PEM_read_bio_X509(memory(cert_text).get(), nullptr, nullptr, nullptr));
    if (!impl->x509)
        return base::fail(Errc::config, "read {}: not a certificate in PEM form",
                          certificate.native());
    // An empty password: an encrypted key fails instead of asking on the terminal.
    std::array<char, 1> no_password{};
    const Owned<EVP_PKEY> pkey{
        PEM_read_bio_PrivateKey(memory(key_text).get(), nullptr, nullptr, no_password.data())};
    OPENSSL_cleanse(key_text.data(), key_text.size());
    if (!pkey)
        return base::fail(Errc::config, "read {}: not a private key in PEM form, or encrypted",
                          key.native());
    if (X509_check_private_key(impl->x509.get(), pkey.get()) != 1)
        return base::fail(Errc::config, "{} is not the private key of {}", key.native(),
                          certificate.native());
    return Certificate{std::move(impl)};
}

base::UtcTime Certificate::not_before() const {
    return time_of(X509_get0_notBefore(m_impl->x509.get()));
}

base::UtcTime Certificate::not_after() const {
    return time_of(X509_get0_notAfter(m_impl->x509.get()));
}

bool Certificate::covers(std::string_view host) const {
    if (host.starts_with('[')) {
        host = host.substr(1, host.find(']') - 1);
    } else if (host.find(':') == host.rfind(':')) {
        host = host.substr(0, host.find(':'));
    }
    const std::string name{host};
    if (name.empty())
        return false;
    return X509_check_ip_asc(m_impl->x509.get(), name.c_str(), 0) == 1 ||
           X509_check_host(m_impl->x509.get(), name.data(), name.size(), 0, nullptr) == 1;
}

Result<void> check_key_mode(const fs::path &file) {
    struct stat info{};
    if (::stat(file.c_str(), &info) != 0)
        return base::fail_errno("look at", file.native());
    if ((info.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        return base::fail_hint(Errc::config, "chmod 600 " + file.native(),
                               "{}: mode {:04o} lets others read or replace it", file.native(),
                               info.st_mode & 07777U);
    return {};
}

} // namespace net
