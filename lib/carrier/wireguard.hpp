// The driver of type wireguard.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &wireguard_driver();

// For the tests.
/// What `wg setconf` reads, secrets included. @p mark 0: the outer packets bear none.
[[nodiscard]] std::string wireguard_configuration(const wire::WireguardInfo &info,
                                                  std::uint32_t mark);
/// Whether a handshake was seen, in what `wg show IF latest-handshakes` printed.
[[nodiscard]] bool had_handshake(std::string_view shown);

} // namespace carrier
