#include "ledger/group_writer.hpp"

namespace ledger {

using base::Result;

namespace {

constexpr std::size_t k_group = 32;

} // namespace

GroupWriter::~GroupWriter() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

Result<void> GroupWriter::write(const Ledger::Work &work, std::optional<AnswerKey> about) {
    Job job{.work = &work, .about = std::move(about), .result = {}, .done = {}};
    auto done = job.done.get_future();
    {
        const std::scoped_lock lock{m_mutex};
        m_jobs.push_back(std::move(job));
    }
    m_wake.notify_one();
    return done.get();
}

void GroupWriter::loop() {
    for (;;) {
        std::vector<Job> group;
        {
            std::unique_lock lock{m_mutex};
            m_wake.wait(lock, [this] { return m_stop || !m_jobs.empty(); });
            if (m_jobs.empty())
                return;
            while (!m_jobs.empty() && group.size() < k_group) {
                group.push_back(std::move(m_jobs.front()));
                m_jobs.pop_front();
            }
        }
        m_run(std::move(group));
    }
}

void tell(std::vector<Job> group) {
    for (Job &job : group)
        job.done.set_value(std::move(job.result));
}

Result<void> run_work(Transaction &t, const Ledger::Work &work) {
    try {
        return work(t);
    } catch (const std::exception &e) {
        return base::fail(base::Errc::bug, "ledger: internal error: {}", e.what());
    }
}

} // namespace ledger
