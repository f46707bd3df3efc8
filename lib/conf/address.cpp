#include "conf/address.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>

namespace conf {

using base::Errc;
using base::Result;

std::string Address::text() const {
    return is_v6() ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<std::string> canonical_ip(std::string_view text) {
    const std::string given{text};
    const int family = given.find(':') == std::string::npos ? AF_INET : AF_INET6;
    std::array<unsigned char, 16> binary{};
    std::array<char, INET6_ADDRSTRLEN> spelled{};
    if (::inet_pton(family, given.c_str(), binary.data()) != 1 ||
        ::inet_ntop(family, binary.data(), spelled.data(), spelled.size()) == nullptr)
        return base::fail(Errc::bad_data, "'{}' is not an IP address", text.substr(0, 64));
    return std::string(spelled.data());
}

Result<Address> parse_address(std::string_view text) {
    const auto bad = [&] {
        return base::fail_hint(Errc::bad_data, "write it as 192.0.2.1:8443 or [2001:db8::1]:8443",
                               "'{}' is not an IP address and port", text.substr(0, 64));
    };
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return bad();
    std::string_view host = text.substr(0, colon);
    const std::string_view digits = text.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    if (bracketed != (host.find(':') != std::string_view::npos))
        return bad();
    unsigned port = 0;
    const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const auto canonical = canonical_ip(host);
    if (err != std::errc{} || end != digits.data() + digits.size() || port < 1 || port > 65535 ||
        !canonical)
        return bad();
    return Address{*canonical, static_cast<std::uint16_t>(port)};
}

} // namespace conf
