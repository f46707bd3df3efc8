#include "relay/tls_terminator.hpp"

#include "relay/tls_tunnel.hpp"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <set>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace relay {

using base::Result;

namespace {

using Tunnels = std::map<int, TlsTunnel>; // by the viewer's descriptor

// Above all those of the listeners and of the children, who would not see this relay's end.
void close_all_but(const std::set<int> &kept) {
    unsigned from = STDERR_FILENO + 1;
    for (const int fd : kept) {
        const auto next = static_cast<unsigned>(fd);
        if (next > from)
            ::close_range(from, next - 1, 0);
        from = std::max(from, next + 1);
    }
    ::close_range(from, ~0U, 0);
}

// By one who is killed, too.
void wait_for_close_of_others(int gate) {
    char nothing = 0;
    while (::read(gate, &nothing, 1) < 0 && errno == EINTR) {
    }
}

// Once a turn of the loop, as its sockets' readiness says.
class Loop {
  public:
    explicit Loop(Tunnels &tunnels) : m_tunnels(tunnels), m_epoll(::epoll_create1(EPOLL_CLOEXEC)) {}

    void run() {
        for (auto it = m_tunnels.begin(); it != m_tunnels.end();)
            serve(it++, EPOLL_CTL_ADD);
        std::array<epoll_event, 256> events; // NOLINT(*-member-init): filled by epoll_wait
        while (!m_tunnels.empty()) {
            const int n = ::epoll_wait(m_epoll.get(), events.data(), events.size(), -1);
            if (n < 0 && errno != EINTR)
                return;
            for (int i = 0; i < n; ++i)
                if (const auto it = m_tunnels.find(events[static_cast<std::size_t>(i)].data.fd);
                    it != m_tunnels.end())
                    serve(it, EPOLL_CTL_MOD);
        }
    }

  private:
    void serve(Tunnels::iterator it, int how) {
        TlsTunnel &tunnel = it->second;
        const auto wants = tunnel.pump();
        if (wants && watch(tunnel.outer_fd(), it->first, wants->outer, how) &&
            watch(tunnel.inner_fd(), it->first, wants->inner, how))
            return;
        ::close(tunnel.outer_fd());
        m_tunnels.erase(it);
    }
    [[nodiscard]] bool watch(int fd, int name, std::uint32_t events, int how) const {
        epoll_event event{.events = events, .data = {.fd = name}};
        return ::epoll_ctl(m_epoll.get(), how, fd, &event) == 0;
    }

    Tunnels &m_tunnels;
    base::Fd m_epoll;
};

// Signals stay blocked as they are: who stops the relay lets it drain, and this ends with it.
[[noreturn]] void go_on(Tunnels tunnels, int gate) {
    ::prctl(PR_SET_NAME, "relay-tls");
    std::set<int> kept{gate};
    for (const auto &[fd, tunnel] : tunnels)
        kept.insert({fd, tunnel.inner_fd()});
    // Or who reads the relay's events would wait for this one's end.
    ::dup2(gate, STDOUT_FILENO);
    close_all_but(kept);
    wait_for_close_of_others(gate);
    Loop{tunnels}.run();
    ::_exit(0); // nothing else of the copy is its own
}

} // namespace

Result<TlsTerminator> TlsTerminator::start(std::span<ConnectionState> connections) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return base::fail_errno("make", "a pipe");
    const base::Fd gate{ends[0]};
    base::Fd held{ends[1]};
    std::vector<base::Fd> theirs;
    Tunnels tunnels;
    for (ConnectionState &c : connections) {
        if (c.secure == nullptr)
            continue;
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
            return base::fail_errno("make", "sockets for connections with TLS");
        theirs.emplace_back(ends[0]);
        c.fd = ends[0];
        tunnels.try_emplace(c.secure->fd(), *c.secure, c.greeting, base::Fd{ends[1]});
    }
    const pid_t pid = ::fork();
    if (pid < 0)
        return base::fail_errno("start", "a process for connections with TLS");
    if (pid == 0)
        go_on(std::move(tunnels), gate.get());
    return TlsTerminator{.pid = pid, .gate = std::move(held), .ends = std::move(theirs)};
}

} // namespace relay
