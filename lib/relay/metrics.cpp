#include "relay/metrics.hpp"

#include <array>
#include <fmt/format.h>
#include <iterator>

namespace relay {

namespace {

struct PerEvent {
    std::string_view name;
    std::string_view type;
    std::string_view help;
    std::atomic<std::int64_t> Event::*value;
};

constexpr auto k_per_event = std::to_array<PerEvent>({
    {"slotcast_relay_ingest_bytes_total", "counter", "Media received", &Event::bytes_in},
    {"slotcast_relay_egress_bytes_total", "counter", "Media given to viewers", &Event::bytes_out},
    {"slotcast_relay_viewers", "gauge", "Viewers of live.ts", &Event::viewers},
    {"slotcast_relay_peak_viewers", "gauge", "The most viewers at a time, those of HLS among them",
     &Event::peak_viewers},
    {"slotcast_relay_memory_bytes", "gauge", "Memory that the media takes", &Event::bytes_kept},
    {"slotcast_relay_requests_waiting", "gauge", "Requests that wait for media", &Event::blocked},
    {"slotcast_relay_viewers_refused_total", "counter", "Viewers beyond the reserved number",
     &Event::viewers_refused},
    {"slotcast_relay_viewers_moved_total", "counter", "Slow viewers moved to the newest cut",
     &Event::viewers_moved},
    {"slotcast_relay_viewers_dropped_total", "counter", "Viewers too slow again and again",
     &Event::viewers_dropped},
    {"slotcast_relay_segments_total", "counter", "HLS segments asked for", &Event::segments_out},
    {"slotcast_relay_gaps_total", "counter", "Changes from one publisher's stream to another",
     &Event::gaps},
    {"slotcast_relay_payloads_lost_total", "counter", "Numbered payloads that came over no path",
     &Event::payloads_lost},
    {"slotcast_relay_ingest_lost_packets", "gauge", "SRT packets lost, of the present connections",
     &Event::lost_packets},
});

struct PerPath {
    std::string_view name;
    std::string_view help;
    std::int64_t PathNumbers::*value;
};

constexpr auto k_per_path = std::to_array<PerPath>({
    {"slotcast_relay_path_rate_bits", "Media of the last second, bits", &PathNumbers::rate_bps},
    {"slotcast_relay_path_round_trip_microseconds", "Round trip", &PathNumbers::rtt_us},
    {"slotcast_relay_path_lost_packets", "SRT packets lost", &PathNumbers::lost_packets},
    {"slotcast_relay_path_dropped_packets", "SRT packets that came too late",
     &PathNumbers::dropped_packets},
});

void header(std::string &out, std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(out), "# HELP {} {}.\n# TYPE {} {}\n", name, help, name,
                   type);
}

void single(std::string &out, std::string_view name, std::string_view type, std::string_view help,
            std::int64_t value) {
    header(out, name, type, help);
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

// Each connection that is open: none, and there is no line.
void paths(std::string &out, const std::map<std::string, EventPtr> &events) {
    for (const PerPath &m : k_per_path) {
        header(out, m.name, "gauge", m.help);
        for (const auto &[id, event] : events)
            for (const PathNumbers &path : event->paths())
                fmt::format_to(std::back_inserter(out),
                               "{}{{reservation=\"{}\",carrier=\"{}\",path=\"{}\"}} {}\n", m.name,
                               id, path.carrier, path.path, path.*m.value);
    }
}

void recordings(std::string &out, const std::map<std::string, EventPtr> &events) {
    const auto each = [&](std::string_view name, std::string_view type, std::string_view help,
                          std::int64_t (Event::*value)() const) {
        header(out, name, type, help);
        for (const auto &[id, event] : events)
            fmt::format_to(std::back_inserter(out), "{}{{reservation=\"{}\"}} {}\n", name, id,
                           ((*event).*value)());
    };
    each("slotcast_relay_recorded_bytes", "gauge", "Media in the files of the spool",
         &Event::recorded_bytes);
    each("slotcast_relay_recording_lost_segments_total", "counter",
         "Segments that the spool could not take", &Event::segments_lost);
}

double seconds(std::int64_t us) {
    return static_cast<double>(us) / 1e6;
}

void latency(std::string &out, const LatencyRecord &record) {
    constexpr std::string_view name = "slotcast_relay_in_to_out_seconds";
    header(out, name, "summary", "From a packet's arrival to its first viewer of live.ts");
    for (const double q : {0.5, 0.9, 0.99})
        fmt::format_to(std::back_inserter(out), "{}{{quantile=\"{}\"}} {:.6f}\n", name, q,
                       seconds(record.quantile_us(q)));
    fmt::format_to(std::back_inserter(out), "{}_sum {:.6f}\n{}_count {}\n", name,
                   seconds(record.sum_us()), name, record.count());
    header(out, "slotcast_relay_in_to_out_max_seconds", "gauge", "The longest so far");
    fmt::format_to(std::back_inserter(out), "slotcast_relay_in_to_out_max_seconds {:.6f}\n",
                   seconds(record.max_us()));
}

void capacity(std::string &out, const Egress &egress, const ViewerCounters &viewers) {
    single(out, "slotcast_relay_egress_bits", "gauge", "Media given to viewers a second, bits",
           viewers.egress_bps);
    single(out, "slotcast_relay_egress_limit_bits", "gauge",
           "What relay.toml has the node give at most, 0: no limit", egress.limit_bps());
    single(out, "slotcast_relay_egress_promised_bits", "gauge",
           "Reserved viewers times rate, of the events that are open", egress.promised_bps());
    single(out, "slotcast_relay_egress_on_demand_bits", "gauge",
           "What viewers of events that are over may take", egress.on_demand_bps());
    single(out, "slotcast_relay_egress_refused_total", "counter",
           "Requests for events that are over for which there was no room", egress.refused());
}

void connections(std::string &out, const ViewerCounters &viewers) {
    single(out, "slotcast_relay_connections", "gauge", "Open HTTP connections",
           viewers.connections);
    single(out, "slotcast_relay_connections_total", "counter", "HTTP connections accepted",
           viewers.accepted);
    header(out, "slotcast_relay_connections_turned_away_total", "counter",
           "HTTP connections beyond a limit");
    for (const auto &[of, count] : {std::pair{"total", viewers.turned_away.load()},
                                    std::pair{"address", viewers.turned_away_of_address.load()}})
        fmt::format_to(std::back_inserter(out),
                       "slotcast_relay_connections_turned_away_total{{limit=\"{}\"}} {}\n", of,
                       count);
}

void encryption(std::string &out, const TlsCounters &counters, const net::TlsIdentity &tls) {
    single(out, "slotcast_relay_tls_connections_total", "counter", "Connections that agreed on TLS",
           counters.agreed);
    single(out, "slotcast_relay_tls_failed_total", "counter",
           "Connections that did not, in time or at all", counters.failed);
    single(out, "slotcast_relay_tls_in_kernel_total", "counter",
           "Connections that agreed on TLS, for which the kernel encrypts", counters.in_kernel);
    single(out, "slotcast_relay_certificate_not_after_seconds", "gauge",
           "The certificate's end, since 1970", base::unix_ms(tls.current()->not_after()) / 1000);
}

} // namespace

void Metrics::refused(const std::string &carrier, const std::string &reason, std::int64_t count) {
    const std::lock_guard lock(m_mutex);
    // Reasons come from a child: it shall not fill the memory with them.
    const bool known = m_refused.contains({carrier, reason});
    m_refused[{carrier, known || m_refused.size() < 256 ? reason : "other"}] += count;
}

void Metrics::pull_refused(const std::string &reason, std::int64_t count) {
    const std::lock_guard lock(m_mutex);
    m_pull_refused[reason] += count;
}

void Metrics::child_started(const std::string &carrier) {
    const std::lock_guard lock(m_mutex);
    ++m_children[carrier];
}

void Metrics::preflight_opened(const std::string &carrier) {
    const std::lock_guard lock(m_mutex);
    Preflights &p = m_preflights[carrier];
    ++p.now;
    ++p.sessions;
}

void Metrics::preflight_closed(const std::string &carrier, std::int64_t bytes) {
    const std::lock_guard lock(m_mutex);
    Preflights &p = m_preflights[carrier];
    --p.now;
    p.bytes += bytes;
}

void Metrics::preflights_lost(const std::string &carrier) {
    const std::lock_guard lock(m_mutex);
    m_preflights[carrier].now = 0;
}

std::string Metrics::text(const Board &board, const base::ControlClock &clock,
                          const Egress &egress) const {
    std::string out;
    const auto events = board.events();
    std::map<std::string, EventPtr> sorted; // by reservation, so that the text is stable
    for (const auto &[vid, event] : *events)
        sorted[event->entry()->reservation.text()] = event;
    for (const PerEvent &m : k_per_event) {
        header(out, m.name, m.type, m.help);
        for (const auto &[id, event] : sorted)
            fmt::format_to(std::back_inserter(out), "{}{{reservation=\"{}\"}} {}\n", m.name, id,
                           ((*event).*m.value).load());
    }
    header(out, "slotcast_relay_live", "gauge", "1 while media comes");
    for (const auto &[id, event] : sorted)
        fmt::format_to(std::back_inserter(out), "slotcast_relay_live{{reservation=\"{}\"}} {}\n",
                       id, event->live ? 1 : 0);
    header(out, "slotcast_relay_hls_viewers", "gauge",
           "Viewers of HLS that hold a place, or, of what is over, share the line");
    for (const auto &[id, event] : sorted)
        fmt::format_to(std::back_inserter(out),
                       "slotcast_relay_hls_viewers{{reservation=\"{}\"}} {}\n", id,
                       event->attending());
    recordings(out, sorted);
    paths(out, sorted);
    capacity(out, egress, viewers);
    latency(out, in_to_out);
    connections(out, viewers);
    if (tls != nullptr)
        encryption(out, viewers.tls, *tls);
    header(out, "slotcast_relay_batch_interval_seconds", "gauge",
           "Between two sends to the same live viewer, smoothed");
    fmt::format_to(std::back_inserter(out), "slotcast_relay_batch_interval_seconds {:.6f}\n",
                   static_cast<double>(viewers.batch_us.load()) / 1e6);
    single(out, "slotcast_relay_feed_serial", "gauge", "Serial of the feed", feed_serial);
    const std::int64_t heard = feed_heard_us;
    single(out, "slotcast_relay_feed_age_seconds", "gauge",
           "Since control last answered, -1: never",
           heard == 0 ? -1 : (monotonic_us() - heard) / 1'000'000);
    single(out, "slotcast_relay_clock_offset_milliseconds", "gauge",
           "Control's clock minus this machine's", clock.wall_offset().count());
    single(out, "slotcast_relay_reports_waiting", "gauge", "Reports not yet taken by control",
           reports_waiting);
    single(out, "slotcast_relay_posters_total", "counter", "Starts of processes for pictures",
           posters);
    single(out, "slotcast_relay_recordings_failing", "gauge",
           "Recordings whose last segment could not be written", recordings_failing);
    single(out, "slotcast_relay_spool_waiting_bytes", "gauge", "Media that waits for the disk",
           spool_waiting);
    const std::lock_guard lock(m_mutex);
    header(out, "slotcast_relay_ingest_refused_total", "counter", "Publishers refused");
    for (const auto &[key, count] : m_refused)
        fmt::format_to(std::back_inserter(out),
                       "slotcast_relay_ingest_refused_total{{carrier=\"{}\",reason=\"{}\"}} {}\n",
                       key.first, key.second, count);
    const auto preflights = [&](std::string_view name, std::string_view type, std::string_view help,
                                std::int64_t Preflights::*value) {
        header(out, name, type, help);
        for (const auto &[carrier, p] : m_preflights)
            fmt::format_to(std::back_inserter(out), "{}{{carrier=\"{}\"}} {}\n", name, carrier,
                           p.*value);
    };
    preflights("slotcast_relay_preflights", "gauge", "Preflights that run", &Preflights::now);
    preflights("slotcast_relay_preflights_total", "counter", "Preflights so far",
               &Preflights::sessions);
    preflights("slotcast_relay_preflight_bytes_total", "counter",
               "Bytes of preflights, which were discarded", &Preflights::bytes);
    header(out, "slotcast_relay_ingest_starts_total", "counter", "Starts of ingest processes");
    for (const auto &[carrier, count] : m_children)
        fmt::format_to(std::back_inserter(out),
                       "slotcast_relay_ingest_starts_total{{carrier=\"{}\"}} {}\n", carrier, count);
    if (m_pull_starts == 0)
        return out;
    single(out, "slotcast_relay_srt_out_starts_total", "counter", "Starts of the SRT-out process",
           m_pull_starts);
    header(out, "slotcast_relay_srt_out_refused_total", "counter", "Viewers refused over SRT");
    for (const auto &[reason, count] : m_pull_refused)
        fmt::format_to(std::back_inserter(out),
                       "slotcast_relay_srt_out_refused_total{{reason=\"{}\"}} {}\n", reason, count);
    return out;
}

} // namespace relay
