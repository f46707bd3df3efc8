// The driver of type ppp.
#pragma once

#include "carrier/driver.hpp"

namespace carrier {

[[nodiscard]] const LineDriver &ppp_driver();

// For the tests.
/// Why pppd(8) ended, from its exit code, where that is known, and what it said; empty: neither
/// tells.
[[nodiscard]] std::string why_ended(std::optional<int> exit_code, std::string_view log);
/// How pppd(8) is called; @p folder is for its files. The password is not among it.
[[nodiscard]] std::vector<std::string> pppd_arguments(const Choice &choice,
                                                      const std::string &folder);
/// What chat(8) is to say to the modem.
[[nodiscard]] std::string chat_script(const wire::PppInfo &ppp);

} // namespace carrier
