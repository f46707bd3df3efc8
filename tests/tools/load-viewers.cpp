// load-viewers: many viewers of one relay in one thread, which throw away what they get. Counts
// from when all of them have media, for as long as asked, and reads what the server's processes
// spent meanwhile: one JSON object.
//
//   load-viewers ts|tls|hls|ll|again HOST:PORT PATH --viewers N --seconds S [--server PID]…
//   [--together] [--poll S]
//
// `ts`: each reads PATH without end. `tls`: the same over TLS; bytes are encrypted ones. `hls`:
// each reads the playlist PATH every --poll seconds (1) over a connection that it keeps, and each
// segment that it has not had; `segments` is how many different ones all of them together asked
// for, since they came. `ll`: the same with parts, and the server answers when there is the next
// one. `again`: each reads PATH, which has an end, and asks for it anew. --together (not for
// `tls`): they ask when all are connected; `server_kb_beyond_accept` is what each takes from then
// on.
#include "base/fd.hpp"
#include "cli/tool.hpp"
#include "conf/address.hpp"
#include "load_playlist.hpp"
#include "load_spent.hpp"
#include "load_tls.hpp"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <set>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

using base::Errc;
using base::Result;
using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Options {
    std::string kind;
    std::string at;
    std::string path;
    unsigned viewers = 100;
    double seconds = 10;
    double patience = 30;
    double poll = 1;
    bool together = false;
    std::vector<int> servers;
};

constexpr std::int64_t k_no_media = 4096; // TLS' own, and an answer's head

struct Viewer {
    base::Fd fd;
    std::int64_t bytes = 0;          // of media, in the counted time
    std::string text;                // an answer's head, or a playlist
    std::int64_t rest = 0;           // bytes of the present answer's body that are not here yet
    bool in_head = true;             // of an answer
    bool chunked = false;            // the present answer
    bool busy = false;               // an answer is due
    bool playlist = false;           // it is a playlist
    bool good = false;               // has had media
    std::string last;                // segment or part that it has had
    std::vector<std::string> wanted; // more of them, newest first
    std::string query;               // when it asks for the playlist again
    Steady::time_point next{};       // when it looks at the playlist again
};

class Crowd {
  public:
    explicit Crowd(const Options &o)
        : m_options(o), m_hls(o.kind == "hls" || o.kind == "ll"), m_parts(o.kind == "ll"),
          m_again(o.kind == "again") {}

    Result<wire::Json> run() {
        m_address = TRY(conf::parse_address(m_options.at));
        m_epoll = base::Fd{::epoll_create1(EPOLL_CLOEXEC)};
        m_viewers.resize(m_options.viewers);
        const auto empty = load::spent(m_options.servers);
        const auto begun = Steady::now();
        for (std::size_t i = 0; i < m_viewers.size(); ++i) {
            TRY(connect(i));
            if (i % 50 == 49)
                TRY(turn(0ms));
        }
        if (m_options.together) {
            std::this_thread::sleep_for(1s); // the server has taken in all of them
            m_accepted = load::spent(m_options.servers);
            for (Viewer &v : m_viewers)
                ask(v, m_options.path);
        }
        while (m_good < m_viewers.size()) {
            if (Steady::now() - begun > std::chrono::duration<double>(m_options.patience))
                return base::fail(Errc::unavailable, "only {} of {} viewers had media; {}", m_good,
                                  m_viewers.size(), m_trouble);
            TRY(turn(20ms));
        }
        const auto settle = Steady::now() + 2s;
        while (Steady::now() < settle)
            TRY(turn(20ms));
        for (Viewer &v : m_viewers)
            v.bytes = 0;
        const auto before = load::spent(m_options.servers);
        const auto from = Steady::now();
        const auto until = from + std::chrono::duration_cast<Steady::duration>(
                                      std::chrono::duration<double>(m_options.seconds));
        while (Steady::now() < until)
            TRY(turn(20ms));
        const auto after = load::spent(m_options.servers);
        return figures(empty, before, after,
                       std::chrono::duration<double>(Steady::now() - from).count());
    }

