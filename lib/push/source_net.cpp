#include "push/source_net.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "media/ts_judge.hpp"
#include "push/source_detail.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <climits>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace push {

using namespace std::chrono_literals;
using base::Errc;
using base::fail_hint;
using base::Result;

namespace {

constexpr const char *k_udp_hint =
    "udp://@239.1.2.3:5000?iface=eth1, udp://:5000 or udp://192.0.2.1:5000";
constexpr const char *k_srt_hint = "srt://HOST:PORT calls, srt://:PORT listens; ?latency=MS, "
                                   "?streamid=TEXT; --source-passphrase-file FILE";
constexpr auto k_quiet = 5s;          // without media, until it is said
constexpr int k_pipe_bytes = 1 << 20; // a second of 8 Mbit/s

auto refuse(const NetworkName &name, std::string_view why) {
    return fail_hint(Errc::usage, name.kind == NetworkName::Kind::udp ? k_udp_hint : k_srt_hint,
                     "INPUT '{}': {}", name.text, why);
}

Result<void> take_address(NetworkName &name, std::string_view text) {
    if (name.kind == NetworkName::Kind::udp && text.starts_with('@'))
        text.remove_prefix(1);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return refuse(name, "the port is missing");
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    else if (host.find(':') != std::string_view::npos)
        return refuse(name, "an IPv6 address stands in brackets");
    if (host.find('@') != std::string_view::npos || host.find('/') != std::string_view::npos)
        return refuse(name, "not HOST:PORT");
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), name.port);
    if (error != std::errc{} || end != port.data() + port.size() || name.port == 0)
        return refuse(name, "the port is not 1 to 65535");
    name.host = host;
    return {};
}

Result<void> take_latency(NetworkName &name, std::string_view value) {
    constexpr int k_longest = 60'000;
    int ms = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (error != std::errc{} || end != value.data() + value.size() || ms < 0 || ms > k_longest)
        return refuse(name, "latency is milliseconds, 0 to 60000");
    name.latency = base::Millis{ms};
    return {};
}

Result<void> take_parameter(NetworkName &name, std::string_view key, std::string_view value) {
    const bool udp = name.kind == NetworkName::Kind::udp;
    if (udp && key == "iface")
        name.interface = value;
    else if (udp && key == "source")
        name.source = value;
    else if (!udp && key == "streamid")
        name.stream_id = value;
    else if (!udp && key == "latency")
        TRY(take_latency(name, value));
    else if (!udp && key == "mode" && (value == "listener" || value == "caller"))
        name.kind =
            value == "caller" ? NetworkName::Kind::srt_caller : NetworkName::Kind::srt_listener;
    else if (key == "passphrase") // whoever may list processes has read it
        return fail_hint(Errc::usage, "--source-passphrase-file FILE reads it from a file",
                         "INPUT: a passphrase does not belong on the command line; choose another");
    else
        return refuse(name, fmt::format("'{}' is not known", key));
    return {};
}

// Takes what an origin yields from its own thread, so that nothing waits in the system's small
// buffers, and hands it on as a pipe does.
class NetworkInput final : public media::TsInput {
  public:
    NetworkInput(NetworkName name, std::unique_ptr<detail::Origin> origin, media::StreamTerms terms)
        : m_name(std::move(name)), m_origin(std::move(origin)), m_terms(std::move(terms)) {}
    ~NetworkInput() override {
        m_stop = true;
        if (m_thread.joinable())
            m_thread.join();
    }
    NetworkInput(const NetworkInput &) = delete;
    NetworkInput &operator=(const NetworkInput &) = delete;

    Result<void> prepare() override {
        TRY(m_origin->open());
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            return base::fail_errno("make", "pipe");
        base::Fd reading{ends[0]};
        m_pipe = base::Fd{ends[1]};
        (void)::fcntl(m_pipe.get(), F_SETPIPE_SZ, k_pipe_bytes); // or what the system allows
        const int fd = reading.get();
        m_stream = detail::make_stream_input(fd, std::move(reading), m_name.text, m_terms);
        m_thread = std::thread([this] { run(); });
        return m_stream->prepare();
    }
    Result<void> start() override {
        m_started = true;
        return m_stream->start();
    }
    [[nodiscard]] int fd() const override { return m_stream ? m_stream->fd() : -1; }
    Result<State> read(std::vector<std::uint8_t> &into) override {
        return m_stream ? m_stream->read(into) : State::nothing_yet;
    }
    [[nodiscard]] bool live() const override { return true; }
    [[nodiscard]] bool encodes() const override { return m_stream && m_stream->encodes(); }
    void hold_to(base::BitRate rate) override { m_stream->hold_to(rate); }
    std::optional<std::string> misfit() override {
        const std::lock_guard lock(m_mutex);
        return m_misfit;
    }

