// From the vault's settings and this machine's configuration: which carrier, and how.
#pragma once

#include "conf/terminal.hpp"
#include "route/kernel.hpp"
#include "vault/vault.hpp"
#include "wire/sender.hpp"

namespace carrier {

/// A carrier that a reservation may use, as both sides describe it.
struct Choice {
    std::string name;
    std::string driver; ///< of its line, see find_driver()
    std::string interface;
    std::string gateway4; ///< the machine's own, else the settings'; may be empty
    std::string gateway6;
    std::string relay;       ///< id of the relay that is sent to
    wire::Endpoint endpoint; ///< its ingest address through this carrier
    std::optional<wire::Probe> probe;
    wire::Connection connection; ///< holds secrets
    conf::TerminalCarrier local;
    /// Of a tunnel that does not go over the Internet: the carrier below it, whose `endpoint` is
    /// the tunnel's other end. At most one.
    std::vector<Choice> below = {};
};

/// Picks @p wanted, else the preset carrier, else the settings' first. refused: the settings do not
/// have it; config: terminal.toml does not have it; unavailable: a type we cannot connect.
[[nodiscard]] base::Result<Choice> choose(const wire::Settings &settings,
                                          const conf::TerminalConfig &config,
                                          const std::string &wanted);

/// The settings of @p reservation: from @p file (a settings record; `-` is standard input) when not
/// empty, else from the vault. Opened and verified in memory either way.
[[nodiscard]] base::Result<wire::Settings>
load_settings(const vault::Vault &vault, const base::Id &reservation, const std::string &file);

/// The IP literals of every ingest address that the settings name.
[[nodiscard]] std::set<std::string> ingest_addresses(const wire::Settings &settings);

/// The sender's way over @p choice, sending from @p sources (the first of a family counts).
[[nodiscard]] wire::SenderPath sender_path(const wire::Settings &settings, const Choice &choice,
                                           const std::vector<route::Address> &sources);

} // namespace carrier
