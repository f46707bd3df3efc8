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
            Connector &connector, const base::Clock &clock);

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
    /// The sender uses more than one line, if it has them.
    [[nodiscard]] bool wants_spares() const { return m_spares; }

  private:
    [[nodiscard]] base::Result<wire::SenderPlan> plan();
    [[nodiscard]] base::Result<void> tell(Sender &sender);
    void finish_leaving(const Sender &sender);
    base::Result<void> add_path(wire::SenderPlan &plan, const CarrierState &state);
    void watch_moves(const std::string &active);
    void watch_links(const wire::SenderPlan &plan);

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
    std::string m_active;                       // the carrier that was told last
    std::map<std::string, std::string> m_found; // how each carrier's link is
    std::map<std::string, std::string> m_told;  // the same, as was told
    std::int64_t m_lines;                       // carriers of the settings that we have
    bool m_spares = false;                      // the sender uses more than one
    std::string m_line_trouble;                 // of tend(), likewise
    std::string m_trouble;                      // the error that was reported, to say it once
};

} // namespace carrier
