// IPv4 and IPv6 addresses and prefixes as values, in network byte order.
#pragma once

#include "base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace route {

enum class Family : std::uint8_t { v4, v6 };
inline constexpr std::array k_families{Family::v4, Family::v6};

/// One address; IPv4 uses the first four bytes.
struct Address {
    Family family = Family::v4;
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Address &) const = default;

    /// Reads an IP literal (no name, no scope, no prefix length).
    [[nodiscard]] static base::Result<Address> parse(std::string_view text);
    /// From the bytes of a netlink attribute: 4 or 16 of them.
    [[nodiscard]] static Address from_bytes(std::span<const std::uint8_t> bytes);
    [[nodiscard]] static constexpr std::size_t size(Family family) {
        return family == Family::v4 ? 4 : 16;
    }
    [[nodiscard]] std::span<const std::uint8_t> view() const {
        return std::span{bytes}.first(size(family));
    }
    [[nodiscard]] std::string text() const;
    /// fe80::/10 or 169.254/16: valid on one link only, so never the source of a rule.
    [[nodiscard]] bool is_link_local() const;
};

/// The addresses that share the first `length` bits of `address`; the others are zero.
struct Prefix {
    Address address;
    std::uint8_t length = 0;

    auto operator<=>(const Prefix &) const = default;

    /// The prefix of @p length bits that @p address lies in.
    [[nodiscard]] static Prefix around(const Address &address, std::uint8_t length);
    /// The one address.
    [[nodiscard]] static Prefix host(const Address &address);
    /// 0.0.0.0/0 or ::/0.
    [[nodiscard]] static Prefix all(Family family) { return {Address{family, {}}, 0}; }
    [[nodiscard]] bool contains(const Address &other) const;
    /// `default`, `203.0.113.10` or `10.2.0.0/24`, as ip-route(8) prints it.
    [[nodiscard]] std::string text() const;
};

/// An address as an interface has it: with the length of the prefix that it shares with its link.
struct InterfaceAddress {
    Address address;
    std::uint8_t length = 0;

    auto operator<=>(const InterfaceAddress &) const = default;

    /// Reads `10.2.0.2/24`.
    [[nodiscard]] static base::Result<InterfaceAddress> parse(std::string_view text);
    [[nodiscard]] static InterfaceAddress alone(const Address &address);
    [[nodiscard]] Prefix prefix() const { return Prefix::around(address, length); }
    [[nodiscard]] std::string text() const;
};

} // namespace route