  private:
    [[nodiscard]] wire::Json figures(const load::Spent &empty, const load::Spent &before,
                                     const load::Spent &after, double seconds) const {
        std::int64_t all = 0;
        std::int64_t least = std::numeric_limits<std::int64_t>::max();
        std::int64_t most = 0;
        for (const Viewer &v : m_viewers) {
            all += v.bytes;
            least = std::min(least, v.bytes);
            most = std::max(most, v.bytes);
        }
        const auto viewers = static_cast<double>(m_viewers.size());
        const double cpu = after.cpu_s - before.cpu_s;
        wire::JsonObject out{
            {"viewers", m_viewers.size()},
            {"seconds", seconds},
            {"bytes", all},
            {"viewer_bps", double(all) * 8 / seconds / viewers},
            {"least_of_mean", all == 0 ? 0. : double(least) * viewers / double(all)},
            {"most_of_mean", all == 0 ? 0. : double(most) * viewers / double(all)},
            {"lost_connections", m_lost}};
        if (m_hls)
            out["segments"] = m_segments.size();
        if (!m_options.servers.empty()) {
            out["server_cpu_s"] = cpu;
            out["gb_per_cpu_s"] = cpu > 0 ? double(all) / 1e9 / cpu : 0.;
            out["server_kb_per_viewer"] = double(before.rss_kb - empty.rss_kb) / viewers;
            if (m_options.together)
                out["server_kb_beyond_accept"] =
                    double(before.rss_kb - m_accepted.rss_kb) / viewers;
        }
        return out;
    }

