// Hearing of the feed entries that other processes make.
#pragma once

#include "base/fd.hpp"
#include "ledger/ledger.hpp"
#include "ledger/postgres_db.hpp"

#include <atomic>
#include <functional>
#include <thread>

namespace ledger {

/// Listens on a connection and a thread of its own, and tells the others of this process's
/// entries: many commits in one notification, sent after them, for a NOTIFY within the
/// transaction makes all commits of the database wait for each other. Should this process die
/// between the two, the others find the entry by looking every second.
class PostgresWatch final : public Watch {
  public:
    PostgresWatch(std::string uri, std::function<void()> changed);
    PostgresWatch(const PostgresWatch &) = delete;
    PostgresWatch &operator=(const PostgresWatch &) = delete;
    ~PostgresWatch() override;

    /// This process made an entry. Thread-safe.
    void tell_others();

  private:
    void loop();
    void listen(PostgresConnection &connection);
    void wake() const;

    const std::string m_uri;
    const std::function<void()> m_changed;
    base::Fd m_wake; // an eventfd
    std::atomic<bool> m_tell = false;
    std::atomic<bool> m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

/// Tells other processes of an entry, at once.
[[nodiscard]] base::Result<void> notify_postgres(PostgresConnection &connection);

} // namespace ledger
