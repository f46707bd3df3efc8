// What the node may give its viewers in all, and who of those that were promised nothing gets some.
#pragma once

#include "relay/event.hpp"
#include "relay/viewer_number.hpp"

#include <atomic>

namespace relay {

/// Events that are open were promised the rate for each of their reserved viewers. What is left of
/// the limit is for viewers of events that are over. Thread-safe, but take_stock() is for one
/// thread.
class Egress {
  public:
    /// In bit/s; 0: no limit, and nobody is refused.
    explicit Egress(std::int64_t limit_bps = 0) : m_limit_bps(limit_bps) {}

    /// Sums up anew; when more was promised than before, viewers of what is over may have to go,
    /// the next time that they ask for anything. To be called once a second.
    void take_stock(const Board &board, base::UtcTime now);
    /// @p viewer asks for something of @p event, which is over. False: there is no room for it.
    [[nodiscard]] bool attend(Event &event, Viewer viewer);

    [[nodiscard]] std::int64_t limit_bps() const { return m_limit_bps; }
    [[nodiscard]] std::int64_t promised_bps() const { return m_promised_bps; }
    /// What viewers of events that are over take, when each takes its event's rate.
    [[nodiscard]] std::int64_t late_bps() const { return m_late_bps; }
    [[nodiscard]] std::int64_t refused() const { return m_refused; }

  private:
    [[nodiscard]] std::int64_t spare_bps() const {
        return m_limit_bps - m_promised_bps - m_late_bps;
    }

    const std::int64_t m_limit_bps;
    std::atomic<std::int64_t> m_promised_bps{0};
    std::atomic<std::int64_t> m_late_bps{0};
    std::atomic<std::int64_t> m_refused{0};
    bool m_is_over_promised = false; // and said so
};

} // namespace relay
