// The relay's own counters, in Prometheus' text form.
#pragma once

#include "base/control_clock.hpp"
#include "relay/worker.hpp"

#include <map>

namespace relay {

/// Thread-safe.
class Metrics {
  public:
    LatencyRecord in_to_out; ///< from the first packet of a part in to its first byte out
    ViewerCounters viewers;
    std::atomic<std::int64_t> feed_serial{0};
    std::atomic<std::int64_t> feed_heard_us{0}; ///< CLOCK_MONOTONIC; 0: not since the start
    std::atomic<std::int64_t> reports_waiting{0};
    std::atomic<std::int64_t> posters{0}; ///< processes that made a picture, or failed
    std::atomic<std::int64_t> recordings_failing{0};
    std::atomic<std::int64_t> spool_waiting{0}; ///< bytes

    const net::TlsIdentity *tls = nullptr; ///< set before the first text(); null: no HTTPS

    void refused(const std::string &carrier, const std::string &reason, std::int64_t count);
    /// Viewers of SRT out.
    void pull_refused(const std::string &reason, std::int64_t count);
    void pull_started() { ++m_pull_starts; }
    void child_started(const std::string &carrier);
    void preflight_opened(const std::string &carrier);
    void preflight_closed(const std::string &carrier, std::int64_t bytes);
    /// All of that carrier's, with its ingest.
    void preflights_lost(const std::string &carrier);

    [[nodiscard]] std::string text(const Board &board, const base::ControlClock &clock,
                                   const Egress &egress) const;

    /// Counts that go on; not what is so now, nor latencies.
    void carry(Carry &c);

  private:
    mutable std::mutex m_mutex; // for the maps
    std::map<std::pair<std::string, std::string>, std::int64_t> m_refused;
    std::map<std::string, std::int64_t> m_children;
    std::map<std::string, std::int64_t> m_pull_refused;
    std::atomic<std::int64_t> m_pull_starts{0}; ///< 0: it is not configured
    struct Preflights {
        std::int64_t now = 0, sessions = 0, bytes = 0;
    };
    std::map<std::string, Preflights> m_preflights; // by carrier
};

} // namespace relay
