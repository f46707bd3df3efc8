// What control tells of itself to those who watch over it: counters, health, and their pages.
#pragma once

#include "control/health.hpp"
#include "control/metered_ledger.hpp"
#include "net/http_server.hpp"

namespace control {

/// Thread-safe.
class Monitor {
  public:
    using Reply = std::function<void(net::Response)>;

    /// Both outlive it.
    Monitor(ledger::Ledger &ledger, const base::Clock &clock);

    Metrics metrics;
    MeteredLedger ledger; ///< the one of the constructor, counted: for all others to use
    Health health;

    /// GET /metrics, /healthz or /readyz; 404 for all else.
    [[nodiscard]] net::Response page(const std::string &path);
    /// @p reply, which also counts the answer; see Metrics::answered().
    [[nodiscard]] Reply counted(std::string_view method, std::string_view route, Reply reply);
};

} // namespace control
