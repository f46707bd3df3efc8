// Whether an interface, as it is now, is fit to reach a relay.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

/// Nothing for an empty text, or one that is no address.
[[nodiscard]] std::optional<route::Address> optional_address(const std::string &text);

/// unavailable, with the remedy, unless @p link has all that sending to @p relay over @p choice
/// needs: an address of its family, and one of @p gateways on its network or the relay itself
/// there.
[[nodiscard]] base::Result<void> check_reach(const Choice &choice, const Gateways &gateways,
                                             const route::Link &link, const route::Address &relay);

} // namespace carrier
