// The ledger that the configuration names: SQLite in the data folder, or PostgreSQL.
#pragma once

#include "control/config.hpp"
#include "ledger/ledger.hpp"
#include "ledger/sqlite.hpp"

namespace control {

/// See open_sqlite_ledger and open_postgres_ledger; Verify is of use for SQLite only.
[[nodiscard]] base::Result<std::unique_ptr<ledger::Ledger>>
open_ledger(const Config &config, ledger::Verify verify = ledger::Verify::no);

/// Whether there is one, whole or not.
[[nodiscard]] base::Result<bool> ledger_is_there(const Config &config);

/// An empty one, where there is none.
[[nodiscard]] base::Result<void> create_ledger(const Config &config);

/// Its file or URI, for people.
[[nodiscard]] std::string ledger_name(const Config &config);

} // namespace control
