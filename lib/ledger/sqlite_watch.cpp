#include "ledger/sqlite_watch.hpp"

namespace ledger {

using base::Result;

namespace {

constexpr base::Millis k_look{250};

// Rises with each entry of any feed.
Result<std::int64_t> entries(Database &db) {
    return TRY(db.number("SELECT COALESCE(sum(value), 0) FROM serials")).value_or(0);
}

} // namespace

SqliteWatch::SqliteWatch(Database db, std::function<void()> changed)
    : m_db(std::move(db)), m_changed(std::move(changed)), m_thread([this] { loop(); }) {}

SqliteWatch::~SqliteWatch() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void SqliteWatch::loop() {
    std::int64_t version = -1;
    std::int64_t seen = -1;
    std::unique_lock lock{m_mutex};
    while (!m_stop) {
        lock.unlock();
        // It changes with the commits of others, this process's other connections among them.
        const auto now = m_db.number("PRAGMA data_version");
        if (now && std::exchange(version, now->value_or(-1)) != version)
            if (const auto sum = entries(m_db); sum && std::exchange(seen, *sum) != *sum)
                m_changed();
        lock.lock();
        m_wake.wait_for(lock, k_look, [this] { return m_stop; });
    }
}

} // namespace ledger
