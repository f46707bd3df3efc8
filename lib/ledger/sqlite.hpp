// The ledger on disk: SQLite with one writer thread and group commit.
#pragma once

#include "ledger/ledger.hpp"

#include <filesystem>

namespace ledger {

/// Makes an empty ledger at @p path, mode 0600, whole or not at all; fails when the file exists.
[[nodiscard]] base::Result<void> create_sqlite_ledger(const std::filesystem::path &path);

/// Whether all of a ledger is read to find damage. `beside`: for a while before it is opened, and
/// when that was not enough, beside its use: everything is refused as soon as damage is found.
enum class Verify { no, yes, beside };

/// Opens the ledger at @p path. Several processes may have it open. Concurrent write() calls share
/// one fsync (up to 32 of them). @p patience: for Verify::beside.
///
/// Errors: no_input: there is none; bad_data: damaged, not a ledger, or made by a newer version;
/// not_permitted: it, or what sqlite3 keeps beside it, belongs to somebody else or lets others in.
[[nodiscard]] base::Result<std::unique_ptr<Ledger>>
open_sqlite_ledger(const std::filesystem::path &path, Verify verify,
                   base::Millis patience = base::Millis{1000});

} // namespace ledger
