#include "relay/listener.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/tcp.h>
#include <span>
#include <sys/socket.h>

namespace relay {

using base::Result;

namespace {

constexpr int k_backlog = 1024; // or net.core.somaxconn
constexpr unsigned k_user_timeout_ms = 10'000;

template <typename T> bool set_option(int fd, int level, int name, T value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool is_loopback(const sockaddr_storage &peer) {
    if (peer.ss_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(peer);
        return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
    }
    const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(peer);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

} // namespace

Result<base::Fd> listen_on(const conf::Address &address) {
    sockaddr_storage where{};
    socklen_t size = 0;
    if (address.is_v6()) {
        auto &v6 = reinterpret_cast<sockaddr_in6 &>(where);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
        size = sizeof v6;
    } else {
        auto &v4 = reinterpret_cast<sockaddr_in &>(where);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
        size = sizeof v4;
    }
    base::Fd fd{::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return base::fail_errno("open", "socket");
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.is_v6())
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&where), size) != 0 ||
        ::listen(fd.get(), k_backlog) != 0) {
        auto error = base::fail_errno("listen on", address.text()).error();
        if (errno == EADDRINUSE || errno == EADDRNOTAVAIL) {
            error.code = base::Errc::unavailable;
            error.hint = "ss -ltnp shows who has it, ip address which addresses are here";
        }
        return std::unexpected(std::move(error));
    }
    return fd;
}

namespace {

// RFC 4291, 2.5.5.2: a listener for both families shows IPv4 within IPv6.
net::Ip address_of(const sockaddr_storage &peer) {
    constexpr std::size_t k_prefix = 12;
    const auto ip = net::Ip::of(reinterpret_cast<const sockaddr &>(peer)).value_or(net::Ip{});
    static constexpr std::array<std::uint8_t, k_prefix> k_mapped{0, 0, 0, 0, 0,    0,
                                                                 0, 0, 0, 0, 0xff, 0xff};
    if (!ip.v6 || !std::ranges::equal(k_mapped, std::span{ip.bytes}.first<k_prefix>()))
        return ip;
    net::Ip out;
    std::ranges::copy(std::span{ip.bytes}.subspan<k_prefix>(), out.bytes.begin());
    return out;
}

} // namespace

Accepted accept_viewer(int listener) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    base::Fd fd{::accept4(listener, reinterpret_cast<sockaddr *>(&peer), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK)};
    if (!fd)
        return {};
    set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, k_user_timeout_ms);
    return {.socket = std::move(fd), .loopback = is_loopback(peer), .address = address_of(peer)};
}

void turn_away(int socket) {
    static constexpr std::string_view k_answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Cache-Control: no-store\r\nRetry-After: 10\r\nContent-Length: 38\r\n"
        "Connection: close\r\n\r\ntoo many connections from one address\n";
    // A request that is not read makes the end of the connection a reset, which may overtake us.
    [[maybe_unused]] ssize_t n = ::recv(socket, nullptr, 65536, MSG_TRUNC | MSG_DONTWAIT);
    n = ::send(socket, k_answer.data(), k_answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

} // namespace relay
