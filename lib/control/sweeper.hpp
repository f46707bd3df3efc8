// What time does to reservations, written down: holds expire, windows close, nobody shows up.
#pragma once

#include "control/booking.hpp"
#include "control/feeds.hpp"

namespace control {

/// Writes the states that bookings reached by @p now and tells the relays. A booking becomes a
/// no-show when its grace is over and its relay, heard of since, reported no media: a relay that
/// is cut off from control may be streaming it.
[[nodiscard]] Outcome<void> sweep(ledger::Ledger &ledger, const Desk &desk, Feeds &feeds,
                                  const Config &config, base::UtcTime now);

/// Sweeps every second and forgets old answers and tokens every hour, until it dies.
class Sweeper {
  public:
    Sweeper(ledger::Ledger &ledger, Feeds &feeds, const Config &config, const base::Clock &clock);
    Sweeper(const Sweeper &) = delete;
    Sweeper &operator=(const Sweeper &) = delete;
    ~Sweeper();

  private:
    void loop();
    void once();

    ledger::Ledger &m_ledger;
    Feeds &m_feeds;
    const Config &m_config;
    const base::Clock &m_clock;
    Desk m_desk;
    base::UtcTime m_next_prune;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    bool m_stop = false;
    std::thread m_thread; // last: it uses all of the above
};

} // namespace control
