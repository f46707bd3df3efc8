#include "control/credentials.hpp"

#include "base/file.hpp"
#include "control/accounts.hpp"

#include <sys/stat.h>

namespace control {

using base::Errc;
using base::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_secret = 1024;

Result<void> read_into(std::string &secret, const fs::path &file) {
    if (!file.empty())
        secret = TRY(read_private_line(file));
    return {};
}

Result<void> read_secrets(CarrierSite &site) {
    if (auto *ppp = std::get_if<wire::PppInfo>(&site.connection))
        return read_into(ppp->password, site.password_file);
    if (auto *wwan = std::get_if<wire::WwanInfo>(&site.connection)) {
        TRY(read_into(wwan->password, site.password_file));
        return read_into(wwan->pin, site.pin_file);
    }
    if (auto *wireguard = std::get_if<wire::WireguardInfo>(&site.connection)) {
        TRY(read_into(wireguard->private_key, site.private_key_file));
        return read_into(wireguard->preshared_key, site.preshared_key_file);
    }
    return {};
}

} // namespace

Result<void> read_credentials(Config &config) {
    for (auto &[name, site] : config.carriers) {
        if (site.accounts)
            continue;
        TRY(read_secrets(site));
        if (const auto found = wire::flaw(site.connection))
            return base::fail(Errc::config, "carrier {}: {} (of its file): {}", name, found->member,
                              found->text);
    }
    return {};
}

wire::Connection connection_for(const CarrierSite &site, const std::string &name, const Keys &keys,
                                const ledger::Party &party) {
    wire::Connection out = site.connection;
    if (!site.accounts)
        return out;
    const AccountOf of{keys, name, *site.accounts, party};
    if (auto *ppp = std::get_if<wire::PppInfo>(&out)) {
        ppp->user = account_user(of);
        ppp->password = account_password(of);
    } else if (auto *wireguard = std::get_if<wire::WireguardInfo>(&out)) {
        TunnelKeys mine = account_keys(of);
        wireguard->private_key = std::move(mine.private_key);
        wireguard->preshared_key = std::move(mine.preshared_key);
        for (const net::Ip &ip : account_addresses(of))
            wireguard->addresses.push_back(ip.text() + (ip.v6 ? "/128" : "/32"));
        if (wireguard->addresses.size() != site.accounts->pool.size())
            throw std::runtime_error(
                fmt::format("carrier {}: its pool has no address for '{}'", name, party.name));
    }
    return out;
}

Result<std::string> read_private_line(const fs::path &path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return base::fail_hint(Errc::not_permitted, "chmod 600 it",
                               "read {}: its mode lets others in", path.native());
    std::string text = TRY(base::read_regular_file(path, k_max_secret));
    text.resize(std::min(text.find('\n'), text.size()));
    return text;
}

} // namespace control
