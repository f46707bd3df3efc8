// A port for a listener that takes no 0.
#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

/// On loopback; nobody had it a moment ago.
inline std::uint16_t free_udp_port() {
    const base::Fd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr *>(&at), size) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr *>(&at), &size) == 0);
    return ntohs(at.sin_port);
}
