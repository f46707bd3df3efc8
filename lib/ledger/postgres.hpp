// The ledger in PostgreSQL: several processes, each with several transactions at once.
#pragma once

#include "ledger/ledger.hpp"

namespace ledger {

/// Where a PostgreSQL ledger is: a connection URI of libpq, without a password.
///
/// config: @p uri is none that libpq reads, or has a password in it: whoever reads the
/// configuration would have it, and a passfile or peer authentication does without.
[[nodiscard]] base::Result<void> check_postgres_uri(const std::string &uri);

/// Makes an empty ledger in the database of @p uri, in a schema `slotcast` of its own, whole or not
/// at all; changes nothing when there is one.
[[nodiscard]] base::Result<void> create_postgres_ledger(const std::string &uri);

/// True when the database of @p uri has a ledger, of whatever version.
[[nodiscard]] base::Result<bool> has_postgres_ledger(const std::string &uri);

/// Opens the ledger in the database of @p uri. Works that judge the same resources wait for each
/// other (Transaction::lock), all others run at once, each on a connection of its own. A deadlock,
/// and a database that restarts, cost the caller time (ten seconds at most), not the work.
///
/// Errors: no_input: no such database, or no ledger in it; bad_data: another version; unavailable,
/// not_permitted: see PostgresConnection.
[[nodiscard]] base::Result<std::unique_ptr<Ledger>> open_postgres_ledger(const std::string &uri);

} // namespace ledger
