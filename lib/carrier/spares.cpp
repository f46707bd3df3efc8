#include "carrier/spares.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace carrier {

using base::Result;
using namespace std::chrono_literals;

namespace {

constexpr auto k_again = 2s; // between two attempts at one line
constexpr int k_wanted = 2;  // lines: what the sender uses

/// The child's whole work: its exit code. It has a netlink socket of its own.
int connect(const wire::Settings &settings, const conf::TerminalConfig &config,
            const Choice &choice, std::uint32_t media_uid, bool told) {
    const auto up = [&]() -> Result<void> {
        auto connector = TRY(Connector::open(config.state, true));
        TRY(connector.up(settings, choice, media_uid,
                         {.probe = false, .stop_fd = -1, .spare = true}));
        return {};
    }();
    if (up)
        return 0;
    if (!told)
        base::log::warning("{}; going on without it as a spare", up.error().message);
    return 1;
}

} // namespace

Spares::Spares(const wire::Settings &settings, const conf::TerminalConfig &config,
               Connector &connector, std::uint32_t media_uid)
    : m_settings(settings), m_config(config), m_connector(connector), m_media_uid(media_uid) {
    for (const wire::CarrierInfo &info : settings.carriers) {
        if (info.ingest.empty())
            continue; // it is there for a tunnel
        auto choice = choose(settings, config, info.name);
        if (choice)
            m_lines.push_back({.choice = std::move(*choice)});
        else
            base::log::debug("{}; no spare", choice.error().message);
    }
}

Spares::~Spares() {
    if (m_child <= 0)
        return;
    ::kill(m_child, SIGKILL); // what it left undone, `down` finds
    ::waitpid(m_child, nullptr, 0);
}

// An interface that is up, has a line and an address.
bool Spares::is_there(const Line &line) {
    const auto link = m_connector.link(line.choice.interface);
    return link && *link && (*link)->up && (*link)->carrier && !(*link)->addresses.empty();
}

/// Its driver has something to connect, and what that takes is there.
bool Spares::may_be_dialled(const Line &line) {
    const LineDriver &driver = *find_driver(line.choice.driver);
    if (driver.is_there_already())
        return false;
    if (!driver.needs_link())
        return true;
    const auto link = m_connector.link(line.choice.interface);
    return link && *link && (*link)->up && (*link)->carrier;
}

// Its programs go on by themselves, and its addresses are an event; no child waits for them, who
// would hold the state folder's lock.
void Spares::dial(const Line &line) {
    const auto begun = m_connector.tend(m_settings, line.choice, m_media_uid);
    if (begun)
        base::log::info("carrier {}: connecting its line, as a spare", line.choice.name);
    else
        base::log::debug("carrier {}: {}", line.choice.name, begun.error().message);
}

void Spares::turn(base::SteadyTime now) {
    if (m_child > 0)
        return;
    const auto carriers = m_connector.carriers();
    const base::Id &id = m_settings.reservation;
    if (!carriers || active_for(*carriers, id) == nullptr || leaving(*carriers, id))
        return;
    const auto used = [&](const Line &line) {
        return use_of(*carriers, line.choice.name, id) != nullptr;
    };
    for (Line &line : m_lines) {
        if (used(line) || now < line.due || !is_there(line))
            continue;
        line.due = now + k_again;
        return begin(line);
    }
    if (std::ranges::count_if(m_lines, used) >= k_wanted)
        return; // a line that is dialled may cost by the minute
    for (Line &line : m_lines) {
        if (used(line) || now < line.due || !may_be_dialled(line))
            continue;
        line.due = now + k_again;
        return dial(line);
    }
}

void Spares::begin(Line &line) {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::log::debug("carrier {}: fork: {}", line.choice.name, base::errno_text(errno));
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int code = connect(m_settings, m_config, line.choice, m_media_uid, line.told);
        std::fflush(nullptr);
        ::_exit(code);
    }
    m_child = pid;
    m_trying = &line;
}

void Spares::reap() {
    int status = 0;
    if (m_child <= 0 || ::waitpid(m_child, &status, WNOHANG) != m_child)
        return;
    m_child = -1;
    const bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (done)
        base::log::info("carrier {} is up as a spare on interface {}", m_trying->choice.name,
                        m_trying->choice.interface);
    m_trying->told = !done;
}

} // namespace carrier
