#include "ledger/sqlite_sync.hpp"

#include <algorithm>
#include <utility>

namespace ledger {

using base::Result;

SqliteSync::~SqliteSync() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_changed.notify_all();
    m_thread.join();
}

void SqliteSync::committing() {
    const std::scoped_lock lock{m_mutex};
    ++m_committed;
}

void SqliteSync::not_committed() {
    {
        const std::scoped_lock lock{m_mutex};
        --m_committed;
    }
    m_changed.notify_all();
}

void SqliteSync::finish(std::vector<Job> group, std::int64_t commits) {
    {
        const std::scoped_lock lock{m_mutex};
        m_groups.push_back({std::move(group), commits});
        m_committed = commits;
    }
    m_changed.notify_all();
}

Result<void> SqliteSync::wait() {
    std::unique_lock lock{m_mutex};
    // What was being committed may have been nothing in the end.
    m_changed.wait(lock, [this, before = m_committed] {
        return !m_verdict || m_durable >= std::min(before, m_committed);
    });
    return m_verdict;
}

Result<void> SqliteSync::verdict() {
    const std::scoped_lock lock{m_mutex};
    return m_verdict;
}

void SqliteSync::loop() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_changed.wait(lock, [this] { return m_stop || !m_groups.empty(); });
        if (m_groups.empty())
            return;
        std::deque<Group> groups = std::exchange(m_groups, {});
        const std::int64_t commits = groups.back().commits;
        Result<void> done = m_verdict;
        if (done && commits > m_durable) {
            lock.unlock();
            done = m_sync();
            lock.lock();
        }
        m_verdict = done;
        if (done)
            m_durable = commits;
        lock.unlock();
        m_changed.notify_all();
        for (Group &group : groups) {
            for (Job &job : group.jobs)
                if (!done)
                    job.result = done;
            tell(std::move(group.jobs));
        }
        lock.lock();
    }
}

} // namespace ledger
