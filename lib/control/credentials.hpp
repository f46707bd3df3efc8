// Who a terminal is to a carrier's access side: user and password, keys, PIN.
#pragma once

#include "control/config.hpp"

namespace control {

/// Reads the files that the carriers of @p config name into their connection info. not_permitted: a
/// mode that lets others in; config: what stands in one cannot be that credential.
[[nodiscard]] base::Result<void> read_credentials(Config &config);

/// The connection info of carrier @p name for the terminals of @p distributor: what the
/// configuration says, with the credentials that the access side knows that distributor by.
[[nodiscard]] wire::Connection connection_for(const CarrierSite &site, const std::string &name,
                                              const std::string &distributor);

/// The first line of a file that only its owner may open. not_permitted: others may.
[[nodiscard]] base::Result<std::string> read_private_line(const std::filesystem::path &path);

} // namespace control
