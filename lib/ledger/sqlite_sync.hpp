// Making what was committed durable, while the next is committed already.
#pragma once

#include "ledger/group_writer.hpp"

namespace ledger {

/// Thread-safe. Its thread holds back what became of each job until nothing of it can be lost.
class SqliteSync {
  public:
    /// Makes durable what was committed before. From this one's thread.
    using Sync = std::function<base::Result<void>()>;

    explicit SqliteSync(Sync sync) : m_sync(std::move(sync)), m_thread([this] { loop(); }) {}
    SqliteSync(const SqliteSync &) = delete;
    SqliteSync &operator=(const SqliteSync &) = delete;
    /// Finishes all that it was given.
    ~SqliteSync();

    /// Something is about to be committed: readers may see it before finish(), or not_committed().
    void committing();
    void not_committed();
    /// Takes over @p group. @p commits: how many there were until now, with that of the group if it
    /// changed anything.
    void finish(std::vector<Job> group, std::int64_t commits);
    /// Waits until all that was committed before it is durable.
    [[nodiscard]] base::Result<void> wait();
    /// Good, or why nothing more can be kept: after a failure nobody knows what is on the disk.
    [[nodiscard]] base::Result<void> verdict();

  private:
    void loop();

    struct Group {
        std::vector<Job> jobs;
        std::int64_t commits;
    };

    Sync m_sync;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Group> m_groups;
    std::int64_t m_committed = 0; ///< one more while it is being done
    std::int64_t m_durable = 0;
    base::Result<void> m_verdict;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace ledger
