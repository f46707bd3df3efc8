// A carrier's accounts, as the programs of its access side read them.
#pragma once

#include "control/accounts.hpp"

#include <string>

namespace control {

enum class ExportFormat {
    chap_secrets, ///< of pppd(8): chap-secrets and pap-secrets
    wireguard,    ///< peers, as wg(8) addconf, setconf and syncconf read them
};
[[nodiscard]] base::Result<ExportFormat> parse_export_format(std::string_view text);

/// The account that @p party has, as a part of such a file; a secret.
[[nodiscard]] std::string account_text(const AccountOf &of, ExportFormat format);

/// All accounts of distributors that are enrolled, by name; a secret. refused: control has no such
/// carrier, gives no accounts for it, or none of that format; or an address is missing.
[[nodiscard]] base::Result<std::string>
export_carrier(const Config &config, const std::string &carrier, ExportFormat format);

} // namespace control
