#include "ledger/sqlite_check.hpp"

#include "base/log.hpp"

namespace ledger {

using base::Errc;
using base::Result;

namespace {

Result<void> check(Database &db, const std::string &name) {
    const auto rows = TRY(db.query("PRAGMA quick_check(1)"));
    if (TRY(rows->next()) && rows->text(0) != "ok")
        return base::fail_hint(Errc::bad_data,
                               "restore it from a backup; sqlite3 FILE .recover may help",
                               "ledger {}: damaged: {}", name, rows->text(0));
    return {};
}

} // namespace

SqliteCheck::SqliteCheck(Database db, std::string name)
    : m_db(std::move(db)), m_name(std::move(name)), m_thread([this] { run(); }) {}

SqliteCheck::~SqliteCheck() {
    m_stop = true;
    std::unique_lock lock{m_mutex};
    // Once is not enough: what is interrupted may not have begun yet.
    while (!m_finished.wait_for(lock, base::Millis{5}, [this] { return m_done; }))
        m_db.interrupt();
    lock.unlock();
    m_thread.join();
}

Result<void> SqliteCheck::verdict(base::Millis patience) {
    std::unique_lock lock{m_mutex};
    m_finished.wait_for(lock, patience, [this] { return m_done; });
    return m_found;
}

void SqliteCheck::run() {
    auto found = m_stop ? Result<void>{} : check(m_db, m_name);
    if (m_stop) // what an interrupted check says is no finding
        found = {};
    const std::scoped_lock lock{m_mutex};
    m_found = std::move(found);
    m_damaged = !m_found;
    if (!m_found)
        base::log::error("{}", m_found.error().message);
    m_done = true;
    m_finished.notify_all();
}

} // namespace ledger
