#include "line/lease.hpp"

#include <charconv>

namespace line {

using base::Errc;
using base::Result;
using route::Address;
using route::Family;

namespace {

Result<std::uint32_t> number(std::string_view what, std::string_view text, std::uint32_t most) {
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out > most)
        return base::fail(Errc::bad_data, "{} '{}' is none", what, text.substr(0, 32));
    return out;
}

Result<Address> address(std::string_view text) {
    const Address out = TRY(Address::parse(text));
    if (out.family != Family::v4)
        return base::fail(Errc::bad_data, "'{}' is not an IPv4 address", text.substr(0, 64));
    return out;
}

} // namespace

Result<Grant> read_lease(const Variable &variable) {
    const auto text = [&](const char *name) {
        const char *found = variable(name);
        return found == nullptr ? std::string_view{} : std::string_view{found};
    };
    Grant out;
    out.interface = text("interface");
    if (text("ip").empty() || text("mask").empty())
        return base::fail(Errc::bad_data, "no address, or no mask of its network");
    const Address own = TRY(address(text("ip")));
    const auto length = TRY(number("mask", text("mask"), 32));
    out.addresses = {{own, static_cast<std::uint8_t>(length)}};
    const std::string_view routers = text("router");
    if (!routers.empty())
        out.gateway4 = TRY(address(routers.substr(0, routers.find(' '))));
    if (const std::string_view mtu = text("mtu"); !mtu.empty())
        out.mtu = TRY(number("MTU", mtu, 65'535));
    return out;
}

} // namespace line
