// A ledger that counts its transactions and their time.
#pragma once

#include "control/metrics.hpp"
#include "ledger/ledger.hpp"

namespace control {

/// Passes everything on to @p inner. Both outlive it.
class MeteredLedger final : public ledger::Ledger {
  public:
    MeteredLedger(ledger::Ledger &inner, Metrics &metrics);
    MeteredLedger(const MeteredLedger &) = delete;
    MeteredLedger &operator=(const MeteredLedger &) = delete;
    ~MeteredLedger() override;

    [[nodiscard]] base::Result<void> write(const Work &work) override {
        return timed(true, [&] { return m_inner.write(work); });
    }
    [[nodiscard]] base::Result<void> write_once(const Work &work,
                                                const ledger::AnswerKey &about) override {
        return timed(true, [&] { return m_inner.write_once(work, about); });
    }
    [[nodiscard]] base::Result<void> read(const Work &work) override {
        return timed(false, [&] { return m_inner.read(work); });
    }
    [[nodiscard]] base::Result<void> peek(const Work &work) override {
        return timed(false, [&] { return m_inner.peek(work); });
    }
    /// For any number of listeners at a time.
    [[nodiscard]] std::unique_ptr<ledger::Watch>
    watch(const std::function<void()> &changed) override;

  private:
    class Listener;
    template <typename Run> base::Result<void> timed(bool write, const Run &run) {
        const auto begun = std::chrono::steady_clock::now();
        auto done = run();
        const auto kept = done                                       ? Metrics::Kept::done
                          : done.error().code == base::Errc::refused ? Metrics::Kept::refused
                                                                     : Metrics::Kept::failed;
        m_metrics.transaction(write, kept, std::chrono::steady_clock::now() - begun);
        return done;
    }

    ledger::Ledger &m_inner;
    Metrics &m_metrics;
    std::mutex m_mutex;
    std::vector<Listener *> m_listeners;
    std::unique_ptr<ledger::Watch> m_watch; // last: it tells the listeners
};

} // namespace control
