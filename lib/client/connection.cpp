#include "client/connection.hpp"

namespace client {

using base::Result;

Target target_of(const conf::TerminalConfig &config) {
    return {
        .url = config.control, .cacert = config.cacert, .interface = config.reservation_interface};
}

Result<Connection> connect(const conf::TerminalConfig &config, vault::Access access) {
    auto vault = TRY(vault::Vault::open(config.vault, access));
    // A move of the vault leaves its key where it is.
    Api api = TRY(Api::open(target_of(config), &vault.signing_key()));
    return Connection{std::move(vault), std::move(api)};
}

} // namespace client
