// The hub's side towards the viewers: the doors that they come in by.
#include "base/log.hpp"
#include "relay/descriptors.hpp"
#include "relay/hub.hpp"
#include "relay/listener.hpp"

#include <csignal>
#include <poll.h>
#include <sys/socket.h>

namespace relay {

using base::Result;

namespace {
constexpr std::chrono::seconds k_load_period{1};
constexpr std::chrono::seconds k_wind_up_time{10};
constexpr int k_wind_up_look_ms = 20;
} // namespace

// Without their threads. Whoever came by a door of the former program waits there still.
Result<void> Hub::start_workers(const std::vector<Handover::Listener> &former) {
    const unsigned count =
        m_config.workers > 0 ? m_config.workers : std::max(1U, std::thread::hardware_concurrency());
    const std::size_t limit = raise_descriptor_limit();
    const std::size_t connections =
        connections_within(limit, m_config.connections, m_config.ingest.size(), count);
    if (connections < m_config.connections)
        base::log::warning("{} descriptors allow {} connections, not {}; raise LimitNOFILE", limit,
                           connections, m_config.connections);
    if (m_config.tls)
        m_tls = TRY(net::TlsIdentity::load(m_config.tls->certificate, m_config.tls->key));
    m_metrics.tls = m_tls.get();
    std::vector<Door> doors;
    const auto open = [&](const conf::Address &at, Door door) -> Result<void> {
        door.listener = TRY(listen_on(at));
        doors.push_back(std::move(door));
        return {};
    };
    for (const Handover::Listener &listener : former)
        doors.push_back({.listener = base::Fd{listener.fd},
                         .tls = listener.door == k_secure_door ? m_tls.get() : nullptr,
                         .admin = listener.door == k_admin_door});
    if (former.empty()) {
        TRY(open(m_config.http, {}));
        if (m_config.tls)
            TRY(open(m_config.tls->listen, {.listener = {}, .tls = m_tls.get()}));
        if (m_config.admin)
            TRY(open(*m_config.admin, {.listener = {}, .admin = true}));
    }
    m_desk = std::make_unique<PasswordDesk>();
    m_crew = std::make_unique<Crew>(std::move(doors), count);
    for (std::size_t i = 0; i < count; ++i)
        m_crew->workers.push_back(TRY(Worker::make({.router = &m_router,
                                                    .latency = &m_metrics.in_to_out,
                                                    .counters = &m_metrics.viewers,
                                                    .desk = m_desk.get(),
                                                    .max_connections = connections,
                                                    .addresses = &m_addresses,
                                                    .crew = m_crew.get(),
                                                    .index = i,
                                                    .pipes = pipes_within(limit, count)})));
    return {};
}

Result<void> Hub::start_srt_out() {
    if (!m_config.srt_out)
        return {};
    m_srt_out_program = TRY(open_child_program("relay-srt-out"));
    m_srt_out = std::make_unique<SrtOut>(SrtOut::World{
        .listen = *m_config.srt_out,
        .program = m_srt_out_program.get(),
        .identity = m_identity,
        .mask = m_options.child_mask,
        .viewer_key = &m_keys.viewer_key,
        .metrics = &m_metrics,
        .on_end = [this](const std::string &why) { record("srt_out_ended", {{"reason", why}}); }});
    return {};
}

// Who is being answered gets the rest; publishers and new viewers can go elsewhere meanwhile.
// Another signal ends it.
void Hub::wind_up() {
    for (const auto &ingest : m_ingest)
        ingest->child.reset();
    for (const Door &door : m_crew->doors) // or who comes would wait for nothing
        ::shutdown(door.listener.get(), SHUT_RD);
    for (const auto &worker : m_crew->workers)
        worker->wind_up();
    const auto until = std::chrono::steady_clock::now() + k_wind_up_time;
    while (m_metrics.viewers.connections > 0 && std::chrono::steady_clock::now() < until) {
        pollfd again{.fd = m_options.stop_fd, .events = POLLIN, .revents = 0};
        ::poll(&again, 1, k_wind_up_look_ms);
        if (const auto signal = m_options.stop_signal();
            signal && *signal != SIGHUP && *signal != SIGUSR2)
            break;
    }
    if (const std::int64_t left = m_metrics.viewers.connections; left > 0)
        base::log::warning("{} viewer{} cut", left, left == 1 ? "" : "s");
}

// What SRT viewers are given counts, too: it takes the same core.
void Hub::tick_load(base::SteadyTime now) {
    const std::chrono::duration<double> passed = now - m_load_taken;
    if (passed < k_load_period)
        return;
    std::int64_t bytes = 0;
    for (const auto &[id, live] : m_events)
        bytes += live.event()->bytes_out;
    // Less than before, an event was forgotten: the next turn tells.
    m_metrics.viewers.egress_bps = static_cast<std::int64_t>(
        8 * double(std::max<std::int64_t>(0, bytes - m_load_bytes)) / passed.count());
    m_load_taken = now;
    m_load_bytes = bytes;
    m_egress.take_stock(m_board, m_clock.now());
}

// A configuration that has changed is taken up as a new version of the program is: it is tried
// first, as a whole, and viewers stay.
void Hub::reload() {
    const auto config = m_options.configuration();
    if (!config)
        return base::log::error("reload: {}; going on as before{}{}", config.error().message,
                                config.error().hint.empty() ? "" : ": ", config.error().hint);
    if (print_config(*config) == print_config(m_config))
        return reload_certificate();
    base::log::info("reload: the configuration has changed");
    begin_upgrade();
}

// Connections that are there go on with what they were made with.
void Hub::reload_certificate() {
    if (!m_tls)
        return base::log::warning(
            "HUP: nothing to reload: the configuration is as it was, and there is no https");
    if (const auto done = m_tls->reload(); !done)
        return base::log::error("reload: {}; the former certificate stays in use{}{}",
                                done.error().message, done.error().hint.empty() ? "" : ": ",
                                done.error().hint);
    base::log::info("reloaded {}, valid until {}", m_config.tls->certificate.native(),
                    base::format_rfc3339(m_tls->current()->not_after()));
}

} // namespace relay
