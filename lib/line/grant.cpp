#include "line/grant.hpp"

#include "base/file.hpp"
#include "route/devices.hpp"
#include "route/kernel.hpp"
#include "wire/json.hpp"

#include <algorithm>

namespace line {

using base::Errc;
using base::Result;
using route::Address;
using route::Family;
using route::InterfaceAddress;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_file = 4096;
constexpr std::size_t k_max_addresses = 4;
constexpr std::size_t k_max_written = 2 * k_max_addresses; // while one grant follows another
constexpr std::uint32_t k_least_mtu = 576;                 // RFC 791: what every host takes
constexpr std::uint32_t k_least_mtu_v6 = 1280;             // RFC 8200, section 5
constexpr std::uint32_t k_most_mtu = 9216;

/// An address that one host can have.
bool is_host(const Address &address) {
    const std::uint8_t first = address.bytes[0];
    if (address.is_link_local())
        return false;
    if (address.family == Family::v4)
        return first != 0 && first != 127 && first < 224; // RFC 6890, multicast and beyond
    const auto not_loopback = [](std::uint8_t b) { return b != 0; };
    const auto *const leading = address.bytes.begin();
    return first != 0xff && std::any_of(leading, leading + 15, not_loopback);
}

/// Of a network of more than two, neither all zeros nor all ones.
bool is_end_of_network(const InterfaceAddress &given) {
    if (given.address.family == Family::v6 || given.length >= 31)
        return false;
    if (given.prefix().address == given.address)
        return true;
    Address last = given.address;
    for (std::size_t bit = given.length; bit < 32; ++bit)
        last.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
    return last == given.address;
}

Result<void> judge_address(const InterfaceAddress &given) {
    if (!is_host(given.address) || given.length < 8 || is_end_of_network(given))
        return base::fail(Errc::bad_data, "{} is no address that a host can have", given.text());
    return {};
}

Result<void> judge_gateway(const Grant &grant, const Address &gateway, Family family) {
    const auto of_network = [&](const InterfaceAddress &given) {
        return given.address != gateway && given.prefix().contains(gateway);
    };
    // A link-local next hop is IPv6's usual one, RFC 4861.
    const bool local = family == Family::v6 && gateway.is_link_local();
    if (gateway.family != family || (!local && !is_host(gateway)) ||
        (!local && std::ranges::none_of(grant.addresses, of_network)))
        return base::fail(Errc::bad_data, "gateway {} is not on the network of the address",
                          gateway.text());
    return {};
}

std::string text_of(const std::optional<Address> &address) {
    return address ? address->text() : std::string{};
}

Result<std::optional<Address>> read_address(wire::ObjectReader &in, std::string_view key) {
    const std::string text = TRY(in.string(key, 64));
    if (text.empty())
        return std::optional<Address>{};
    return std::optional{TRY(Address::parse(text))};
}

} // namespace

fs::path grant_file(const fs::path &folder, const std::string &carrier) {
    return folder / fmt::format("line-{}.grant", carrier);
}

Result<void> judge(const Grant &grant) {
    if (grant.addresses.empty() || grant.addresses.size() > k_max_addresses)
        return base::fail(Errc::bad_data, "{} addresses, not 1 to {}", grant.addresses.size(),
                          k_max_addresses);
    bool v6 = false;
    for (const InterfaceAddress &given : grant.addresses) {
        TRY(judge_address(given));
        v6 = v6 || given.address.family == Family::v6;
    }
    if (grant.gateway4)
        TRY(judge_gateway(grant, *grant.gateway4, Family::v4));
    if (grant.gateway6)
        TRY(judge_gateway(grant, *grant.gateway6, Family::v6));
    const std::uint32_t least = v6 ? k_least_mtu_v6 : k_least_mtu;
    if (grant.mtu != 0 && (grant.mtu < least || grant.mtu > k_most_mtu))
        return base::fail(Errc::bad_data, "an MTU of {} bytes, not {} to {}", grant.mtu, least,
                          k_most_mtu);
    return {};
}

