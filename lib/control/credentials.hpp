// Who a terminal is to a carrier's access side: user and password, keys, PIN.
#pragma once

#include "control/keys.hpp"
#include "ledger/records.hpp"

namespace control {

/// Reads the files that the carriers of @p config name into their connection info. not_permitted: a
/// mode that lets others in; config: what stands in one cannot be that credential.
[[nodiscard]] base::Result<void> read_credentials(Config &config);

/// The connection info of carrier @p name for the terminal of @p party: what the configuration
/// says, with the credentials that the access side knows it by. Throws when the carrier's pool has
/// no address for it: enrolment saw to that, unless the pool was made smaller.
[[nodiscard]] wire::Connection connection_for(const CarrierSite &site, const std::string &name,
                                              const Keys &keys, const ledger::Party &party);

/// The first line of a file that only its owner may open. not_permitted: others may.
[[nodiscard]] base::Result<std::string> read_private_line(const std::filesystem::path &path);

} // namespace control
