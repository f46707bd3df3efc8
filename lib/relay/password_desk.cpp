#include "relay/password_desk.hpp"

#include "seal/password.hpp"

namespace relay {

namespace {
constexpr std::size_t k_max_waiting = 32; // some seconds' work
}

PasswordDesk::PasswordDesk() : m_thread([this] { run(); }) {}

void PasswordDesk::stop() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_changed.notify_all();
    if (m_thread.joinable())
        m_thread.join();
}

bool PasswordDesk::ask(std::string hash, seal::Secret password, std::function<void(bool)> done) {
    {
        const std::lock_guard lock(m_mutex);
        if (m_stop || m_jobs.size() >= k_max_waiting)
            return false;
        m_jobs.push_back({std::move(hash), std::move(password), std::move(done)});
    }
    m_changed.notify_one();
    return true;
}

void PasswordDesk::run() {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [this] { return m_stop || !m_jobs.empty(); });
            if (m_stop)
                return;
            job = std::move(m_jobs.front());
            m_jobs.pop_front();
        }
        job.done(seal::password_matches(job.hash, seal::text_of(job.password.view())));
    }
}

} // namespace relay
