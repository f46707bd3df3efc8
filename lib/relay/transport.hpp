// How bytes get to a viewer and from him: a socket, plain or with TLS.
#pragma once

#include "base/fd.hpp"
#include "net/tls.hpp"
#include "relay/fanout.hpp"

#include <optional>

namespace relay {

/// Never blocks. Not thread-safe; of one connection.
///
/// Media goes from its extent's memory to the socket without a copy, by the worker's Fanout; with
/// TLS by sendfile(2) where the kernel encrypts, else through one record of 16 KiB.
class Transport {
  public:
    explicit Transport(base::Fd socket) : m_socket(std::move(socket)) {}
    Transport(base::Fd socket, std::shared_ptr<const net::TlsContext> context);
    /// By a TlsTunnel at the other end of @p socket.
    [[nodiscard]] static Transport tunnelled(base::Fd socket);

    /// What there is to do before the first byte of a request.
    enum class Greeting { done, read, write, failed };
    [[nodiscard]] Greeting greet();

    /// As recv(2), send(2) with MSG_MORE for @p more, and sendfile(2) from @p extent. What TLS took
    /// may be held back until flush().
    [[nodiscard]] ssize_t receive(std::span<char> into);
    [[nodiscard]] ssize_t send(std::string_view bytes, bool more);
    [[nodiscard]] ssize_t send_media(Fanout &fanout, const Extent &extent, off_t offset,
                                     std::size_t bytes);
    /// receive() has more than the socket tells of.
    [[nodiscard]] bool has_input() const { return m_tls && m_tls->has_input(); }
    /// True when the kernel has all that was sent; else errno, EAGAIN when the socket is full.
    [[nodiscard]] bool flush() { return !m_tls || m_tls->flush(); }
    /// Tells the viewer that it was all, in such a way that he reads it before the connection goes.
    enum class Ending { told, read, write, failed };
    [[nodiscard]] Ending end();

    [[nodiscard]] int fd() const { return m_socket.get(); }
    [[nodiscard]] bool is_secure() const { return m_tls.has_value(); }
    [[nodiscard]] bool is_tunnelled() const { return m_tunnelled; }
    /// What a viewer of live media is slow to take waits in the store rather than in the kernel.
    void hold_little() const;
    /// The kernel does what there is to do of TLS.
    [[nodiscard]] bool in_kernel() const { return m_tls && m_tls->in_kernel(); }

  private:
    [[nodiscard]] bool hang_up() const; ///< true when the peer has closed, too

    base::Fd m_socket;
    std::optional<net::TlsSession> m_tls;
    bool m_tunnelled = false;
};

} // namespace relay
