// What a DHCP server said, as udhcpc(8) tells it to the program that it runs: in the environment,
// each option under a name. Whoever is on the line can be that server.
#pragma once

#include "line/grant.hpp"

#include <functional>

namespace line {

/// Looks a name up in an environment; null when it is not there.
using Variable = std::function<const char *(const char *name)>;

/// Address, mask, first router and MTU for `interface`, and nothing else that the server said.
/// bad_data: not as RFC 2131 and 2132 have it; judge() says the rest.
[[nodiscard]] base::Result<Grant> read_lease(const Variable &variable);

} // namespace line
