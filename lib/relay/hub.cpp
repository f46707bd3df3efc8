#include "relay/hub.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "confine/process.hpp"
#include "relay/descriptors.hpp"
#include "relay/memory.hpp"
#include "relay/receipt_files.hpp"
#include "relay/status.hpp"

#include <csignal>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <utility>

namespace relay {

using base::Errc;
using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr auto k_restart_gap = 1s; // between two starts of one child
constexpr int k_farewells = 50;
constexpr auto k_farewell_gap = 20ms;
constexpr int k_tick_ms = 100;
constexpr auto k_tick_gap = 20ms; // media comes more often, and a tick looks at every event

} // namespace

base::UtcTime forgotten_at(const wire::FeedEntry &e) {
    return e.window.closes() + base::Seconds{std::min<std::int64_t>(e.retention_s, 366 * 86'400)};
}

Hub::Hub(RelayConfig config, RelayKeys keys, ServeOptions options)
    : m_config(std::move(config)), m_budget(memory_budget(m_config)), m_keys(std::move(keys)),
      m_options(std::move(options)),
      m_addresses(m_config.connections_per_address, m_config.proxies),
      m_egress(m_config.egress.bps),
      m_router({.board = &m_board,
                .clock = &m_clock,
                .viewer_key = &m_keys.viewer_key,
                .egress = &m_egress,
                .metrics = [this] { return m_metrics.text(m_board, m_clock, m_egress); },
                .proxies = m_config.proxies}) {}

Hub::~Hub() {
    if (m_desk)
        m_desk->stop(); // its answers refer to workers
    if (m_keeper)
        keep_tallies();
    m_crew.reset();
    if (m_options.rehearse)
        return; // they are another's
    // The terminators end with the last bytes that those viewers' sockets take.
    for (int i = 0; i < k_farewells && !m_terminators.empty(); ++i) {
        std::this_thread::sleep_for(k_farewell_gap);
        m_terminators.remove_if([](Process &p) { return p.ended().has_value(); });
    }
}

Result<void> Hub::find_programs() {
    m_program = TRY(open_child_program());
    m_identity = TRY(find_identity(m_config.user));
    m_posters.emplace(TRY(open_child_program("relay-poster")), m_identity, m_options.child_mask);
    TRY(start_srt_out());
    for (const auto &[carrier, config] : m_config.ingest) {
        m_ingest.push_back(std::make_unique<Ingest>());
        m_ingest.back()->carrier = carrier;
        m_ingest.back()->config = config;
    }
    return {};
}

Result<int> Hub::run(base::FileLock lock) {
    m_lock.emplace(std::move(lock));
    if (!m_config.spool.empty())
        m_spool = TRY(Spool::open(m_config.spool));
    TRY(find_programs());
    if (confine::is_built())
        base::log::debug("processes that face strangers are confined by {}",
                         describe(confine::support()));
    else
        base::log::warning("this build has a sanitizer: processes are not confined");
    TRY(start_workers());
    for (const auto &worker : m_crew->workers)
        worker->go();
    const vault::Folder folder = TRY(vault::Folder::open(m_config.data, vault::Access::write));
    FeedState state = load_feed_state(folder, m_config.id);
    m_clock.set_wall_offset(base::Millis{state.offset_ms});
    TRY(load_tallies());
    auto receipts = load_receipts(folder);
    TRY(start_conversations(state,
                            {.reports = {}, .receipts = {receipts.begin(), receipts.end()}}));
    apply_all(state);
    m_egress.take_stock(m_board, m_clock.now());
    for (const auto &ingest : m_ingest)
        start_child(*ingest);
    base::log::info("viewers at http://{}{}, {} carrier{}", m_config.http.text(),
                    m_config.tls ? " and https://" + m_config.tls->listen.text() : "",
                    m_ingest.size(), m_ingest.size() == 1 ? "" : "s");
    if (m_options.ready_fd >= 0)
        TRY(base::write_all(m_options.ready_fd, "\n", "the ready descriptor"));
    return serve();
}

int Hub::serve() {
    for (;;) {
        poll_once();
        tick_upgrade();
        const auto signal = m_once_done ? std::nullopt : m_options.stop_signal();
        if (signal == SIGHUP)
            reload();
        else if (signal == SIGUSR2)
            begin_upgrade();
        else if (signal || m_once_done) {
            close_recordings();
            wind_up();
            return signal ? 128 + *signal : 0;
        }
    }
}

void Hub::poll_once() {
    std::vector<pollfd> fds{{m_options.stop_fd, POLLIN, 0}, {m_updated.get(), POLLIN, 0}};
    for (const auto &ingest : m_ingest)
        fds.push_back(
            {ingest->child ? ingest->child->fd() : -1,
             static_cast<short>(POLLIN |
                                (ingest->intake && !ingest->intake->outbox.empty() ? POLLOUT : 0)),
             0});
    fds.push_back({m_srt_out ? m_srt_out->fd() : -1, POLLIN, 0});
    ::poll(fds.data(), fds.size(), k_tick_ms);
    if (fds[1].revents != 0)
        take_updates();
    for (std::size_t i = 0; i < m_ingest.size(); ++i)
        if (fds[i + 2].revents != 0)
            read_child(*m_ingest[i]);
    if (fds.back().revents != 0)
        m_srt_out->readable();
    if (const auto now = std::chrono::steady_clock::now(); now - m_ticked >= k_tick_gap) {
        m_ticked = now;
        tick();
    }
    if (m_srt_out)
        m_srt_out->tick(m_events, m_clock.now());
    if (std::exchange(m_new_media, false))
        for (const auto &worker : m_crew->workers)
            worker->wake();
}

LiveEvent *Hub::find(const base::Id &reservation) {
    const auto it = m_events.find(reservation);
    return it == m_events.end() ? nullptr : &it->second;
}

// --- Time ----------------------------------------------------------------------------------------

void Hub::tell_news(const base::Id &reservation, LiveEvent &live) {
    for (const LiveEvent::News news : live.take_news()) {
        const wire::Report report{.event = std::string(name(news)),
                                  .reservation = reservation,
                                  .at = m_clock.now(),
                                  .bytes = live.event()->bytes_in};
        record(report.event, {{"reservation", reservation.text()}, {"bytes", report.bytes}});
        m_reporter->add(report);
    }
}

void Hub::tick() {
    const auto now = m_clock.now();
    const auto steady = std::chrono::steady_clock::now();
    bool forgot = false;
    for (auto it = m_events.begin(); it != m_events.end();) {
        auto &[id, live] = *it;
        const EntryPtr entry = live.event()->entry();
        if (!live.ended() && now >= entry->window.closes()) {
            withdraw(id, "ended");
            live.end(false);
            m_new_media = true;
        }
        live.tick(steady);
        tell_news(id, live);
        const bool forget = now >= forgotten_at(*entry) || live.event()->withdrawn;
        forgot = forgot || forget;
        if (forget && live.event()->recording())
            m_spool->remove(live.event()->recording());
        it = forget ? m_events.erase(it) : std::next(it);
    }
    if (forgot)
        rebuild_board();
    tick_receipts(now, steady);
    std::vector<LiveEvent *> all;
    all.reserve(m_events.size());
    for (auto &[id, live] : m_events)
        all.push_back(&live);
    m_new_media = keep_within(m_budget, all) || m_new_media;
    tick_spool(steady);
    tick_posters(steady);
    tick_load(steady);
    tick_pace();
    m_terminators.remove_if([](Process &p) { return p.ended().has_value(); });
    for (const auto &ingest : m_ingest) {
        if (!ingest->child && steady - ingest->started >= k_restart_gap)
            start_child(*ingest);
        std::optional<Child> &child = ingest->child;
        std::optional<Intake> &intake = ingest->intake;
        if (!child || !intake)
            continue;
        give_owed(*ingest);
        if (const auto sent = child->flush(*intake); !sent)
            end_child(*ingest, sent.error().message);
    }
}

void Hub::tick_posters(base::SteadyTime now) {
    std::vector<EventPtr> events;
    events.reserve(m_events.size());
    for (const auto &[id, live] : m_events)
        events.push_back(live.event());
    m_new_media = m_posters->tick(events, now) || m_new_media;
    m_metrics.posters = m_posters->started();
}

Result<int> serve(const RelayConfig &config, const ServeOptions &options) {
    RelayKeys keys = TRY(load_keys(config));
    if (options.take_over >= 0)
        return Hub{config, std::move(keys), options}.take_over();
    // Not the folder's own lock, which enrol takes. Without it two would share the viewers' port.
    auto lock = TRY(base::FileLock::acquire(config.data / "serve.lock", 0));
    TRY(await_udp_addresses(config));
    Hub hub(config, std::move(keys), options);
    return hub.run(std::move(lock));
}

} // namespace relay
