// What distributors sign in to carriers with, where control itself gives the accounts.
//
// Nothing of an account is stored: it is derived, by keyed hashes, from the seed of control's
// signing key, the carrier, the distributor and when that was enrolled. So all controls with the
// same keys agree; a key that its owner replaces keeps the account, and with it the settings that
// are in vaults; a distributor that is revoked and enrolled anew has another one. Who has a
// password or a key of one account learns nothing of others.
#pragma once

#include "control/keys.hpp"
#include "ledger/records.hpp"

namespace control {

/// Whose, and where.
struct AccountOf {
    const Keys &keys;
    const std::string &carrier;
    const AccountRules &rules;
    const ledger::Party &party;
};

/// `NAME@CARRIER`.
[[nodiscard]] std::string account_user(const AccountOf &of);
/// A secret: 32 characters of base64url.
[[nodiscard]] std::string account_password(const AccountOf &of);

/// Of a WireGuard peer; base64, as wg(8) writes it.
struct TunnelKeys {
    std::string private_key; ///< a secret
    std::string public_key;
    std::string preshared_key; ///< a secret
};
[[nodiscard]] TunnelKeys account_keys(const AccountOf &of);

/// One out of each network of the pool, by the party's number; the first of a network is left to
/// the access side. Shorter than the pool when that has no more.
[[nodiscard]] std::vector<net::Ip> account_addresses(const AccountOf &of);

/// The first carrier whose pool has no address for number @p account; or nothing.
[[nodiscard]] std::optional<std::string> carrier_without_address(const Config &config,
                                                                 std::int64_t account);

/// How many parties a network has an address for.
[[nodiscard]] std::int64_t accounts_in(const net::Network &network);

} // namespace control
