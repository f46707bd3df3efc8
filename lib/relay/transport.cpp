#include "relay/transport.hpp"

#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace relay {

namespace {

constexpr int k_held = 512 * 1024;           // by the kernel for one viewer (it doubles it)
constexpr int k_held_tunnelled = 64 * 1024;  // besides: a cut throws it away
constexpr unsigned k_not_sent = 1024 * 1024; // ask for more when less than this waits
constexpr unsigned k_not_sent_live = 128 * 1024;
// For who forgot the s: a browser shows it.
constexpr std::string_view k_speak_tls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\nContent-Length: 32\r\nConnection: close\r\n\r\n"
    "this port takes https: URLs only";

} // namespace

Transport::Transport(base::Fd socket, std::shared_ptr<const net::TlsContext> context)
    : m_socket(std::move(socket)) {
    ::setsockopt(fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &k_not_sent, sizeof k_not_sent);
    if (!context)
        return;
    m_tls.emplace(std::move(context), m_socket.get());
    // What is encrypted is a copy for this viewer; other media are pages that all share, and the
    // kernel holds as much as the way to the viewer takes.
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &k_held, sizeof k_held);
}

Transport Transport::tunnelled(base::Fd socket) {
    Transport out{std::move(socket)};
    ::setsockopt(out.fd(), SOL_SOCKET, SO_SNDBUF, &k_held_tunnelled, sizeof k_held_tunnelled);
    out.m_tunnelled = true;
    return out;
}

Transport::Greeting Transport::greet() {
    if (!m_tls)
        return Greeting::done;
    switch (m_tls->handshake()) {
    case net::TlsSession::Step::done:
        return Greeting::done;
    case net::TlsSession::Step::read:
        return Greeting::read;
    case net::TlsSession::Step::write:
        return Greeting::write;
    case net::TlsSession::Step::plain:
        ::send(fd(), k_speak_tls.data(), k_speak_tls.size(), MSG_NOSIGNAL);
        break;
    case net::TlsSession::Step::failed:
        break;
    }
    std::ignore = hang_up();
    return Greeting::failed;
}

ssize_t Transport::receive(std::span<char> into) {
    return m_tls ? m_tls->receive(into) : ::recv(fd(), into.data(), into.size(), 0);
}

ssize_t Transport::send(std::string_view bytes, bool more) {
    return m_tls ? m_tls->send(bytes)
                 : ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

ssize_t Transport::send_media(Fanout &fanout, const Extent &extent, off_t offset,
                              std::size_t bytes) {
    return m_tls ? m_tls->send_file(extent.fd(), offset, bytes)
                 : fanout.send(fd(), extent, offset, bytes);
}

// Not for all answers: a segment would go out in ten pieces, each with a wakeup.
void Transport::hold_little() const {
    if (m_tunnelled)
        return; // it does
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDBUF, &k_held, sizeof k_held);
    ::setsockopt(fd(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &k_not_sent_live, sizeof k_not_sent_live);
}

Transport::Ending Transport::end() {
    if (m_tls && !m_tls->end())
        return errno == EAGAIN ? Ending::write : Ending::failed;
    // A tunnel closes when it has told the viewer. To be closed before that is a cut.
    return hang_up() || !m_tunnelled ? Ending::told : Ending::read;
}

// Unread bytes at close would reset the connection before the answer is read.
bool Transport::hang_up() const {
    ::shutdown(fd(), SHUT_WR);
    std::array<char, 4096> rest; // NOLINT(*-member-init): thrown away
    ssize_t n = 1;
    for (int i = 0; i < 16 && n > 0; ++i)
        n = ::recv(fd(), rest.data(), rest.size(), 0);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

} // namespace relay