  private:
    void run() {
        auto heard = std::chrono::steady_clock::now();
        bool quiet = false;
        bool behind = false;
        while (!m_stop) {
            const auto packets = m_origin->receive();
            const auto now = std::chrono::steady_clock::now();
            if (packets.empty()) {
                if (now - heard > k_quiet && !std::exchange(quiet, true))
                    base::log::warning("{}: no media for {} s", m_name.text,
                                       std::chrono::seconds(k_quiet).count());
                continue;
            }
            heard = now;
            quiet = false;
            if (!m_started) { // what comes before is not kept: it would only be late
                look_at(packets);
                continue;
            }
            if (!hand_on(packets) && !std::exchange(behind, true))
                base::log::warning("{}: packets are left out, for want of time", m_name.text);
        }
    }

    // What is heard early tells what will come.
    void look_at(std::span<const std::uint8_t> packets) {
        m_scanner.feed(packets);
        const std::lock_guard lock(m_mutex);
        if (!m_misfit)
            m_misfit = m_judge.judge().fault();
    }

    // Not more than PIPE_BUF at once: all of it is written, or none (pipe(7)).
    [[nodiscard]] bool hand_on(std::span<const std::uint8_t> packets) const {
        constexpr std::size_t k_most =
            PIPE_BUF / media::k_ts_packet_bytes * media::k_ts_packet_bytes;
        for (; !packets.empty(); packets = packets.subspan(std::min(k_most, packets.size())))
            if (::write(m_pipe.get(), packets.data(), std::min(k_most, packets.size())) < 0)
                return false;
        return true;
    }

    NetworkName m_name;
    std::unique_ptr<detail::Origin> m_origin;
    media::StreamTerms m_terms;
    std::unique_ptr<media::TsInput> m_stream;
    base::Fd m_pipe;                       // the writing end
    media::JudgeListener m_judge{m_terms}; // this and the next: the thread's
    media::TsScanner m_scanner{&m_judge};
    std::mutex m_mutex;
    std::optional<std::string> m_misfit; // guarded by it
    std::atomic<bool> m_started{false};
    std::atomic<bool> m_stop{false};
    std::thread m_thread;
};

} // namespace

Result<NetworkName> parse_network_name(std::string_view text) {
    using Kind = NetworkName::Kind;
    NetworkName name;
    name.text = text;
    name.kind = text.starts_with("udp:") ? Kind::udp : Kind::srt_caller;
    std::string_view query;
    if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
        query = text.substr(mark + 1);
        text = text.substr(0, mark);
    }
    constexpr std::size_t k_scheme = 6; // udp:// and srt://
    if (text.substr(0, k_scheme).substr(std::min<std::size_t>(3, text.size())) != "://")
        return refuse(name, "not HOST:PORT");
    TRY(take_address(name, text.substr(k_scheme)));
    if (name.kind == Kind::srt_caller && name.host.empty())
        name.kind = Kind::srt_listener;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equal = std::min(pair.find('='), pair.size());
        TRY(take_parameter(name, pair.substr(0, equal),
                           pair.substr(std::min(equal + 1, pair.size()))));
    }
    if (name.kind == Kind::srt_caller && name.host.empty())
        return refuse(name, "whom to call is missing");
    if (name.kind == Kind::srt_listener && !name.stream_id.empty())
        return refuse(name, "only a caller has a stream id");
    return name;
}

Result<std::string> read_passphrase(const std::string &path) {
    constexpr std::size_t k_most = 4096;
    constexpr std::size_t k_shortest = 10; // SRTO_PASSPHRASE
    constexpr std::size_t k_longest = 79;
    std::string text = TRY(base::read_regular_file(path, k_most));
    text.resize(std::min(text.find_first_of("\r\n"), text.size()));
    if (text.size() < k_shortest || text.size() > k_longest)
        return base::fail(Errc::config, "{}: a passphrase has 10 to 79 characters", path);
    return text;
}

std::unique_ptr<media::TsInput> open_network(const NetworkName &name, std::string passphrase,
                                             const media::StreamTerms &terms) {
    auto origin = name.kind == NetworkName::Kind::udp
                      ? detail::make_udp_origin(name)
                      : detail::make_srt_origin(name, std::move(passphrase));
    return std::make_unique<NetworkInput>(name, std::move(origin), terms);
}

} // namespace push
