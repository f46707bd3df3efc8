// One thread that writes what many ask for, several works in one transaction: making that durable
// costs as much as making one durable.
#pragma once

#include "ledger/ledger.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace ledger {

/// A work that its caller waits for.
struct Job {
    const Ledger::Work *work;       ///< borrowed
    std::optional<AnswerKey> about; ///< whose answer it will ask for
    base::Result<void> result;
    std::promise<base::Result<void>> done;
};

/// Thread-safe.
class GroupWriter {
  public:
    /// Runs every job of a group, up to 32 in the order in which they came, and has tell() called
    /// for it, now or later. From this writer's thread.
    using RunGroup = std::function<void(std::vector<Job> group)>;

    explicit GroupWriter(RunGroup run) : m_run(std::move(run)), m_thread([this] { loop(); }) {}
    GroupWriter(const GroupWriter &) = delete;
    GroupWriter &operator=(const GroupWriter &) = delete;
    ~GroupWriter();

    /// Has @p work run with others, and waits for what becomes of it.
    [[nodiscard]] base::Result<void> write(const Ledger::Work &work,
                                           std::optional<AnswerKey> about = {});

  private:
    void loop();

    RunGroup m_run;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Job> m_jobs;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

/// Lets those who wait for @p group know what became of their jobs.
void tell(std::vector<Job> group);

/// What @p work returns; an exception is our bug.
[[nodiscard]] base::Result<void> run_work(Transaction &t, const Ledger::Work &work);

} // namespace ledger
