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

struct DhcpQuestion {
    std::string interface;
    std::string script; ///< carrier-lease's absolute path
    bool stays = false; ///< renews until it is ended, and gives back then; else ends with a lease
    int times = 5;      ///< to ask before it gives up
    int pause_s = 2;    ///< between two
};
[[nodiscard]] std::vector<std::string> dhcp_arguments(const DhcpQuestion &question);
/// All of its environment; @p lease is carrier-lease's variable.
[[nodiscard]] std::vector<std::string> dhcp_environment(const std::string &lease);

} // namespace line
