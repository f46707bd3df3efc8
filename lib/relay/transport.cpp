#include "relay/transport.hpp"

#include <array>
#include <sys/sendfile.h>
#include <sys/socket.h>

namespace relay {

namespace {

// For who forgot the s: a browser shows it.
constexpr std::string_view k_speak_tls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Cache-Control: no-store\r\nContent-Length: 32\r\nConnection: close\r\n\r\n"
    "this port takes https: URLs only";

} // namespace

Transport::Transport(base::Fd socket, std::shared_ptr<const net::TlsContext> context)
    : m_socket(std::move(socket)) {
    if (context)
        m_tls.emplace(std::move(context), m_socket.get());
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
    hang_up();
    return Greeting::failed;
}

ssize_t Transport::receive(std::span<char> into) {
    return m_tls ? m_tls->receive(into) : ::recv(fd(), into.data(), into.size(), 0);
}

ssize_t Transport::send(std::string_view bytes, bool more) {
    return m_tls ? m_tls->send(bytes)
                 : ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
}

ssize_t Transport::send_file(int file, off_t offset, std::size_t bytes) {
    return m_tls ? m_tls->send_file(file, offset, bytes) : ::sendfile(fd(), file, &offset, bytes);
}

bool Transport::end() {
    if (m_tls && !m_tls->end())
        return false;
    hang_up();
    return true;
}

// Unread bytes at close would reset the connection before the answer is read.
void Transport::hang_up() {
    ::shutdown(fd(), SHUT_WR);
    std::array<char, 4096> rest; // NOLINT(*-member-init): thrown away
    for (int i = 0; i < 16 && ::recv(fd(), rest.data(), rest.size(), 0) > 0; ++i) {
    }
}

} // namespace relay
