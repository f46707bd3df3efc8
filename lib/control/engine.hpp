// Everything that works by one configuration: it is made anew when that changes.
#pragma once

#include "control/api.hpp"
#include "control/courier.hpp"
#include "control/sweeper.hpp"
#include "net/certificate.hpp"

namespace control {

/// What stays when the configuration changes. Outlives every engine.
struct Ground {
    const Keys &keys;
    Monitor &monitor;
    const base::Clock &clock;
    std::shared_ptr<Remembered> remembered;
};

/// Runs from its making on. Two may run side by side for a while: the former one answers what it
/// was asked.
class Engine {
  public:
    Engine(Config config, net::Certificate certificate, const Ground &ground);
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    [[nodiscard]] const Config &config() const { return m_config; }
    [[nodiscard]] const net::Certificate &certificate() const { return m_certificate; }
    /// Relays that wait for news.
    [[nodiscard]] std::size_t pollers() { return m_feeds.waiting(); }
    void handle(const net::Request &request, const Api::Reply &reply) {
        m_api.handle(request, reply);
    }
    /// Answers all who wait for news, and ends streams, so that they ask the next engine, or
    /// nobody.
    void stop() { m_feeds.stop(); }

  private:
    const Config m_config; // all the others use what stands above them
    const net::Certificate m_certificate;
    Feeds m_feeds;
    Api m_api;
    Sweeper m_sweeper;
    std::unique_ptr<Messenger> m_messenger;
    std::unique_ptr<Courier> m_courier; // where others are told at all
};

} // namespace control
