#include "control/migration.hpp"

#include "base/file.hpp"
#include "control/keys.hpp"
#include "ledger/migrate.hpp"
#include "ledger/postgres.hpp"

namespace control {

base::Result<wire::Json> migrate(const Config &config, bool dry_run) {
    if (!config.on_postgres())
        return base::fail_hint(base::Errc::config, "write ledger = \"postgresql://…\" first",
                               "migrate: {} names no PostgreSQL database", config.file.native());
    Config old = config;
    old.ledger = "sqlite";
    TRY(load_keys(old)); // the keys and the ledger belong to each other
    const auto lock = TRY(base::FileLock::acquire(config.data / "serve.lock", 0));
    if (dry_run && TRY(ledger::has_postgres_ledger(config.ledger)))
        return base::fail(base::Errc::refused, "migrate: there is a ledger already in {}",
                          config.ledger);
    const auto rows = TRY(dry_run ? ledger::count_sqlite_rows(old.ledger_file())
                                  : ledger::migrate_to_postgres(old.ledger_file(), config.ledger));
    wire::JsonObject counts;
    for (const auto &[table, count] : rows)
        counts[table] = count;
    return wire::Json(wire::JsonObject{{"type", "migration"},
                                       {"v", 1},
                                       {"from", old.ledger_file().native()},
                                       {"to", config.ledger},
                                       {"rows", std::move(counts)}});
}

} // namespace control
