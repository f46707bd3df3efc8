// Writing the log of a SQLite database back into it, beside those who write.
#pragma once

#include "ledger/sqlite_db.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace ledger {

/// Thread-safe. Who commits would else write back thousands of pages every now and then, while all
/// others wait.
class SqliteCheckpoint {
  public:
    /// @p db is a connection of its own.
    explicit SqliteCheckpoint(Database db);
    SqliteCheckpoint(const SqliteCheckpoint &) = delete;
    SqliteCheckpoint &operator=(const SqliteCheckpoint &) = delete;
    ~SqliteCheckpoint();

    /// After each commit of @p writer, by its thread. While others go on to commit, the log's end
    /// is never reached, and it grows: then the writer does what little is left.
    void after_commit(Database &writer);

  private:
    void loop();

    Database m_db;
    int m_last = 0; ///< pages in the log when it was last wanted
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bool m_wanted = false;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace ledger
