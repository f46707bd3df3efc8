#include "line/dhcp_client.hpp"

namespace line {

std::vector<std::string> dhcp_arguments(const std::string &interface, const std::string &script,
                                        DhcpStay stay) {
    std::vector<std::string> out{k_dhcp_client, "-f", "-n", "-t", "5", "-T", "2"};
    out.insert(out.end(), {"-i", interface, "-s", script, "-V", "", "-o"});
    out.insert(out.end(), {"-O", "subnet", "-O", "router", "-O", "mtu", "-O", "lease"});
    out.emplace_back(stay == DhcpStay::renews ? "-R" : "-q");
    return out;
}

std::vector<std::string> dhcp_environment(const std::string &lease) {
    return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
            std::string(k_lease_variable) + '=' + lease};
}

} // namespace line