    Result<void> connect(std::size_t number) {
        Viewer &v = m_viewers[number];
        const bool v6 = m_address.is_v6();
        v.fd = base::Fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        if (!v.fd)
            return base::fail_errno("open", "a socket");
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(m_address.port);
        ::inet_pton(AF_INET, m_address.host.c_str(), &to.sin_addr);
        if (::connect(v.fd.get(), reinterpret_cast<const sockaddr *>(&to), sizeof to) != 0)
            return base::fail_errno("connect to", m_options.at);
        epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, v.fd.get(), &event);
        v.playlist = m_hls;
        if (m_options.kind == "tls") {
            v.in_head = false; // it is thrown away with the rest
            return load::ask_by_tls(v.fd.get(), request(m_options.path));
        }
        if (!m_options.together)
            ask(v, m_options.path);
        return {};
    }

    [[nodiscard]] std::string request(const std::string &path) const {
        return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n\r\n", path, m_options.at);
    }

    void ask(Viewer &v, const std::string &path) {
        const std::string text = request(path);
        v.in_head = v.busy = true;
        v.text.clear();
        if (::send(v.fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0)
            lose(v);
    }

    void lose(Viewer &v) {
        ++m_lost;
        v.fd = {};
    }

    Result<void> turn(std::chrono::milliseconds wait) {
        std::array<epoll_event, 512> events; // NOLINT(*-member-init): filled by epoll_wait
        const int n = ::epoll_wait(m_epoll.get(), events.data(), events.size(),
                                   static_cast<int>(wait.count()));
        for (int i = 0; i < n; ++i)
            read(m_viewers[events[static_cast<std::size_t>(i)].data.u64]);
        if (m_hls) {
            const auto now = Steady::now();
            for (Viewer &v : m_viewers)
                if (v.fd && !v.busy && now >= v.next)
                    look(v, now);
        }
        if (m_lost > 0 && m_good < m_viewers.size())
            return base::fail(Errc::io, "a viewer lost its connection: {}", m_trouble);
        return {};
    }

    void look(Viewer &v, Steady::time_point now) {
        v.next = now + std::chrono::duration_cast<Steady::duration>(
                           std::chrono::duration<double>(m_parts ? 0 : m_options.poll));
        v.playlist = true;
        ask(v, m_options.path + v.query);
    }

    // Media is thrown away by the kernel, without a copy.
    void read(Viewer &v) {
        constexpr std::size_t k_at_once = 1 << 20;
        for (int i = 0; v.fd && i < 8; ++i) {
            const bool wanted = v.in_head || v.playlist;
            const std::size_t most =
                wanted ? m_buffer.size()
                : m_hls || m_again
                    ? static_cast<std::size_t>(std::min<std::int64_t>(v.rest, k_at_once))
                    : k_at_once;
            const ssize_t n = ::recv(v.fd.get(), wanted ? m_buffer.data() : nullptr, most,
                                     MSG_DONTWAIT | (wanted ? 0 : MSG_TRUNC));
            if (n < 0)
                return;
            if (n == 0)
                return lose(v);
            if (wanted)
                take(v, {m_buffer.data(), static_cast<std::size_t>(n)});
            else
                media(v, n);
        }
    }

    void media(Viewer &v, std::int64_t n) {
        v.bytes += n;
        v.rest -= n;
        if (!v.good && v.bytes > k_no_media) {
            v.good = true;
            ++m_good;
        }
        if (m_hls && v.rest == 0)
            go_on(v);
        else if (m_again && v.rest == 0)
            ask(v, m_options.path);
    }

    void take(Viewer &v, std::string_view data) {
        v.text += data;
        if (v.in_head) {
            const auto end = v.text.find("\r\n\r\n");
            if (end == std::string::npos)
                return;
            const std::string head = v.text.substr(0, end + 2);
            v.text.erase(0, end + 4);
            v.in_head = false;
            v.chunked = head.contains("\r\nTransfer-Encoding: chunked\r\n");
            v.rest = std::numeric_limits<std::int64_t>::max();
            if (const auto at = head.find("ontent-Length: "); at != std::string::npos)
                v.rest = std::strtoll(head.c_str() + at + 15, nullptr, 10);
            if (!head.starts_with("HTTP/1.1 200") && !head.starts_with("HTTP/1.0 200")) {
                m_trouble = head.substr(0, head.find('\r'));
                v.next = Steady::now() + 1s;
                if (!m_hls)
                    return lose(v);
                v.playlist = true; // an error's text, read and thrown away
            }
            if (!v.playlist) {
                const auto here = std::exchange(v.text, {});
                if (!here.empty())
                    media(v, static_cast<std::int64_t>(here.size()));
                return;
            }
        }
        auto body = v.chunked ? load::joined(v.text) : std::optional{v.text};
        if (body && (v.chunked || std::ssize(*body) >= v.rest)) {
            v.text = std::move(*body);
            list(v);
            go_on(v);
        }
    }

    // What of the playlist is new to it: only the newest the first time.
    void list(Viewer &v) const {
        load::Playlist playlist = load::read_playlist(v.text, m_parts);
        auto &media = playlist.media;
        if (v.last.empty() && media.size() > 1)
            media.erase(media.begin(), media.end() - 1);
        const auto had = std::ranges::find(media, v.last);
        v.wanted.assign(had == media.end() ? media.begin() : had + 1, media.end());
        std::ranges::reverse(v.wanted);
        if (!v.wanted.empty())
            v.last = v.wanted.front();
        v.query = m_parts ? std::move(playlist.next) : "";
    }

    void go_on(Viewer &v) {
        v.busy = false;
        if (v.wanted.empty())
            return;
        const std::string name = v.wanted.back();
        v.wanted.pop_back();
        v.playlist = false;
        m_segments.insert(name);
        ask(v, name.starts_with('/')
                   ? name
                   : m_options.path.substr(0, m_options.path.rfind('/') + 1) + name);
    }

    const Options &m_options;
    const bool m_hls;
    const bool m_parts; // of segments
    const bool m_again;
    conf::Address m_address;
    base::Fd m_epoll;
    std::vector<Viewer> m_viewers;
    std::set<std::string> m_segments; // asked for
    load::Spent m_accepted;           // when all were connected
    std::size_t m_good = 0;
    std::int64_t m_lost = 0;
    std::string m_trouble = "no answer";
    std::array<char, 65536> m_buffer{};
};

Result<int> run(const Options &o) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    Crowd crowd{o};
    cli::print_record(TRY(crowd.run()));
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(argc, argv, {"load-viewers", "Many viewers of one relay"},
                         [&o](CLI::App &app, cli::Action &action) {
                             app.add_option("kind", o.kind)
                                 ->required()
                                 ->check(CLI::IsMember({"ts", "tls", "hls", "ll", "again"}));
                             app.add_option("at", o.at, "HOST:PORT")->required();
                             app.add_option("path", o.path)->required();
                             app.add_option("--viewers", o.viewers);
                             app.add_option("--seconds", o.seconds);
                             app.add_option("--patience", o.patience);
                             app.add_option("--server", o.servers);
                             app.add_option("--poll", o.poll);
                             app.add_flag("--together", o.together);
                             action = [&o]() -> Result<int> {
                                 if (o.together && o.kind == "tls")
                                     return base::fail(Errc::usage, "--together is not for tls");
                                 return run(o);
                             };
                         });
}
