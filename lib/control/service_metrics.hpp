// The engine in force, and what a service counts beside its requests.
#pragma once

#include "control/engine.hpp"

namespace control {

/// The engine in force. Thread-safe.
class Engines {
  public:
    explicit Engines(std::shared_ptr<Engine> first) : m_current(std::move(first)) {}

    [[nodiscard]] std::shared_ptr<Engine> current() const {
        const std::scoped_lock lock{m_mutex};
        return m_current;
    }
    /// The former one, which dies when its last request is answered.
    [[nodiscard]] std::shared_ptr<Engine> replace(std::shared_ptr<Engine> next) {
        const std::scoped_lock lock{m_mutex};
        return std::exchange(m_current, std::move(next));
    }
    void reloaded(bool well) { ++(well ? m_reloads : m_failed_reloads); }
    [[nodiscard]] std::uint64_t reloads(bool well) const {
        return well ? m_reloads : m_failed_reloads;
    }

  private:
    mutable std::mutex m_mutex;
    std::shared_ptr<Engine> m_current;
    std::atomic<std::uint64_t> m_reloads{0};
    std::atomic<std::uint64_t> m_failed_reloads{0};
};

/// All outlive @p metrics' last text().
void watch_service(Metrics &metrics, Engines &engines, const Remembered &remembered,
                   const net::HttpServer &server);

} // namespace control
