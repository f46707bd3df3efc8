// "IP:port" as it stands in configuration files.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace conf {

/// An IP literal (never a name) and a port.
struct Address {
    std::string host; ///< in the system's canonical spelling, without brackets
    std::uint16_t port = 0;

    bool operator==(const Address &) const = default;
    [[nodiscard]] bool is_v6() const { return host.find(':') != std::string::npos; }
    /// `192.0.2.1:80` or `[2001:db8::1]:80`.
    [[nodiscard]] std::string text() const;
};

/// Reads what Address::text() prints; port 1 to 65535.
[[nodiscard]] base::Result<Address> parse_address(std::string_view text);

/// The canonical spelling of an IPv4 or IPv6 literal, so that equal addresses are equal texts;
/// bad_data when it is none. No scopes (`%eth0`).
[[nodiscard]] base::Result<std::string> canonical_ip(std::string_view text);

} // namespace conf
