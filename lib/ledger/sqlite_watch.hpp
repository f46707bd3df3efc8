// Hearing of the feed entries that other processes make: resv-control's commands beside its serve.
#pragma once

#include "ledger/ledger.hpp"
#include "ledger/sqlite_db.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace ledger {

/// Looks on a connection and a thread of its own, four times a second: a number in memory that
/// others share says whether there is anything to look at.
class SqliteWatch final : public Watch {
  public:
    SqliteWatch(Database db, std::function<void()> changed);
    SqliteWatch(const SqliteWatch &) = delete;
    SqliteWatch &operator=(const SqliteWatch &) = delete;
    ~SqliteWatch() override;

  private:
    void loop();

    Database m_db; // the thread's
    const std::function<void()> m_changed;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace ledger
