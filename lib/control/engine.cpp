#include "control/engine.hpp"

namespace control {

Engine::Engine(Config config, net::Certificate certificate, const Ground &ground)
    : m_config(std::move(config)), m_certificate(std::move(certificate)),
      m_feeds(m_config, ground.keys, ground.monitor.ledger, ground.clock),
      m_api(
          m_config, ground.keys, ground.monitor.ledger, ground.clock, m_feeds,
          [this](std::string_view host) { return m_certificate.covers(host); }, &ground.monitor,
          ground.remembered),
      m_sweeper(ground.monitor.ledger, m_feeds, m_config, ground.clock),
      m_messenger(make_messenger(m_config, ground.keys)) {
    if (m_config.notify.mail || m_config.notify.webhooks)
        m_courier =
            std::make_unique<Courier>(ground.monitor.ledger, *m_messenger, m_config, ground.clock);
    ground.monitor.health.certificate(m_certificate.not_before(), m_certificate.not_after());
}

} // namespace control
