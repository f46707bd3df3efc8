// What a DHCP server said, as udhcpc(8) tells it to the program that it runs: in the environment,
// each option under a name. Whoever is on the line can be that server.
#pragma once

#include "line/grant.hpp"

#include <chrono>
#include <functional>

namespace line {

/// Looks a name up in an environment; null when it is not there.
using Variable = std::function<const char *(const char *name)>;

/// Address, mask, first router and MTU for `interface`, and nothing else that the server said.
/// bad_data: not as RFC 2131 and 2132 have it; judge() says the rest.
[[nodiscard]] base::Result<Grant> read_lease(const Variable &variable);

/// One that is said instead of being put: see k_say_lease.
struct Lease {
    Grant grant;
    std::chrono::seconds time{}; ///< from when it was said; at least one
    bool operator==(const Lease &) const = default;
};
/// How long it is good for; an hour where that is not said, or is no number.
[[nodiscard]] std::chrono::seconds lease_time(const Variable &variable);
/// A line.
[[nodiscard]] std::string to_text(const Lease &lease);
/// The line for one that is refused, with the reason.
[[nodiscard]] std::string refused_text(const base::Error &why);
/// The last that to_text() wrote among the lines of @p said. bad_data: one was refused;
/// unavailable: there is none.
[[nodiscard]] base::Result<Lease> find_lease(std::string_view said);

} // namespace line
