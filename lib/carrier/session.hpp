// What `exec` keeps in step while its command runs: state files, kernel, control, sender.
#pragma once

#include "base/control_clock.hpp"
#include "carrier/connector.hpp"
#include "carrier/control_watch.hpp"
#include "carrier/sender.hpp"
#include "carrier/upkeep.hpp"
#include "route/isolation.hpp"

namespace carrier {

/// Not thread-safe; none of its calls waits.
class Session {
  public:
    /// All of them outlive it.
    Session(const wire::Settings &settings, const conf::TerminalConfig &config,
            Connector &connector, const base::Clock &clock)
        : m_settings(settings), m_config(config), m_connector(connector), m_upkeep(connector),
          m_clock(clock), m_window(settings.window) {}

    /// Takes in what control said.
    void take(const News &news);
    /// refused when the reservation is withdrawn or its window is over by control's clock.
    [[nodiscard]] base::Result<void> check_open() const;

    /// From now on the sender lives there, and @p isolation, which outlives us, follows the
    /// carriers.
    void isolate(route::Isolation &isolation) { m_isolation = &isolation; }

    /// Reads the state and the link, says what changed, and tells the sender.
    void refresh(Sender &sender);
    /// Puts back what somebody took from our rules and routes. False: another verb is at work, ask
    /// again soon.
    [[nodiscard]] bool mend();
    /// Begins to connect again what has lost its line.
    void tend();

    /// True when control could not be asked the last time.
    [[nodiscard]] bool control_away() const { return m_control_away; }
    [[nodiscard]] bool clock_known() const { return m_clock_known; }

  private:
    [[nodiscard]] base::Result<wire::SenderPlan> plan();
    [[nodiscard]] base::Result<void> tell(Sender &sender);
    void finish_leaving(const Sender &sender);
    void watch_link(const CarrierState &state, const std::optional<route::Link> &link);

    const wire::Settings &m_settings;
    const conf::TerminalConfig &m_config;
    Connector &m_connector;
    Upkeep m_upkeep;
    route::Isolation *m_isolation = nullptr; // null: the sender is where we are
    base::ControlClock m_clock;
    resv::Window m_window;
    bool m_clock_known = false;
    bool m_control_away = false;
    bool m_withdrawn = false;
    Carriers m_seen; // what the last plan was made from
    resv::State m_state = resv::State::booked;
    std::string m_active;    // the carrier that was told last
    std::string m_link_word; // how its link was
    std::string m_line_trouble;
    std::string m_trouble; // the error that was reported, to say it once
};

} // namespace carrier
