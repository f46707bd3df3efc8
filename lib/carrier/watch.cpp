#include "carrier/watch.hpp"

#include "base/log.hpp"
#include "carrier/health.hpp"
#include "carrier/probe.hpp"
#include "carrier/upkeep.hpp"
#include "carrier/users.hpp"

#include <algorithm>
#include <poll.h>
#include <utility>

namespace carrier {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr base::Millis k_beat = 100ms;
constexpr base::Millis k_look = 1s; // at state and links, should an event have been missed

struct Line {
    Choice choice;
    std::optional<Prober> prober;
    bool held = false;     // its table and rules are there
    unsigned index = 0;    // of the interface that the prober is bound to
    bool suspect = false;  // as was told
    bool heard = false;    // since the last question
    std::string link_word; // as was told
};

std::string_view word(const std::optional<route::Link> &link) {
    return !link ? "missing" : !link->up ? "down" : link->carrier ? "up" : "cut";
}

class Watch {
  public:
    Watch(const WatchRequest &request, Connector &connector, route::Monitor monitor,
          std::uint32_t media_uid)
        : m_request(request), m_connector(connector), m_upkeep(connector),
          m_monitor(std::move(monitor)), m_media_uid(media_uid) {}

    Result<void> run();

  private:
    Result<void> begin();
    Result<void> wait();
    Result<void> look();
    Result<void> look_at(Line &line, LineHealth &health);
    Result<void> beat();
    Result<void> decide();
    Result<void> mend();
    Result<void> follow();
    Result<void> tell(std::string_view event, const std::string &carrier,
                      const wire::JsonObject &more = {});
    [[nodiscard]] std::string &active() { return m_lines[m_active].choice.name; }
    void prefer(const std::string &name);

    const WatchRequest &m_request;
    Connector &m_connector;
    Upkeep m_upkeep;
    route::Monitor m_monitor;
    std::uint32_t m_media_uid;
    std::vector<Line> m_lines; // by preference
    std::vector<LineHealth> m_health;
    std::size_t m_active = 0;
    base::SystemClock m_clock;
    base::SteadyTime m_beat_due;
    base::SteadyTime m_look_due;
    bool m_mend = true;
    bool m_over = false;
};

Result<void> Watch::tell(std::string_view event, const std::string &carrier,
                         const wire::JsonObject &more) {
    wire::JsonObject out{{"type", "event"},
                         {"v", 1},
                         {"time", base::format_rfc3339(m_clock.now())},
                         {"reservation", m_request.settings.reservation.text()},
                         {"event", event},
                         {"carrier", carrier}};
    for (const auto &[key, value] : more)
        out[key] = value;
    return m_request.tell(out);
}

/// Makes @p name the first choice, and the active one.
void Watch::prefer(const std::string &name) {
    const auto found =
        std::ranges::find(m_lines, name, [](const Line &l) { return l.choice.name; });
    if (found == m_lines.end())
        return;
    const auto at = found - m_lines.begin();
    std::rotate(m_lines.begin(), found, found + 1);
    std::rotate(m_health.begin(), m_health.begin() + at, m_health.begin() + at + 1);
    m_active = 0;
}

Result<void> Watch::begin() {
    const wire::Settings &settings = m_request.settings;
    const Carriers carriers = TRY(m_connector.carriers());
    const CarrierState *up = active_for(carriers, settings.reservation);
    const bool as_it_is = up != nullptr && m_request.carrier.empty();
    const Choice first =
        TRY(choose(settings, m_request.config, as_it_is ? up->name : m_request.carrier));
    if (up == nullptr || up->name != first.name)
        TRY(m_connector.up(settings, first, m_media_uid,
                           {.probe = m_request.probe, .stop_fd = m_request.stop_fd}));
    for (const wire::CarrierInfo &info : settings.carriers) {
        if (info.ingest.empty())
            continue; // it is there for a tunnel alone
        auto choice = choose(settings, m_request.config, info.name);
        if (!choice) {
            base::log::warning("{}; going on without it", choice.error().message);
            continue;
        }
        Line line;
        if (m_request.probe && choice->probe)
            line.prober = TRY(Prober::make(*choice->probe));
        line.choice = std::move(*choice);
        m_health.emplace_back(line.prober.has_value());
        m_lines.push_back(std::move(line));
    }
    prefer(first.name);
    return tell("up", first.name);
}

/// Whether the line could be sent over now, and its prober bound to what is there now.
Result<void> Watch::look_at(Line &line, LineHealth &health) {
    const auto link = TRY(m_connector.link(line.choice.interface));
    const std::string now{word(link)};
    if (line.link_word != now && !(line.link_word.empty() && now == "up"))
        TRY(tell("link", line.choice.name, {{"link", now}}));
    line.link_word = now;
    if (const auto tended = m_connector.tend(m_request.settings, line.choice, m_media_uid);
        !tended && tended.error().code != Errc::try_again)
        base::log::debug("carrier {}: {}", line.choice.name, tended.error().message);
    const bool there = link && link->up && link->carrier && !link->addresses.empty();
    if (there && !line.held) {
        const auto held = m_connector.up(m_request.settings, line.choice, m_media_uid,
                                         {.probe = false, .stop_fd = -1, .spare = true});
        line.held = held.has_value();
        if (!held)
            base::log::debug("carrier {}: {}", line.choice.name, held.error().message);
    }
    const bool fit = there && line.held;
    if (fit && line.prober && line.index != link->index) {
        ProbeWay way{line.choice.name, line.choice.interface, {}};
        const auto relay = TRY(route::Address::parse(line.choice.probe->at.host));
        const auto source =
            std::ranges::find(link->addresses, relay.family, &route::Address::family);
        if (source != link->addresses.end())
            way.source = source->text();
        line.index = line.prober->bind(way) ? link->index : 0;
    }
    if (!fit)
        line.index = 0;
    health.link(fit, m_clock.steady());
    return {};
}

/// What files and interfaces say.
Result<void> Watch::look() {
    const Carriers carriers = TRY(m_connector.carriers());
    const CarrierState *up = active_for(carriers, m_request.settings.reservation);
    if (up == nullptr) {
        m_over = true;
        return tell("down", active());
    }
    if (up->name != active()) {
        const std::string from = active();
        prefer(up->name);
        TRY(tell("moved", up->name, {{"from", from}, {"why", "asked"}}));
    }
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        m_lines[i].held =
            use_of(carriers, m_lines[i].choice.name, m_request.settings.reservation) != nullptr;
        TRY(look_at(m_lines[i], m_health[i]));
    }
    return {};
}

