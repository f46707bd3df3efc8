#include "line/dhcp_client.hpp"

namespace line {

std::vector<std::string> dhcp_arguments(const DhcpQuestion &question) {
    std::vector<std::string> out{k_dhcp_client, "-f", "-n"};
    out.insert(out.end(), {"-t", std::to_string(question.times)});
    out.insert(out.end(), {"-T", std::to_string(question.pause_s)});
    out.insert(out.end(), {"-i", question.interface, "-s", question.script, "-V", "", "-o"});
    out.insert(out.end(), {"-O", "subnet", "-O", "router", "-O", "mtu", "-O", "lease"});
    out.emplace_back(question.stays ? "-R" : "-q");
    return out;
}

std::vector<std::string> dhcp_environment(const std::string &lease) {
    return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
            std::string(k_lease_variable) + '=' + lease};
}

} // namespace line
