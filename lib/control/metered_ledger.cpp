#include "control/metered_ledger.hpp"

#include <algorithm>

namespace control {

// One of those who want to hear; the ledger itself has one watch at a time.
class MeteredLedger::Listener final : public ledger::Watch {
  public:
    Listener(MeteredLedger &owner, std::function<void()> changed)
        : m_owner(owner), m_changed(std::move(changed)) {
        const std::scoped_lock lock{m_owner.m_mutex};
        m_owner.m_listeners.push_back(this);
    }
    Listener(const Listener &) = delete;
    Listener &operator=(const Listener &) = delete;
    ~Listener() override {
        const std::scoped_lock lock{m_owner.m_mutex};
        std::erase(m_owner.m_listeners, this);
    }
    void tell() const { m_changed(); }

  private:
    MeteredLedger &m_owner;
    const std::function<void()> m_changed;
};

MeteredLedger::MeteredLedger(ledger::Ledger &inner, Metrics &metrics)
    : m_inner(inner), m_metrics(metrics), m_watch(inner.watch([this] {
          const std::scoped_lock lock{m_mutex};
          for (const Listener *listener : m_listeners)
              listener->tell();
      })) {}

MeteredLedger::~MeteredLedger() = default;

std::unique_ptr<ledger::Watch> MeteredLedger::watch(const std::function<void()> &changed) {
    return std::make_unique<Listener>(*this, changed);
}

} // namespace control
