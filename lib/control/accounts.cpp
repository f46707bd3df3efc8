#include "control/accounts.hpp"

#include "seal/hash.hpp"

#include <algorithm>

namespace control {

namespace {

constexpr std::size_t k_password_bytes = 24;

/// The secret of that name of an account.
seal::Hash256 derive(const AccountOf &of, std::string_view what) {
    using namespace std::string_view_literals;
    const seal::Secret seed = of.keys.signing.seed();
    const auto root = seal::hash256(seal::bytes_of("slotcast-account-v1\0"sv), seed.view());
    // Names have no zero bytes: no two accounts share a message.
    const std::string message =
        fmt::format("{}{:c}{}{:c}{}{:c}{}{:c}{}", what, '\0', of.carrier, '\0', of.party.name, '\0',
                    base::unix_ms(of.party.enrolled), '\0', of.rules.generation);
    return seal::hash256(seal::bytes_of(message), root);
}

/// @p first plus @p offset, below the bits that a network shares.
net::Ip plus(net::Ip first, std::int64_t offset) {
    for (std::size_t at = first.v6 ? 16 : 4; at-- > 0 && offset > 0;) {
        const std::int64_t sum = first.bytes[at] + (offset & 0xff);
        first.bytes[at] = static_cast<std::uint8_t>(sum & 0xff);
        offset = (offset >> 8) + (sum >> 8);
    }
    return first;
}

} // namespace

std::string account_user(const AccountOf &of) {
    return fmt::format("{}@{}", of.party.name, of.carrier);
}

std::string account_password(const AccountOf &of) {
    const auto bytes = derive(of, "password");
    return seal::to_base64url(seal::ByteView{bytes}.first(k_password_bytes));
}

TunnelKeys account_keys(const AccountOf &of) {
    auto secret = derive(of, "tunnel");
    // As every X25519 key is read (RFC 7748, section 5); wg(8) shows it so.
    secret.front() &= 0xf8;
    secret.back() = static_cast<std::uint8_t>((secret.back() & 0x7f) | 0x40);
    const auto key = seal::BoxKey::from_secret(secret).value();
    return {.private_key = seal::to_base64(secret),
            .public_key = seal::to_base64(key.public_key()),
            .preshared_key = seal::to_base64(derive(of, "preshared"))};
}

std::int64_t accounts_in(const net::Network &network) {
    constexpr int k_enough = 40; // bits of numbers: more than there can be parties
    const int bits = std::min((network.first.v6 ? 128 : 32) - network.bits, k_enough);
    // Not the network's own address, nor the access side's, nor, in IPv4, that of all.
    return std::max<std::int64_t>((std::int64_t{1} << bits) - (network.first.v6 ? 2 : 3), 0);
}

std::optional<std::string> carrier_without_address(const Config &config, std::int64_t account) {
    for (const auto &[name, site] : config.carriers)
        if (site.accounts &&
            std::ranges::any_of(site.accounts->pool, [&](const net::Network &network) {
                return account > accounts_in(network);
            }))
            return name;
    return std::nullopt;
}

std::vector<net::Ip> account_addresses(const AccountOf &of) {
    std::vector<net::Ip> out;
    for (const net::Network &network : of.rules.pool)
        if (of.party.account > 0 && of.party.account <= accounts_in(network))
            out.push_back(plus(network.first, of.party.account + 1));
    return out;
}

} // namespace control
