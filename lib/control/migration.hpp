// resv-control migrate: the SQLite ledger of the data folder moves to PostgreSQL.
#pragma once

#include "control/config.hpp"
#include "wire/json.hpp"

namespace control {

/// Copies the SQLite ledger of the data folder into the database that @p config names, all or
/// nothing, while nobody serves; with @p dry_run only says what there is. The file stays as it is.
/// The record: `{"type":"migration","v":1,"from","to","rows":{TABLE:N…}}`.
///
/// config: the configuration names no database; try_again: the ledger is served; refused: there is
/// a ledger in the database already; no_input, bad_data, not_permitted: see load_keys.
[[nodiscard]] base::Result<wire::Json> migrate(const Config &config, bool dry_run);

} // namespace control
