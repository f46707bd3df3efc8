// Control as this terminal's configuration names it.
#pragma once

#include "client/api.hpp"
#include "conf/terminal.hpp"
#include "vault/vault.hpp"

namespace client {

/// Control, and the vault whose key signs what is asked of it.
struct Connection {
    vault::Vault vault;
    Api api;
};

[[nodiscard]] Target target_of(const conf::TerminalConfig &config);

/// Opens the vault, and control's API with its key. Nothing is sent yet. Errors: those of
/// vault::Vault::open and of Api::open.
[[nodiscard]] base::Result<Connection> connect(const conf::TerminalConfig &config,
                                               vault::Access access);

} // namespace client