std::string to_text(const Grant &grant) {
    wire::JsonArray addresses;
    for (const InterfaceAddress &given : grant.addresses)
        addresses.push_back(wire::Json(given.text()));
    return wire::compact_json(wire::JsonObject{{"v", 1},
                                               {"interface", grant.interface},
                                               {"addresses", std::move(addresses)},
                                               {"gateway4", text_of(grant.gateway4)},
                                               {"gateway6", text_of(grant.gateway6)},
                                               {"mtu", grant.mtu},
                                               {"former_mtu", grant.former_mtu},
                                               {"raised", grant.raised}}) +
           "\n";
}

Result<Grant> read_grant(std::string_view text, std::string_view name) {
    const wire::Json json = TRY(wire::parse_json(text, name));
    auto in = TRY(wire::ObjectReader::of(json, std::string(name)));
    Grant out;
    TRY(in.integer("v", 1, 1));
    out.interface = TRY(in.string("interface", 15));
    for (const std::string &address : TRY(in.strings("addresses", k_max_written)))
        out.addresses.push_back(TRY(InterfaceAddress::parse(address)));
    out.gateway4 = TRY(read_address(in, "gateway4"));
    out.gateway6 = TRY(read_address(in, "gateway6"));
    out.mtu = static_cast<std::uint32_t>(TRY(in.integer("mtu", 0, k_most_mtu)));
    out.former_mtu = static_cast<std::uint32_t>(TRY(in.integer("former_mtu", 0, 0xffffffffLL)));
    out.raised = TRY(in.boolean_or("raised", false));
    TRY(in.finish());
    return out;
}

Result<std::optional<Grant>> load_grant(const fs::path &file) {
    const auto text = base::read_regular_file(file, k_max_file);
    if (!text && text.error().code == Errc::no_input)
        return std::optional<Grant>{};
    if (!text)
        return std::unexpected(text.error());
    return std::optional{TRY(read_grant(*text, file.native()))};
}

Result<void> put(const fs::path &file, Grant grant, bool raise) {
    TRY(judge(grant));
    const auto before = TRY(load_grant(file));
    auto kernel = TRY(route::Kernel::open());
    const auto link = TRY(kernel.link(grant.interface));
    if (!link)
        return base::fail(Errc::no_input, "interface {}: there is none of that name",
                          grant.interface);
    grant.raised = before ? before->raised : raise && !link->up;
    grant.former_mtu = before && before->former_mtu != 0 ? before->former_mtu : link->mtu;
    if (grant.mtu == 0 && before && before->mtu != 0)
        grant.mtu = grant.former_mtu; // the new one says nothing of it
    // Of both first: what is there, or about to be, is written down at any moment.
    Grant all = grant;
    std::vector<InterfaceAddress> old;
    if (before)
        for (const InterfaceAddress &given : before->addresses)
            if (std::ranges::find(grant.addresses, given) == grant.addresses.end())
                old.push_back(given);
    all.addresses.insert(all.addresses.end(), old.begin(), old.end());
    all.addresses.resize(std::min(all.addresses.size(), k_max_written));
    if (!before || *before != grant)
        TRY(base::write_file_atomic(file, to_text(all), 0600));
    auto devices = TRY(route::Devices::open());
    if (raise)
        TRY(devices.set_up(grant.interface, grant.mtu));
    else if (grant.mtu != 0 && grant.mtu != link->mtu)
        TRY(devices.set_mtu(grant.interface, grant.mtu));
    for (const InterfaceAddress &given : old)
        TRY(devices.remove_address(grant.interface, given));
    for (const InterfaceAddress &given : grant.addresses)
        TRY(devices.add_address(grant.interface, given));
    if (all != grant)
        TRY(base::write_file_atomic(file, to_text(grant), 0600));
    return {};
}

Result<void> take_back(const fs::path &file) {
    const auto grant = TRY(load_grant(file));
    if (!grant)
        return {};
    auto devices = TRY(route::Devices::open());
    for (const InterfaceAddress &given : grant->addresses)
        TRY(devices.remove_address(grant->interface, given));
    if (grant->raised)
        TRY(devices.take_down(grant->interface));
    auto kernel = TRY(route::Kernel::open());
    const auto link = TRY(kernel.link(grant->interface));
    if (link && grant->mtu != 0 && link->mtu == grant->mtu && grant->former_mtu != 0)
        TRY(devices.set_mtu(grant->interface, grant->former_mtu));
    return base::remove_file(file);
}

} // namespace line
