// Checks viewers' passwords on a thread of its own: Argon2id takes a tenth of a second, which no
// other viewer is to wait.
#pragma once

#include "seal/secret.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace relay {

/// Thread-safe.
class PasswordDesk {
  public:
    PasswordDesk();
    ~PasswordDesk() { stop(); }
    PasswordDesk(const PasswordDesk &) = delete;
    PasswordDesk &operator=(const PasswordDesk &) = delete;

    /// After this no @p done is called any more; what waited is dropped. Call it before what they
    /// refer to goes. Not from the desk's thread.
    void stop();
    /// Calls @p done on the desk's thread. False: too many wait already, or it was stopped.
    [[nodiscard]] bool ask(std::string hash, seal::Secret password, std::function<void(bool)> done);

  private:
    struct Job {
        std::string hash;
        seal::Secret password;
        std::function<void(bool)> done;
    };
    void run();

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Job> m_jobs;
    bool m_stop = false;
    std::thread m_thread;
};

} // namespace relay
