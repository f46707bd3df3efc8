#include "control/ledgers.hpp"

#include "ledger/postgres.hpp"

namespace control {

using base::Result;

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Config &config, ledger::Verify verify) {
    if (config.on_postgres())
        return ledger::open_postgres_ledger(config.ledger);
    return ledger::open_sqlite_ledger(config.ledger_file(), verify);
}

Result<bool> ledger_is_there(const Config &config) {
    if (config.on_postgres())
        return ledger::has_postgres_ledger(config.ledger);
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(config.ledger_file(), ignored));
}

Result<void> create_ledger(const Config &config) {
    if (config.on_postgres())
        return ledger::create_postgres_ledger(config.ledger);
    return ledger::create_sqlite_ledger(config.ledger_file());
}

std::string ledger_name(const Config &config) {
    return config.on_postgres() ? config.ledger : config.ledger_file().native();
}

} // namespace control
