// A SQLite ledger moves to PostgreSQL.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace ledger {

/// Rows by table.
using Migrated = std::map<std::string, std::int64_t>;

/// Copies all tables of the ledger at @p from into the database of @p uri, all or nothing, and
/// counts them there; @p from is only read. refused: there is a ledger already.
[[nodiscard]] base::Result<Migrated> migrate_to_postgres(const std::filesystem::path &from,
                                                         const std::string &uri);

/// What it would copy.
[[nodiscard]] base::Result<Migrated> count_sqlite_rows(const std::filesystem::path &from);

} // namespace ledger
