// Whether control can do its work now, for those who route requests to it.
#pragma once

#include "base/clock.hpp"
#include "ledger/ledger.hpp"
#include "wire/json.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace control {

/// Thread-safe.
class Health {
  public:
    /// @p ledger and @p clock outlive it.
    Health(ledger::Ledger &ledger, const base::Clock &clock);
    Health(const Health &) = delete;
    Health &operator=(const Health &) = delete;
    ~Health();

    /// The certificate that is served from now on.
    void certificate(base::UtcTime not_before, base::UtcTime not_after);
    /// From now on it is not ready.
    void stopping();

    struct Check {
        std::string name; ///< "ledger", "certificate", "running"
        bool ok = false;
        std::string detail; ///< for people; names no files
    };
    struct Report {
        std::vector<Check> checks;
        [[nodiscard]] bool ready() const;
    };
    /// The ledger is written to, by one probe at a time and at most once a second, whoever asks and
    /// however often. Waits for the probe's end, for at most 2 s.
    [[nodiscard]] Report report();

  private:
    using Steady = std::chrono::steady_clock;
    void loop();
    [[nodiscard]] Check ledger_check(Steady::time_point now) const;

    ledger::Ledger &m_ledger;
    const base::Clock &m_clock;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    enum class Probe { none, wanted, running } m_probe = Probe::none;
    Steady::time_point m_asked;                // for the present probe
    std::optional<Steady::time_point> m_ended; // the last one
    std::optional<base::Errc> m_fault;         // that it found
    std::optional<std::pair<base::UtcTime, base::UtcTime>> m_certificate;
    bool m_stopping = false;
    bool m_end = false;
    std::thread m_thread; // last: it uses all of the above
};

/// `{"status":"ready"|"not_ready","checks":[{"name","ok","detail"}…]}`
[[nodiscard]] wire::Json to_json(const Health::Report &report);

} // namespace control
