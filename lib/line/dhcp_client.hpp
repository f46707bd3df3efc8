// How udhcpc(8) is run: it speaks with the server and changes nothing itself. What it runs for
// that, in place of a shell script, is carrier-lease, which is told by one variable what to do with
// a lease.
#pragma once

#include <string>
#include <vector>

namespace line {

inline constexpr const char *k_dhcp_client = "/usr/sbin/udhcpc";
/// To carrier-lease: the file of the grant, which it puts; or k_say_lease: it says the lease.
inline constexpr const char *k_lease_variable = "SLOTCAST_GRANT";
inline constexpr const char *k_say_lease = "-";

enum class DhcpStay {
    renews, ///< until it is ended; then it gives the lease back
    leaves, ///< when it has a lease
};

/// Five questions on @p interface, two seconds apart; without an answer it ends. @p script:
/// carrier-lease's absolute path.
[[nodiscard]] std::vector<std::string> dhcp_arguments(const std::string &interface,
                                                      const std::string &script, DhcpStay stay);
/// All of its environment; @p lease is carrier-lease's variable.
[[nodiscard]] std::vector<std::string> dhcp_environment(const std::string &lease);

} // namespace line
