#include "relay/viewer_number.hpp"

#include <functional>
#include <string>

namespace relay {

std::uint64_t viewer_number(const net::Ip &address, std::string_view user_agent) {
    constexpr std::size_t k_counted = 8; // bytes of IPv6
    const std::string counted{reinterpret_cast<const char *>(address.bytes.data()),
                              address.v6 ? k_counted : 4U};
    return std::hash<std::string>{}(counted + '\n' + std::string(user_agent));
}

} // namespace relay
