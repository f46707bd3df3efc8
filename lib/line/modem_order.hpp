// What carrier-connect tells carrier-modem to connect. It crosses a pipe, since it holds secrets.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace line {

struct ModemOrder {
    std::string interface; ///< the modem's: rules and guard stand for it
    std::string modem;     ///< which: a path, its end, or an identifier; empty: the only one
    std::string apn;
    std::string user;     ///< or empty
    std::string password; ///< a secret, or empty
    std::string ip_type;  ///< ipv4, ipv6 or ipv4v6
    std::string pin;      ///< a secret: the SIM's, or empty
    bool operator==(const ModemOrder &) const = default;
};

[[nodiscard]] std::string to_text(const ModemOrder &order);
[[nodiscard]] base::Result<ModemOrder> read_modem_order(std::string_view text);

} // namespace line
