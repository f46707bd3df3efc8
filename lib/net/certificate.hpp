// A TLS certificate, as far as its owner looks into it. OpenSSL stays in the .cpp.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace net {

/// The first certificate of a PEM file. Immutable, so thread-safe.
class Certificate {
  public:
    /// config: unreadable, not a certificate, or @p key is not its private key.
    [[nodiscard]] static base::Result<Certificate> load(const std::filesystem::path &certificate,
                                                        const std::filesystem::path &key);
    Certificate(Certificate &&) noexcept;
    Certificate &operator=(Certificate &&) noexcept;
    ~Certificate();

    [[nodiscard]] base::UtcTime not_before() const;
    [[nodiscard]] base::UtcTime not_after() const;
    /// True when it stands for @p host, "name", "IP", "[IPv6]", each with or without ":port".
    [[nodiscard]] bool covers(std::string_view host) const;

  private:
    struct Impl;
    explicit Certificate(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> m_impl;
};

/// config when others than its owner and its group can read or replace the private key in @p file:
/// its group may read it, as Debian's ssl-cert does.
[[nodiscard]] base::Result<void> check_key_mode(const std::filesystem::path &file);

} // namespace net
