// Which addresses of the Internet are public, for connections that somebody else chose.
#pragma once

#include "base/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace net {

/// An IP address; an IPv4-mapped IPv6 address is an IPv6 one.
struct Ip {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{}; ///< 4 of them, or 16, in network order

    [[nodiscard]] static std::optional<Ip> of(const sockaddr &address);
    [[nodiscard]] static std::optional<Ip> parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    bool operator==(const Ip &) const = default;
};

/// All addresses that begin with the same bits.
struct Network {
    Ip first;
    int bits = 0;

    /// `10.1.0.0/16`, `2001:db8::/32`, or one address. bad_data: bits beyond the prefix are set.
    [[nodiscard]] static base::Result<Network> parse(std::string_view text);
    [[nodiscard]] bool contains(const Ip &ip) const;
    [[nodiscard]] std::string text() const;
};

/// Whether @p ip is one that anybody may have on the Internet: no private, loopback, link-local,
/// unique-local, multicast, shared (RFC 6598), documentation, benchmarking or reserved one, and
/// none that only stands for an IPv4 address (mapped, 6to4, Teredo, NAT64). IANA's
/// special-purpose registries (RFC 6890), read strictly.
[[nodiscard]] bool is_public(const Ip &ip);

} // namespace net
