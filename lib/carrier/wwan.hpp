// The driver of type wwan.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &wwan_driver();

} // namespace carrier
