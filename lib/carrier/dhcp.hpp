// The driver of type link where its address comes by DHCP.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &dhcp_driver();

} // namespace carrier