/// Asks every line once more.
Result<void> Watch::beat() {
    for (std::size_t i = 0; i < m_lines.size(); ++i) {
        Line &line = m_lines[i];
        if (line.prober && line.index != 0) {
            if (!std::exchange(line.heard, false))
                m_health[i].missed();
            line.prober->ask();
        }
        const bool bad = m_health[i].bad();
        if (bad != line.suspect)
            TRY(tell(bad ? "suspect" : "good", line.choice.name));
        line.suspect = bad;
    }
    return decide();
}

Result<void> Watch::decide() {
    const std::size_t next = choose_line(m_health, m_active, m_clock.steady());
    if (next == m_active)
        return {};
    const auto moved = m_connector.up(m_request.settings, m_lines[next].choice, m_media_uid,
                                      {.probe = false, .stop_fd = -1});
    if (!moved) { // it stays where it is, and this is tried again
        base::log::debug("{}", moved.error().message);
        return {};
    }
    const std::string from = active();
    const bool back = next < m_active;
    m_active = next;
    return tell("moved", active(), {{"from", from}, {"why", back ? "back" : "suspect"}});
}

Result<void> Watch::mend() {
    const Mended done = m_upkeep.mend();
    m_mend = done.busy;
    if (!done.trouble.empty())
        base::log::error("{}", done.trouble);
    if (done.put_back != 0)
        TRY(tell("mended", active(), {{"steps", done.put_back}}));
    if (!done.foreign.empty())
        TRY(tell("foreign_rule", active(), {{"rule", done.foreign}}));
    return {};
}

/// Waits for the next beat or an event, and deals with it.
Result<void> Watch::wait() {
    std::vector<pollfd> fds{{m_request.stop_fd, POLLIN, 0},
                            {m_monitor.routing_fd(), POLLIN, 0},
                            {m_monitor.nftables_fd(), POLLIN, 0}};
    for (const Line &line : m_lines)
        fds.push_back({line.prober ? line.prober->fd() : -1, POLLIN, 0});
    const auto left = std::chrono::ceil<base::Millis>(m_beat_due - m_clock.steady());
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<base::Millis>(left, 0ms).count()));
    if (fds[0].revents != 0)
        m_over = true;
    if (m_monitor.drain()) {
        m_mend = true;
        m_look_due = {};
    }
    for (std::size_t i = 0; i < m_lines.size(); ++i)
        if (m_lines[i].prober && m_lines[i].prober->heard()) {
            m_lines[i].heard = true;
            m_health[i].answered(m_clock.steady());
        }
    return {};
}

Result<void> Watch::follow() {
    while (!m_over) {
        const auto now = m_clock.steady();
        if (m_mend)
            TRY(mend());
        if (now >= m_look_due) {
            TRY(look());
            m_look_due = now + k_look;
        }
        if (!m_over && now >= m_beat_due) {
            TRY(beat());
            m_beat_due = now + k_beat;
        }
        if (!m_over)
            TRY(wait());
    }
    return {};
}

Result<void> Watch::run() {
    TRY(begin());
    auto done = follow();
    auto dropped = m_connector.drop_spares(m_request.settings.reservation);
    return done ? std::move(dropped) : std::move(done);
}

} // namespace

Result<void> watch(const WatchRequest &request, Connector &connector) {
    const base::Id &id = request.settings.reservation;
    const Identity media = TRY(media_user(request.config));
    const auto lock = TRY(connector.folder().lock_watch(id));
    Watch watch{request, connector, TRY(route::Monitor::open()), media.uid};
    auto done = watch.run();
    connector.folder().forget_watch(id);
    return done;
}

} // namespace carrier
