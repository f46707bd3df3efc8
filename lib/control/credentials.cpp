#include "control/credentials.hpp"

#include "base/file.hpp"

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
        TRY(read_secrets(site));
        if (const auto found = wire::flaw(site.connection))
            return base::fail(Errc::config, "carrier {}: {} (of its file): {}", name, found->member,
                              found->text);
    }
    return {};
}

wire::Connection connection_for(const CarrierSite &site, const std::string & /*name*/,
                                const std::string & /*distributor*/) {
    // One account for all, so far.
    return site.connection;
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
