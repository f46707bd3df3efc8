// An address and a port as sendto(2) and bind(2) take them; for the files of this module only.
#pragma once

#include "route/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace carrier {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    SocketAddress(const route::Address &address, std::uint16_t port) {
        if (address.family == route::Family::v4) {
            auto &v4 = reinterpret_cast<sockaddr_in &>(storage);
            v4.sin_family = AF_INET;
            v4.sin_port = htons(port);
            std::ranges::copy(address.view(), reinterpret_cast<std::uint8_t *>(&v4.sin_addr));
            size = sizeof v4;
        } else {
            auto &v6 = reinterpret_cast<sockaddr_in6 &>(storage);
            v6.sin6_family = AF_INET6;
            v6.sin6_port = htons(port);
            std::ranges::copy(address.view(), reinterpret_cast<std::uint8_t *>(&v6.sin6_addr));
            size = sizeof v6;
        }
    }
    [[nodiscard]] const sockaddr *get() const {
        return reinterpret_cast<const sockaddr *>(&storage);
    }
};

} // namespace carrier
