// Looking through a whole ledger for damage, which takes seconds when it is large.
#pragma once

#include "ledger/sqlite_db.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ledger {

/// Thread-safe. Its thread reads; it ends early when this dies.
class SqliteCheck {
  public:
    /// @p db is a connection of its own to the ledger @p name.
    SqliteCheck(Database db, std::string name);
    SqliteCheck(const SqliteCheck &) = delete;
    SqliteCheck &operator=(const SqliteCheck &) = delete;
    ~SqliteCheck();

    /// What was found, as soon as it is known or @p patience is over; good while it is unknown.
    [[nodiscard]] base::Result<void> verdict(base::Millis patience);
    /// The same without waiting.
    [[nodiscard]] base::Result<void> verdict() {
        return m_damaged ? verdict(base::Millis{0}) : base::Result<void>{};
    }

  private:
    void run();

    Database m_db;
    std::string m_name;
    std::mutex m_mutex;
    std::condition_variable m_finished;
    bool m_done = false;
    base::Result<void> m_found;
    std::atomic<bool> m_damaged = false;
    std::atomic<bool> m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace ledger
