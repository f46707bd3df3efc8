#include "relay/status.hpp"

#include "base/clock.hpp"
#include "confine/process.hpp"
#include "net/tls.hpp"
#include "relay/child.hpp"
#include "relay/keys.hpp"
#include "relay/spool.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

namespace relay {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

namespace {

// A relay-serve that was killed leaves its children to the kernel, which ends them a moment later.
constexpr auto k_predecessor = 1s;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr *get() const {
        return reinterpret_cast<const sockaddr *>(&storage);
    }
};

SocketAddress socket_address(const conf::Address &address) {
    SocketAddress out;
    if (address.is_v6()) {
        auto &v6 = reinterpret_cast<sockaddr_in6 &>(out.storage);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
        out.size = sizeof v6;
    } else {
        auto &v4 = reinterpret_cast<sockaddr_in &>(out.storage);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
        out.size = sizeof v4;
    }
    return out;
}

// Binds and lets go again: never listens, so that a running relay loses no viewer to it.
std::optional<base::Error> bindable(const conf::Address &address, int type) {
    const SocketAddress where = socket_address(address);
    const base::Fd fd{::socket(where.storage.ss_family, type | SOCK_CLOEXEC, 0)};
    const int one = 1;
    if (type == SOCK_STREAM)
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd && ::bind(fd.get(), where.get(), where.size) == 0)
        return std::nullopt;
    auto error = base::fail_errno("bind", address.text()).error();
    if (errno == EADDRINUSE)
        error.hint = "is relay-serve running already? ss -lntup shows who has it";
    if (errno == EADDRNOTAVAIL)
        error.hint = "ip address shows the addresses of this machine";
    error.code = Errc::unavailable;
    return error;
}

std::optional<base::Error> bindable(const IngestConfig &ingest) {
    conf::Address echo = ingest.listen;
    echo.port = static_cast<std::uint16_t>(echo.port + 1);
    auto error = bindable(ingest.listen, SOCK_DGRAM);
    return error ? error : bindable(echo, SOCK_DGRAM);
}

template <typename T> std::optional<base::Error> error_of(const Result<T> &result) {
    return result ? std::nullopt : std::optional{result.error()};
}

std::optional<base::Error> usable(const TlsConfig &config) {
    const auto context = net::TlsContext::load(config.certificate, config.key);
    if (context && (*context)->not_after() < base::SystemClock{}.now())
        return base::fail_hint(Errc::config, "get a new one", "{}: expired at {}",
                               config.certificate.native(),
                               base::format_rfc3339((*context)->not_after()))
            .error();
    return error_of(context);
}

Result<std::string> fetch_metrics(const conf::Address &address) {
    constexpr std::size_t k_max_answer = std::size_t{16} << 20;
    const SocketAddress where = socket_address(address);
    const base::Fd fd{::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!fd || ::connect(fd.get(), where.get(), where.size) != 0)
        return base::fail_errno("connect to", address.text());
    TRY(base::write_all(fd.get(), "GET /metrics HTTP/1.0\r\n\r\n", address.text()));
    std::string answer = TRY(base::read_all(fd.get(), address.text(), k_max_answer));
    const std::size_t body = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.1 200 ") || body == std::string::npos)
        return base::fail(Errc::protocol, "{}: does not answer as a relay does", address.text());
    return answer.substr(body + 4);
}

} // namespace

wire::Json to_json(const CheckItem &item) {
    wire::JsonObject out{{"type", "check"}, {"v", 1}, {"what", item.what}, {"ok", !item.error}};
    if (item.error)
        out["error"] = item.error->message;
    if (!item.note.empty())
        out["note"] = item.note;
    return out;
}

CheckItem check_confinement(const confine::Support &support, bool built) {
    CheckItem item{.what = "confinement", .error = {}, .note = describe(support)};
    if (!built)
        item.note = "this build has a sanitizer: processes are not confined";
    else if (!support.filter)
        item.error = base::Error{Errc::unavailable, "this kernel has no seccomp filters",
                                 "a kernel with CONFIG_SECCOMP_FILTER is needed"};
    return item;
}

std::vector<CheckItem> check_relay(const RelayConfig &config) {
    std::vector<CheckItem> out;
    const auto add = [&out](std::string what, std::optional<base::Error> error) {
        out.push_back({.what = std::move(what), .error = std::move(error), .note = {}});
    };
    add("keys", error_of(load_keys(config)));
    add("program", error_of(open_child_program()));
    add("poster", error_of(open_child_program("relay-poster")));
    add("user", error_of(find_identity(config.user)));
    out.push_back(check_confinement(confine::support(), confine::is_built()));
    add("http", bindable(config.http, SOCK_STREAM));
    if (config.tls) {
        add("https", bindable(config.tls->listen, SOCK_STREAM));
        add("tls", usable(*config.tls));
    }
    if (config.srt_out) {
        add("srt_out", bindable(*config.srt_out, SOCK_DGRAM));
        add("srt_out.program", error_of(open_child_program("relay-srt-out")));
    }
    if (!config.spool.empty())
        add("spool", error_of(check_spool(config.spool)));
    if (config.admin)
        add("admin", bindable(*config.admin, SOCK_STREAM));
    for (const auto &[carrier, ingest] : config.ingest)
        add("ingest." + carrier, bindable(ingest));
    return out;
}

