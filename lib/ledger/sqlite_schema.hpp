#pragma once

namespace ledger {

/// The statements that make an empty SQLite ledger.
extern const char *const k_sqlite_schema;

} // namespace ledger
