// The other carriers of a running exec: connected beside the active one, so that the sender has a
// warm connection over them when that dies.
#pragma once

#include "base/clock.hpp"
#include "carrier/connector.hpp"

#include <sys/types.h>

namespace carrier {

/// Best effort: a spare line that cannot be had is tried again, and stops nothing. Each attempt is
/// made by a child process, since a line may take its time. Not thread-safe.
class Spares {
  public:
    /// All of them outlive it. Carriers that this terminal does not have are told of, and left out.
    Spares(const wire::Settings &settings, const conf::TerminalConfig &config, Connector &connector,
           std::uint32_t media_uid);
    Spares(const Spares &) = delete;
    Spares &operator=(const Spares &) = delete;
    /// Ends an attempt that is being made.
    ~Spares();

    /// Begins to connect a line that is there and not in use, while the reservation has an active
    /// one; when there is none and no two lines are in use, one that is to be dialled first, by the
    /// settings' preference. Never waits; call it every second or so, and after events. Once a line
    /// is in use, Session::tend() looks after it.
    void turn(base::SteadyTime now);
    /// To be called when a child has ended.
    void reap();

  private:
    struct Line {
        Choice choice;
        base::SteadyTime due{};
        bool told = false; ///< that it cannot be had
    };
    [[nodiscard]] bool is_there(const Line &line);
    [[nodiscard]] bool may_be_dialled(const Line &line);
    void begin(Line &line);
    void dial(const Line &line);

    const wire::Settings &m_settings;
    const conf::TerminalConfig &m_config;
    Connector &m_connector;
    std::uint32_t m_media_uid;
    std::vector<Line> m_lines;
    Line *m_trying = nullptr; ///< of m_lines
    pid_t m_child = -1;
};

} // namespace carrier
