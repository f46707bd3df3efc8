#include "ledger/sqlite_checkpoint.hpp"

namespace ledger {

namespace {

constexpr int k_worth_it = 4'000; // pages of 4 KiB: more at once would keep the disk from commits
constexpr int k_too_many = 20'000;

} // namespace

SqliteCheckpoint::SqliteCheckpoint(Database db)
    : m_db(std::move(db)), m_thread([this] { loop(); }) {}

SqliteCheckpoint::~SqliteCheckpoint() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_changed.notify_one();
    m_thread.join();
}

void SqliteCheckpoint::after_commit(Database &writer) {
    const int pages = writer.log_pages();
    if (pages < m_last) // the log was begun anew
        m_last = 0;
    if (pages - m_last < k_worth_it)
        return;
    m_last = pages;
    if (pages >= k_too_many)
        return writer.checkpoint();
    {
        const std::scoped_lock lock{m_mutex};
        m_wanted = true;
    }
    m_changed.notify_one();
}

void SqliteCheckpoint::loop() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_changed.wait(lock, [this] { return m_stop || m_wanted; });
        if (m_stop)
            return;
        m_wanted = false;
        lock.unlock();
        m_db.checkpoint();
        lock.lock();
    }
}

} // namespace ledger
