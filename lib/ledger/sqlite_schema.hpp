#pragma once

#include <cstdint>

namespace ledger {

/// What this program reads and writes; others are refused.
constexpr std::int64_t k_ledger_version = 5;

/// The statements that make an empty SQLite ledger. PostgreSQL's are translated from them: a table
/// ends with STRICT, types are BLOB, INTEGER and TEXT, an indexed expression has parentheses.
extern const char *const k_sqlite_schema;

} // namespace ledger
