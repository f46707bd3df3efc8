// The server's side of TLS on sockets that never block. OpenSSL stays in the .cpp.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"

#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <sys/types.h>

namespace net {

/// A certificate with its key, and the rules for connections that are made with them: TLS 1.2 or
/// later, HTTP/1.1 (ALPN, RFC 7301), no renegotiation. Immutable, so thread-safe.
class TlsContext {
  public:
    /// config: a file is unreadable, others may read the key, or one is not of the other.
    [[nodiscard]] static base::Result<std::shared_ptr<const TlsContext>>
    load(const std::filesystem::path &certificate, const std::filesystem::path &key);
    ~TlsContext();
    TlsContext(const TlsContext &) = delete;
    TlsContext &operator=(const TlsContext &) = delete;

    [[nodiscard]] base::UtcTime not_after() const { return m_not_after; }

  private:
    friend class TlsSession;
    struct Impl;
    TlsContext(std::unique_ptr<Impl> impl, base::UtcTime not_after);
    std::unique_ptr<Impl> m_impl;
    base::UtcTime m_not_after;
};

/// What new connections are made with, which may be replaced while a server runs. Thread-safe.
class TlsIdentity {
  public:
    [[nodiscard]] static base::Result<std::unique_ptr<TlsIdentity>>
    load(std::filesystem::path certificate, std::filesystem::path key);

    [[nodiscard]] std::shared_ptr<const TlsContext> current() const;
    /// Reads both files anew; with an error everything stays as it was.
    [[nodiscard]] base::Result<void> reload();

  private:
    TlsIdentity(std::filesystem::path certificate, std::filesystem::path key,
                std::shared_ptr<const TlsContext> first);
    std::filesystem::path m_certificate;
    std::filesystem::path m_key;
    mutable std::mutex m_mutex;
    std::shared_ptr<const TlsContext> m_current;
};

/// One connection. Not thread-safe. SIGPIPE must be ignored, as cli::run_tool() does.
///
/// It holds at most one record (16 KiB) of what it took and could not send: a send after that fails
/// with EAGAIN until the socket took the record, so what was taken always goes out as it was.
class TlsSession {
  public:
    enum class Step {
        done,
        read,   ///< again when the socket is readable
        write,  ///< again when the socket is writable
        plain,  ///< the peer speaks HTTP without TLS
        failed, ///< it was told why, as far as TLS lets
    };

    /// Serves @p socket, which it does not own, by @p context.
    TlsSession(std::shared_ptr<const TlsContext> context, int socket);
    ~TlsSession();
    TlsSession(TlsSession &&) noexcept;
    TlsSession &operator=(TlsSession &&) noexcept;

    /// Until it is done, nothing below may be called.
    [[nodiscard]] Step handshake();

    /// As recv(2): 0 when the peer said that it is done; -1 and errno.
    [[nodiscard]] ssize_t receive(std::span<char> into);
    /// Bytes were read from the socket that receive() has not given yet: no poll will tell of them.
    [[nodiscard]] bool has_input() const;
    /// As send(2): how many bytes it took, or -1 and errno.
    [[nodiscard]] ssize_t send(std::string_view bytes);
    /// As sendfile(2), by the kernel itself when in_kernel().
    [[nodiscard]] ssize_t send_file(int file, off_t offset, std::size_t bytes);
    /// True when all it took is the kernel's; else errno, EAGAIN when the socket is full.
    [[nodiscard]] bool flush();
    /// Says that nothing follows (close_notify), so that nobody can cut the end off unnoticed. True
    /// when that is said; else errno, EAGAIN when the socket is full.
    [[nodiscard]] bool end();
    /// The kernel encrypts what is sent (kTLS): nothing of a file is copied to this process.
    [[nodiscard]] bool in_kernel() const;

  private:
    [[nodiscard]] ssize_t failed(int outcome);
    [[nodiscard]] ssize_t take(std::size_t bytes);

    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace net
