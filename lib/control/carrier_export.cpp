#include "control/carrier_export.hpp"

#include "control/ledgers.hpp"

#include <array>

namespace control {

using base::Errc;
using base::Result;

namespace {

struct FormatName {
    std::string_view name;
    ExportFormat format;
    wire::CarrierType type;
};
constexpr std::array k_formats{
    FormatName{"chap-secrets", ExportFormat::chap_secrets, wire::CarrierType::ppp},
    FormatName{"wireguard", ExportFormat::wireguard, wire::CarrierType::wireguard}};

std::vector<std::string> texts(const std::vector<net::Ip> &addresses, bool with_length) {
    std::vector<std::string> out;
    for (const net::Ip &ip : addresses)
        out.push_back(ip.text() + (!with_length ? "" : ip.v6 ? "/128" : "/32"));
    return out;
}

// Without an address of the pool any is allowed: the access side has its own then.
std::string chap_secret(const AccountOf &of) {
    std::vector<net::Ip> addresses = account_addresses(of);
    std::erase_if(addresses, &net::Ip::v6); // these secrets know of IPv4 alone
    const std::string allowed =
        addresses.empty() ? "*" : fmt::format("{}", fmt::join(texts(addresses, false), " "));
    return fmt::format("\"{}\" * \"{}\" {}\n", account_user(of), account_password(of), allowed);
}

std::string peer(const AccountOf &of) {
    const TunnelKeys keys = account_keys(of);
    return fmt::format("[Peer]\n# {}\nPublicKey = {}\nPresharedKey = {}\nAllowedIPs = {}\n\n",
                       account_user(of), keys.public_key, keys.preshared_key,
                       fmt::join(texts(account_addresses(of), true), ", "));
}

Result<const AccountRules *> rules_of(const Config &config, const std::string &carrier,
                                      ExportFormat format) {
    const auto found = config.carriers.find(carrier);
    if (found == config.carriers.end())
        return base::fail(Errc::refused, "there is no [carriers.{}] in {}", carrier,
                          config.file.native());
    const auto type = found->second.type();
    const auto &wanted = k_formats.at(static_cast<std::size_t>(format));
    if (type != wanted.type)
        return base::fail_hint(Errc::refused,
                               "chap-secrets is for type ppp, wireguard for type wireguard",
                               "carrier {} is of type {}: it has no accounts of format {}", carrier,
                               wire::name(type), wanted.name);
    if (!found->second.accounts)
        return base::fail_hint(Errc::refused,
                               "leave its user or its private key out of control.toml, and control "
                               "gives the accounts",
                               "carrier {}: all use the one account that control.toml has for it",
                               carrier);
    return &*found->second.accounts;
}

} // namespace

Result<ExportFormat> parse_export_format(std::string_view text) {
    for (const FormatName &one : k_formats)
        if (one.name == text)
            return one.format;
    return base::fail(Errc::usage, "'{}' is neither chap-secrets nor wireguard",
                      text.substr(0, 32));
}

std::string account_text(const AccountOf &of, ExportFormat format) {
    return format == ExportFormat::wireguard ? peer(of) : chap_secret(of);
}

Result<std::string> export_carrier(const Config &config, const std::string &carrier,
                                   ExportFormat format) {
    const AccountRules *rules = TRY(rules_of(config, carrier, format));
    const Keys keys = TRY(load_keys(config));
    const auto ledger = TRY(open_ledger(config));
    std::vector<ledger::Party> parties;
    TRY(ledger->read([&](ledger::Transaction &t) -> Result<void> {
        parties = TRY(t.parties());
        return {};
    }));
    std::string out =
        fmt::format("# Accounts of carrier {}, by resv-control export-carrier\n", carrier);
    for (const ledger::Party &party : parties) {
        if (party.role != ledger::Role::distributor)
            continue;
        const AccountOf of{keys, carrier, *rules, party};
        if (account_addresses(of).size() != rules->pool.size())
            return base::fail_hint(Errc::refused, "make the pool larger",
                                   "carrier {}: its pool has no address for '{}', which is number "
                                   "{}",
                                   carrier, party.name, party.account);
        out += account_text(of, format);
    }
    return out;
}

} // namespace control
