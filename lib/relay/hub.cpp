#include "relay/hub.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "relay/descriptors.hpp"
#include "relay/ingest_confine.hpp"
#include "relay/memory.hpp"
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
constexpr int k_tick_ms = 100;

wire::IngestAdmit admit_message(const wire::FeedEntry &e) {
    return {.reservation = e.reservation,
            .channel = e.channel,
            .window = e.window,
            .generation = e.generation,
            .max_rate = e.max_rate};
}

} // namespace

base::UtcTime forgotten_at(const wire::FeedEntry &e) {
    return e.window.closes() + base::Seconds{std::min<std::int64_t>(e.retention_s, 366 * 86'400)};
}

Hub::Hub(RelayConfig config, RelayKeys keys, ServeOptions options)
    : m_config(std::move(config)), m_budget(memory_budget(m_config)), m_keys(std::move(keys)),
      m_options(std::move(options)),
      m_addresses(m_config.connections_per_address, m_config.proxies),
      m_router({.board = &m_board,
                .clock = &m_clock,
                .viewer_key = &m_keys.viewer_key,
                .metrics = [this] { return m_metrics.text(m_board, m_clock); },
                .proxies = m_config.proxies}) {}

Hub::~Hub() {
    if (m_desk)
        m_desk->stop(); // its answers refer to workers
    if (m_keeper)
        keep_tallies();
}

Result<void> Hub::start_feed() {
    m_updated = base::Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!m_updated)
        return base::fail_errno("open", "eventfd");
    vault::Folder folder = TRY(vault::Folder::open(m_config.data, vault::Access::write));
    FeedState state = load_feed_state(folder, m_config.id);
    m_metrics.feed_serial = state.serial;
    m_clock.set_wall_offset(base::Millis{state.offset_ms});
    for (const auto &[id, entry] : state.entries)
        apply(entry);
    rebuild_board();
    TRY(start_receipts());
    m_feed = std::make_unique<FeedClient>(m_config, m_keys, std::move(folder), std::move(state),
                                          m_metrics, [this](FeedClient::Update update) {
                                              {
                                                  const std::lock_guard lock(m_mutex);
                                                  m_updates.push_back(std::move(update));
                                              }
                                              const std::uint64_t one = 1;
                                              [[maybe_unused]] const ssize_t n =
                                                  ::write(m_updated.get(), &one, sizeof one);
                                          });
    return {};
}

Result<int> Hub::run() {
    if (!m_config.spool.empty())
        m_spool = TRY(Spool::open(m_config.spool));
    m_program = TRY(open_child_program());
    m_identity = TRY(find_identity(m_config.user));
    if (confinement_is_built())
        base::log::debug("ingest processes are confined by {}", describe(confinement_support()));
    else
        base::log::warning("this build has a sanitizer: ingest processes are not confined");
    m_posters.emplace(TRY(open_child_program("relay-poster")), m_identity, m_options.child_mask);
    TRY(start_workers());
    TRY(start_feed());
    TRY(start_srt_out());
    for (const auto &[carrier, config] : m_config.ingest) {
        m_ingest.push_back(std::make_unique<Ingest>());
        m_ingest.back()->carrier = carrier;
        m_ingest.back()->config = config;
        start_child(*m_ingest.back());
    }
    base::log::info("viewers at http://{}{}, {} carrier{}", m_config.http.text(),
                    m_config.tls ? " and https://" + m_config.tls->listen.text() : "",
                    m_ingest.size(), m_ingest.size() == 1 ? "" : "s");
    if (m_options.ready_fd >= 0)
        TRY(base::write_all(m_options.ready_fd, "\n", "the ready descriptor"));
    const int code = serve();
    close_recordings();
    return code;
}

int Hub::serve() {
    for (;;) {
        poll_once();
        if (m_once_done)
            return 0;
        const auto signal = m_options.stop_signal();
        if (signal == SIGHUP)
            reload();
        else if (signal)
            return 128 + *signal;
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
    tick();
    if (m_srt_out)
        m_srt_out->tick(m_events, m_clock.now());
    if (std::exchange(m_new_media, false))
        for (const auto &worker : m_workers)
            worker->wake();
}

LiveEvent *Hub::find(const base::Id &reservation) {
    const auto it = m_events.find(reservation);
    return it == m_events.end() ? nullptr : &it->second;
}

// --- What the feed says --------------------------------------------------------------------------

void Hub::take_updates() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(m_updated.get(), &count, sizeof count);
    std::vector<FeedClient::Update> updates;
    {
        const std::lock_guard lock(m_mutex);
        updates.swap(m_updates);
    }
    for (const auto &update : updates) {
        m_heard = true;
        m_clock.set_offset(update.clock_offset);
        tell_children(wire::IngestClock{.offset_ms = update.clock_offset.count()});
        for (const wire::FeedEntry &entry : update.entries)
            apply(entry);
        if (!update.entries.empty())
            rebuild_board();
    }
}

void Hub::apply(const wire::FeedEntry &entry) {
    const auto now = m_clock.now();
    // Ended by its owner, its window's end was moved: until end + drain publishers may deliver.
    const bool valid = entry.state == resv::State::booked || entry.state == resv::State::active ||
                       entry.state == resv::State::ended;
    const bool open = valid && now < entry.window.closes() && entry.window.start < entry.window.end;
    const bool shown = valid && now < forgotten_at(entry);
    LiveEvent *live = find(entry.reservation);
    if (live != nullptr && live->ended() && open && entry.state != resv::State::ended)
        live->reopen(entry, options_for(entry));
    else if (live != nullptr)
        live->event()->set_entry(entry);
    else if (shown)
        m_events.try_emplace(entry.reservation, entry, options_for(entry));
    if (live != nullptr)
        keep_recording(*live);
    if (open) {
        m_admitted.insert_or_assign(entry.reservation, entry);
        tell_children(admit_message(entry));
        return;
    }
    withdraw(entry.reservation, resv::name(entry.state));
    if (live = find(entry.reservation); live != nullptr) {
        live->end(!shown);
        tell_news(entry.reservation, *live);
        m_new_media = true;
    }
}

void Hub::tell_children(const wire::IngestMessage &message) {
    for (const auto &ingest : m_ingest) {
        std::optional<Intake> &intake = ingest->intake;
        if (!intake)
            continue;
        if (const auto *admit = std::get_if<wire::IngestAdmit>(&message))
            intake->admit(admit->reservation);
        if (const auto *gone = std::get_if<wire::IngestWithdraw>(&message))
            intake->withdraw(gone->reservation);
        intake->outbox.push_back({.message = message, .extent = {}});
    }
}

void Hub::withdraw(const base::Id &reservation, std::string_view reason) {
    if (m_admitted.erase(reservation) == 0)
        return;
    tell_children(wire::IngestWithdraw{.reservation = reservation, .reason = std::string(reason)});
    m_once_done = m_options.once; // this event has ended
}

void Hub::rebuild_board() {
    Board::Events events;
    for (const auto &[id, live] : m_events)
        events[live.event()->entry()->vid] = live.event();
    m_board.set(std::move(events));
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
    // Not the folder's own lock, which enrol takes. Without it two would share the viewers' port.
    const auto lock = TRY(base::FileLock::acquire(config.data / "serve.lock", 0));
    TRY(await_udp_addresses(config));
    Hub hub(config, std::move(keys), options);
    return hub.run();
}

} // namespace relay
