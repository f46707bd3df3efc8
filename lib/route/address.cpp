#include "route/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace route {

base::Result<Address> Address::parse(std::string_view text) {
    const std::string given{text};
    Address out;
    out.family = given.find(':') == std::string::npos ? Family::v4 : Family::v6;
    if (::inet_pton(out.family == Family::v4 ? AF_INET : AF_INET6, given.c_str(),
                    out.bytes.data()) != 1)
        return base::fail(base::Errc::bad_data, "'{}' is not an IP address", text.substr(0, 64));
    return out;
}

Address Address::from_bytes(std::span<const std::uint8_t> bytes) {
    Address out;
    out.family = bytes.size() == 4 ? Family::v4 : Family::v6;
    std::ranges::copy(bytes.first(std::min(bytes.size(), out.bytes.size())), out.bytes.begin());
    return out;
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    ::inet_ntop(family == Family::v4 ? AF_INET : AF_INET6, bytes.data(), out.data(), out.size());
    return out.data();
}

bool Address::is_link_local() const {
    if (family == Family::v4)
        return bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
}

Prefix Prefix::around(const Address &address, std::uint8_t length) {
    Prefix out{address, length};
    const std::size_t bits = Address::size(address.family) * 8;
    for (std::size_t bit = length; bit < bits; ++bit)
        out.address.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
    return out;
}

Prefix Prefix::host(const Address &address) {
    return {address, static_cast<std::uint8_t>(Address::size(address.family) * 8)};
}

bool Prefix::contains(const Address &other) const {
    return other.family == address.family && around(other, length).address == address;
}

std::string Prefix::text() const {
    if (length == 0)
        return "default";
    if (length == Address::size(address.family) * 8)
        return address.text();
    return fmt::format("{}/{}", address.text(), length);
}

base::Result<InterfaceAddress> InterfaceAddress::parse(std::string_view text) {
    const std::size_t slash = std::min(text.find('/'), text.size());
    InterfaceAddress out{TRY(Address::parse(text.substr(0, slash))), 0};
    const std::string_view digits = text.substr(std::min(slash + 1, text.size()));
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.length);
    if (error != std::errc{} || end != digits.data() + digits.size() ||
        out.length > 8 * Address::size(out.address.family))
        return base::fail(base::Errc::bad_data, "'{}' is not an address with its prefix's length",
                          text.substr(0, 64));
    return out;
}

InterfaceAddress InterfaceAddress::alone(const Address &address) {
    return {address, static_cast<std::uint8_t>(8 * Address::size(address.family))};
}

std::string InterfaceAddress::text() const {
    return fmt::format("{}/{}", address.text(), length);
}

} // namespace route
