// Empties the outbox: claims what is due, has it told, tries again or gives up.
#pragma once

#include "base/clock.hpp"
#include "control/messenger.hpp"
#include "ledger/ledger.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace control {

/// When a notice that failed @p attempts times is tried again: from 5 s on twice as long each time,
/// at most an hour, between half of it and all of it as @p luck (0 to 1) says.
[[nodiscard]] base::Millis retry_pause(std::int64_t attempts, double luck);

/// Looks into the outbox every second, from threads of its own, until it dies. Any number of them,
/// of any number of processes, may empty one outbox: each notice is claimed first, for longer than
/// telling it can take. What a killed process had claimed is tried again after that, with the same
/// id. What is given up is in the log.
class Courier {
  public:
    /// Everything outlives it.
    Courier(ledger::Ledger &ledger, Messenger &messenger, const Config &config,
            const base::Clock &clock);
    Courier(const Courier &) = delete;
    Courier &operator=(const Courier &) = delete;
    /// Leaves what is being told a few seconds to end.
    ~Courier();

  private:
    void look();
    void work();
    std::size_t claim(std::size_t most);
    void tell(const ledger::Notice &notice);
    void settle(const ledger::Notice &notice, const base::Result<void> &told);

    ledger::Ledger &m_ledger;
    Messenger &m_messenger;
    const Config &m_config;
    const base::Clock &m_clock;
    std::atomic<bool> m_cancelled = false;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_idle;
    std::deque<ledger::Notice> m_claimed;
    std::size_t m_busy = 0;
    bool m_stop = false;
    std::vector<std::thread> m_threads; // last: they use all of the above
};

} // namespace control
