// The driver of type ppp.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &ppp_driver();

// For the tests.
/// How pppd(8) is called; @p folder is for its files. The password is not among it.
[[nodiscard]] std::vector<std::string> pppd_arguments(const Choice &choice,
                                                      const std::string &folder);
/// What chat(8) is to say to the modem.
[[nodiscard]] std::string chat_script(const wire::PppInfo &ppp);

} // namespace carrier
