#include "line/lease.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>

namespace line {

using base::Errc;
using base::Result;
using route::Address;
using route::Family;

namespace {

constexpr std::string_view k_said = "lease ";
constexpr std::string_view k_refused = "refused ";
constexpr std::uint32_t k_usual_time = 3600;
constexpr std::uint32_t k_most_time = 0x7fffffff; // RFC 2131, section 3.3, has one more for ever

Result<std::uint32_t> number(std::string_view what, std::string_view text, std::uint32_t most) {
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out > most)
        return base::fail(Errc::bad_data, "{} '{}' is none", what, text.substr(0, 32));
    return out;
}

/// What follows @p word in the last line that begins with it.
std::optional<std::string_view> last_line_of(std::string_view word, std::string_view said) {
    std::optional<std::string_view> found;
    for (const auto part : std::views::split(said, '\n'))
        if (const std::string_view line{part}; line.starts_with(word))
            found = line.substr(word.size());
    return found;
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

std::chrono::seconds lease_time(const Variable &variable) {
    const char *text = variable("lease");
    const auto said = number("lease", text == nullptr ? "" : text, 0xffffffff);
    return std::chrono::seconds{std::clamp(said.value_or(k_usual_time), 1U, k_most_time)};
}

std::string to_text(const Lease &lease) {
    return fmt::format("{}{} {}", k_said, lease.time.count(), to_text(lease.grant));
}

std::string refused_text(const base::Error &why) {
    return fmt::format("{}{}\n", k_refused, base::plain_text(why.message));
}

Result<Lease> find_lease(std::string_view said) {
    const auto refused = last_line_of(k_refused, said);
    if (refused)
        return base::fail(Errc::bad_data, "what the DHCP server offers is refused: {}", *refused);
    const auto line = last_line_of(k_said, said);
    if (!line)
        return base::fail(Errc::unavailable, "no lease");
    const auto space = std::min(line->find(' '), line->size());
    Lease out;
    out.time = std::chrono::seconds{TRY(number("lease", line->substr(0, space), k_most_time))};
    out.grant = TRY(read_grant(line->substr(space), "lease"));
    return out;
}

} // namespace line
