// What the node may give its viewers in all, and who of those that were promised nothing gets some.
#pragma once

#include "relay/event.hpp"
#include "relay/viewer_number.hpp"

#include <atomic>
#include <mutex>

namespace relay {

class Carry;

/// Events that are open were promised the rate for each of their reserved viewers. What is left of
/// the limit is for viewers of events that are over, on demand, each at its event's rate.
/// Thread-safe.
class Egress {
  public:
    /// In bit/s; 0: no limit, and nobody is refused.
    explicit Egress(std::int64_t limit_bps = 0) : m_limit_bps(limit_bps) {}

    /// Sums up anew; when more was promised than before, viewers of what is over may have to go the
    /// next time that they ask for media, those of the event that ended first before others. To be
    /// called once a second, and before viewers are served.
    void take_stock(const Board &board, base::UtcTime now);
    /// @p viewer is about to get media of @p event, or its playlist, and it is over. False: there
    /// is no room for it. A cache of the site's own is neither counted nor refused.
    [[nodiscard]] bool attend(Event &event, Viewer viewer);

    [[nodiscard]] bool is_limited() const { return m_limit_bps > 0; }
    [[nodiscard]] std::int64_t limit_bps() const { return m_limit_bps; }
    /// Reserved viewers times rate, of the events that were open at the last stock-taking.
    [[nodiscard]] std::int64_t promised_bps() const { return m_promised_bps; }
    /// What viewers of events that are over take, when each takes its event's rate.
    [[nodiscard]] std::int64_t on_demand_bps() const { return m_on_demand_bps; }
    /// How many times attend() said no.
    [[nodiscard]] std::int64_t refused() const { return m_refused; }
    void carry(Carry &c);

  private:
    const std::int64_t m_limit_bps;
    std::mutex m_mutex; // who is let in and who has to go is decided one after the other
    std::atomic<std::int64_t> m_promised_bps{0};
    std::atomic<std::int64_t> m_on_demand_bps{0};
    std::atomic<std::int64_t> m_refused{0};
    bool m_is_over_promised = false; // and said so
};

} // namespace relay
