// send-limit: what this kernel can send to many sockets, as a mark for relay-serve: a server of one
// thread that does nothing but sendfile(2) from one memfd.
//
//   send-limit HOST:PORT --flood                      as much as each socket takes
//   send-limit HOST:PORT --bps RATE --interval MS     a stream's worth to each, each interval
//
// Any request is answered with media without end. Runs until it is ended.
#include "base/fd.hpp"
#include "cli/tool.hpp"
#include "conf/address.hpp"

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace {

using base::Errc;
using base::Result;
using Steady = std::chrono::steady_clock;

constexpr std::int64_t k_media = 8 << 20;
constexpr std::chrono::milliseconds k_all_there{300};
constexpr std::string_view k_head = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n";

struct Options {
    std::string at;
    bool flood = false;
    std::int64_t bps = 6'000'000;
    std::int64_t interval_ms = 20;
};

class Sender {
  public:
    explicit Sender(const Options &o) : m_options(o) {}

    Result<int> run() {
        const conf::Address at = TRY(conf::parse_address(m_options.at));
        m_media = base::Fd{::memfd_create("media", MFD_CLOEXEC)};
        const std::string noise(1 << 20, 'x');
        for (std::int64_t n = 0; n < k_media; n += std::ssize(noise))
            if (::write(m_media.get(), noise.data(), noise.size()) < 0)
                return base::fail_errno("fill", "a memfd");
        m_listener = base::Fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        const int one = 1;
        const int buffer = 512 * 1024; // as relay-serve's
        ::setsockopt(m_listener.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        ::setsockopt(m_listener.get(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_port = htons(at.port);
        ::inet_pton(AF_INET, at.host.c_str(), &here.sin_addr);
        if (::bind(m_listener.get(), reinterpret_cast<const sockaddr *>(&here), sizeof here) != 0 ||
            ::listen(m_listener.get(), 4096) != 0)
            return base::fail_errno("listen on", m_options.at);
        m_epoll = base::Fd{::epoll_create1(EPOLL_CLOEXEC)};
        watch(m_listener.get(), EPOLLIN);
        return m_options.flood ? flood() : pace();
    }

  private:
    void watch(int fd, std::uint32_t events) {
        epoll_event event{.events = events, .data = {.fd = fd}};
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, fd, &event);
    }

    void admit() {
        for (;;) {
            base::Fd fd{
                ::accept4(m_listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
            if (!fd)
                return;
            const int one = 1;
            ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            if (::send(fd.get(), k_head.data(), k_head.size(), MSG_NOSIGNAL) < 0)
                continue;
            m_sockets.push_back({.fd = std::move(fd), .at = 0});
            m_admitted = Steady::now();
        }
    }

    // Those who came, once nobody has come for a while: a flood takes the kernel's memory for
    // sockets, and who comes into it would not even get a head.
    void begin_flood() {
        if (Steady::now() - m_admitted < k_all_there)
            return;
        for (; m_flooded < m_sockets.size(); ++m_flooded)
            watch(m_sockets[m_flooded].fd.get(), EPOLLOUT);
    }

    struct Socket {
        base::Fd fd;
        std::int64_t at = 0; // bytes of the stream that it was sent
    };

    // What @p socket takes of @p bytes, from position @p at on.
    ssize_t send(int socket, std::int64_t at, std::int64_t bytes) const {
        off_t offset = at % k_media;
        return ::sendfile(socket, m_media.get(), &offset,
                          static_cast<std::size_t>(std::min(bytes, k_media - offset)));
    }

    Result<int> flood() {
        std::array<epoll_event, 512> events; // NOLINT(*-member-init): filled by epoll_wait
        for (;;) {
            const int n = ::epoll_wait(m_epoll.get(), events.data(), events.size(),
                                       m_flooded < m_sockets.size() ? 50 : -1);
            begin_flood();
            for (int i = 0; i < n; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == m_listener.get())
                    admit();
                else if (send(fd, 0, 1 << 20) < 0 && errno != EAGAIN)
                    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
            }
        }
    }

    Result<int> pace() {
        const auto interval = std::chrono::milliseconds{m_options.interval_ms};
        const auto begun = Steady::now();
        std::int64_t now_at = 0;
        for (auto due = begun + interval;; due += interval) {
            admit();
            std::this_thread::sleep_until(due);
            now_at = (due - begun) / std::chrono::milliseconds{1} * m_options.bps / 8000;
            for (Socket &s : m_sockets) {
                if (s.at == 0)
                    s.at = now_at - m_options.bps * m_options.interval_ms / 8000;
                while (s.fd && s.at < now_at) {
                    const ssize_t n = send(s.fd.get(), s.at, now_at - s.at);
                    if (n < 0 && errno != EAGAIN)
                        s.fd = {};
                    if (n <= 0)
                        break;
                    s.at += n;
                }
            }
        }
    }

    const Options &m_options;
    base::Fd m_media;
    base::Fd m_listener;
    base::Fd m_epoll;
    std::vector<Socket> m_sockets;
    std::size_t m_flooded = 0; // so many of them are
    Steady::time_point m_admitted{};
};

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"send-limit", "What sendfile can send to many sockets"},
        [&o](CLI::App &app, cli::Action &action) {
            app.add_option("at", o.at, "HOST:PORT")->required();
            app.add_flag("--flood", o.flood);
            app.add_option("--bps", o.bps)->check(CLI::PositiveNumber);
            app.add_option("--interval", o.interval_ms)->check(CLI::PositiveNumber);
            action = [&o]() -> Result<int> {
                rlimit files{};
                ::getrlimit(RLIMIT_NOFILE, &files);
                files.rlim_cur = files.rlim_max;
                ::setrlimit(RLIMIT_NOFILE, &files);
                Sender sender{o};
                return sender.run();
            };
        });
}