Result<void> await_udp_addresses(const RelayConfig &config) {
    const auto until = std::chrono::steady_clock::now() + k_predecessor;
    const auto await = [&](const std::string &what, const auto &at) -> Result<void> {
        while (auto error = at()) {
            if (std::chrono::steady_clock::now() >= until)
                return std::unexpected(std::move(*error).in(what));
            std::this_thread::sleep_for(20ms);
        }
        return {};
    };
    for (const auto &[carrier, ingest] : config.ingest)
        TRY(await("ingest." + carrier, [&] { return bindable(ingest); }));
    if (config.srt_out)
        TRY(await("srt_out", [&] { return bindable(*config.srt_out, SOCK_DGRAM); }));
    return {};
}

Result<std::vector<wire::Json>> relay_status(const RelayConfig &config) {
    auto text = fetch_metrics(config.admin.value_or(config.http));
    if (!text) {
        text.error().hint = config.admin ? "relay-serve runs in the foreground or as a service: "
                                           "is it up?"
                                         : "without admin in relay.toml, metrics are given to "
                                           "loopback only";
        return std::unexpected(text.error());
    }
    return status_records(*text);
}

namespace {

// The value of a label of a line in Prometheus' text; our names need no escapes.
std::optional<std::string_view> label_of(std::string_view line, std::string_view name) {
    const std::string wanted = fmt::format("{}=\"", name);
    const std::size_t at = line.find(wanted);
    if (at == std::string_view::npos)
        return std::nullopt;
    line.remove_prefix(at + wanted.size());
    return line.substr(0, line.find('"'));
}

wire::JsonObject &path_of(wire::JsonObject &event, std::string_view carrier,
                          std::string_view number) {
    std::int64_t path = 0;
    std::from_chars(number.data(), number.data() + number.size(), path);
    wire::JsonArray &paths = event["paths"].as_array();
    for (wire::Json &known : paths)
        if (known.as_object()["carrier"].as_string() == carrier &&
            known.as_object()["path"].as_int64() == path)
            return known.as_object();
    paths.push_back(wire::JsonObject{{"carrier", carrier}, {"path", path}});
    return paths.back().as_object();
}

} // namespace

std::vector<wire::Json> status_records(std::string_view metrics) {
    static const std::map<std::string_view, std::string_view> k_names{
        {"slotcast_relay_live", "live"},
        {"slotcast_relay_viewers", "viewers"},
        {"slotcast_relay_peak_viewers", "peak_viewers"},
        {"slotcast_relay_hls_viewers", "hls_viewers"},
        {"slotcast_relay_ingest_bytes_total", "ingest_bytes"},
        {"slotcast_relay_egress_bytes_total", "egress_bytes"},
        {"slotcast_relay_gaps_total", "gaps"},
        {"slotcast_relay_payloads_lost_total", "payloads_lost"},
        {"slotcast_relay_recorded_bytes", "recorded_bytes"},
        {"slotcast_relay_recording_lost_segments_total", "recording_lost_segments"},
        {"slotcast_relay_recordings_failing", "recordings_failing"},
        {"slotcast_relay_spool_waiting_bytes", "spool_waiting_bytes"},
        {"slotcast_relay_path_rate_bits", "rate_bps"},
        {"slotcast_relay_path_round_trip_microseconds", "rtt_us"},
        {"slotcast_relay_path_lost_packets", "lost_packets"},
        {"slotcast_relay_path_dropped_packets", "dropped_packets"},
        {"slotcast_relay_connections", "connections"},
        {"slotcast_relay_preflights", "preflights"},
        {"slotcast_relay_preflights_total", "preflights_so_far"},
        {"slotcast_relay_preflight_bytes_total", "preflight_bytes"},
        {"slotcast_relay_feed_serial", "feed_serial"},
        {"slotcast_relay_feed_age_seconds", "feed_age_s"},
        {"slotcast_relay_clock_offset_milliseconds", "clock_offset_ms"},
        {"slotcast_relay_reports_waiting", "reports_waiting"}};
    constexpr std::string_view k_label = "{reservation=\"";
    wire::JsonObject relay{{"type", "relay"}, {"v", 1}};
    std::map<std::string_view, wire::JsonObject> events;
    while (!metrics.empty()) {
        const std::string_view line = metrics.substr(0, metrics.find('\n'));
        metrics.remove_prefix(std::min(metrics.size(), line.size() + 1));
        const std::size_t space = line.rfind(' ');
        const auto name = k_names.find(line.substr(0, line.find_first_of("{ ")));
        if (space == std::string_view::npos || name == k_names.end())
            continue;
        std::int64_t value = 0;
        std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
        const std::size_t label = line.find(k_label);
        if (label == std::string_view::npos) {
            wire::Json &sum = relay[name->second]; // of all carriers, where there is one for each
            sum = (sum.is_null() ? 0 : sum.as_int64()) + value;
            continue;
        }
        const std::string_view id = line.substr(label + k_label.size(), 26);
        auto &event = events[id];
        if (event.empty())
            event = {
                {"type", "event"}, {"v", 1}, {"reservation", id}, {"paths", wire::JsonArray{}}};
        if (const auto number = label_of(line, "path")) {
            path_of(event, label_of(line, "carrier").value_or(""), *number)[name->second] = value;
            continue;
        }
        event[name->second] = value;
        if (name->second == "live")
            event["live"] = value != 0;
    }
    std::vector<wire::Json> out{std::move(relay)};
    for (auto &[id, event] : events)
        out.emplace_back(std::move(event));
    return out;
}

} // namespace relay
