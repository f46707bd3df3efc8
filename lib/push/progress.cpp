#include "push/progress.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>

namespace push {

std::string format_span(base::Millis span) {
    const std::int64_t s = std::max<std::int64_t>(0, span.count() / 1000);
    const std::string clock = fmt::format("{:02}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60);
    return s < 86'400 ? clock : fmt::format("{}d {}", s / 86'400, clock);
}

std::string countdown_line(base::Millis until_start) {
    return "starts in " + format_span(until_start + base::Millis{999}); // 0 only when it is now
}

std::string progress_line(base::Millis elapsed, base::Millis left,
                          const wire::SenderStatus &status) {
    std::string out = fmt::format(
        "{} {}, {} left | {:.1f} Mbit/s | RTT {:.1f} ms | lost {}",
        status.state.empty() ? "waiting" : status.state, format_span(elapsed), format_span(left),
        static_cast<double>(status.rate_bps) / 1e6, static_cast<double>(status.rtt_us) / 1e3,
        status.lost_packets + status.dropped_packets);
    if (status.paths.size() < 2)
        return status.carrier.empty() ? out : out + " | " + status.carrier;
    // Those that media goes over, then the spares.
    std::string carrying;
    std::string spares;
    for (const wire::SenderPathStatus &path : status.paths) {
        std::string &list = path.active ? carrying : spares;
        list += (list.empty() ? "" : path.active ? " + " : ", ") + path.carrier;
        if (path.state != "live")
            list += " " + path.state;
    }
    out += " | " + carrying;
    return spares.empty() ? out : out + (carrying.empty() ? "(" : " (") + spares + ")";
}

namespace {

// A terminal that went away stops no stream; fmt::print would throw.
void print_to_terminal(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace

void ProgressLine::show(const std::string &text) {
    if (!m_enabled)
        return;
    print_to_terminal("\r" + text + "\x1b[K");
    m_shown = true;
}

void ProgressLine::clear() {
    if (std::exchange(m_shown, false))
        print_to_terminal("\r\x1b[K");
}

namespace {

std::int64_t seconds_left(base::UtcTime now, base::UtcTime end) {
    return std::max<std::int64_t>(0, std::chrono::ceil<base::Seconds>(end - now).count());
}

} // namespace

std::string end_record(const base::Id &id, base::UtcTime now, base::UtcTime end) {
    return wire::compact_json(wire::JsonObject{{"type", "ends_soon"},
                                               {"v", 1},
                                               {"time", base::format_rfc3339(now)},
                                               {"reservation", id.text()},
                                               {"end", base::format_rfc3339(end)},
                                               {"left_s", seconds_left(now, end)}});
}

std::string stats_record(const wire::SenderStatus &status, const base::Id &id, base::UtcTime now,
                         std::optional<base::UtcTime> end, std::optional<base::BitRate> encoder) {
    wire::JsonObject out{{"type", "stats"},
                         {"v", 1},
                         {"time", base::format_rfc3339(now)},
                         {"reservation", id.text()},
                         {"state", status.state},
                         {"carrier", status.carrier},
                         {"detail", status.detail},
                         {"bytes", status.bytes},
                         {"rate_bps", status.rate_bps},
                         {"rtt_us", status.rtt_us},
                         {"queue_ms", status.queue_ms},
                         {"lost_packets", status.lost_packets},
                         {"retransmitted_packets", status.retransmitted_packets},
                         {"dropped_packets", status.dropped_packets},
                         {"reconnects", status.reconnects},
                         {"paths_use", status.use},
                         {"moves", status.moves},
                         {"paths", wire::to_json(status.paths)}};
    if (end)
        out["left_s"] = seconds_left(now, *end);
    if (encoder)
        out["encoder_limit_bps"] = encoder->bps;
    return wire::compact_json(out);
}

base::Result<StatsWriter> StatsWriter::open(const std::string &path) {
    if (path.empty() || path == "-")
        return StatsWriter{base::Fd{}, STDOUT_FILENO, "standard output"};
    base::Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (!file)
        return base::fail_errno("write", path);
    const int fd = file.get();
    return StatsWriter{std::move(file), fd, path};
}

void StatsWriter::write(std::string line) {
    line += '\n';
    pollfd ready{m_fd, POLLOUT, 0};
    if (!m_result || ::poll(&ready, 1, 0) <= 0)
        return;
    m_result = base::write_all(m_fd, line, m_name);
    if (!m_result)
        base::log::warning("{}; going on without statistics", m_result.error().message);
}

base::Result<void> StatsWriter::finish() {
    return std::move(m_result);
}

} // namespace push
