#include "relay/worker.hpp"

#include "base/log.hpp"
#include "relay/descriptors.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

namespace relay {

using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr int k_backlog = 512;
constexpr int k_send_buffer = 512 * 1024;   // what one viewer can pin in the kernel (it doubles it)
constexpr unsigned k_not_sent = 128 * 1024; // ask for more when less than this waits
constexpr unsigned k_user_timeout_ms = 10'000;
constexpr int k_accept_at_once = 64;
constexpr auto k_sweep = 500ms;
constexpr auto k_part = 20ms; // how often an ingest child tells of media
constexpr std::uint64_t k_event_number = 0;
constexpr std::uint64_t k_listener_number = 1;
constexpr std::uint64_t k_admin_number = 2;

// How long media waits for more, with so many to send it to. Bytes per system call decide what a
// viewer costs: for a few, what costs least is what comes first; for many, two parts at once or
// three.
std::chrono::milliseconds batch_interval(std::int64_t viewers) {
    if (viewers < 200)
        return 0ms;
    return viewers < 1000 ? k_part * 3 / 2 : k_part * 5 / 2;
}

template <typename T> bool set_option(int fd, int level, int name, T value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

bool is_loopback(const sockaddr_storage &peer) {
    if (peer.ss_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(peer);
        return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
    }
    const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(peer);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

bool watch(int epoll, int fd, std::uint64_t number) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

} // namespace

Result<base::Fd> listen_on(const conf::Address &address) {
    sockaddr_storage where{};
    socklen_t size = 0;
    if (address.is_v6()) {
        auto &v6 = reinterpret_cast<sockaddr_in6 &>(where);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        ::inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr);
        size = sizeof v6;
    } else {
        auto &v4 = reinterpret_cast<sockaddr_in &>(where);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        ::inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr);
        size = sizeof v4;
    }
    base::Fd fd{::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd)
        return base::fail_errno("open", "socket");
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.is_v6())
        set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd.get(), SOL_SOCKET, SO_SNDBUF, k_send_buffer);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr *>(&where), size) != 0 ||
        ::listen(fd.get(), k_backlog) != 0) {
        auto error = base::fail_errno("listen on", address.text()).error();
        if (errno == EADDRINUSE || errno == EADDRNOTAVAIL) {
            error.code = base::Errc::unavailable;
            error.hint = "ss -ltnp shows who has it, ip address which addresses are here";
        }
        return std::unexpected(std::move(error));
    }
    return fd;
}

Result<std::unique_ptr<Worker>> Worker::start(base::Fd listener, base::Fd admin, World world) {
    base::Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    base::Fd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!epoll || !event || !watch(epoll.get(), event.get(), k_event_number) ||
        !watch(epoll.get(), listener.get(), k_listener_number) ||
        (admin && !watch(epoll.get(), admin.get(), k_admin_number)))
        return base::fail_errno("start", "a worker");
    std::unique_ptr<Worker> worker(new Worker(std::move(epoll), std::move(event),
                                              std::move(listener), std::move(admin), world));
    worker->m_thread = std::thread([raw = worker.get()] { raw->run(); });
    return worker;
}

Worker::Worker(base::Fd epoll, base::Fd event, base::Fd listener, base::Fd admin, World world)
    : m_epoll(std::move(epoll)), m_event(std::move(event)), m_listener(std::move(listener)),
      m_admin(std::move(admin)), m_world(world) {
    m_connection_world = {
        .router = world.router,
        .latency = world.latency,
        .bytes_out = &world.counters->requests_bytes_out,
        .check = [this](std::uint64_t number, const EventPtr &asked, seal::Secret password) {
            return m_world.desk->ask(asked->entry()->password_hash, std::move(password),
                                     [this, number](bool right) {
                                         {
                                             const std::lock_guard lock(m_mutex);
                                             m_checked.emplace_back(number, right);
                                         }
                                         poke();
                                     });
        }};
}

Worker::~Worker() {
    m_stop = true;
    poke();
    if (m_thread.joinable())
        m_thread.join();
}

void Worker::poke() {
    if (m_poked.exchange(true))
        return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(m_event.get(), &one, sizeof one);
}

void Worker::wake() {
    if (m_waiting.load(std::memory_order_acquire) > 0)
        poke();
}

void Worker::run() {
    std::array<epoll_event, 256> events; // NOLINT(*-member-init): filled by epoll_wait
    while (!m_stop) {
        const int n = ::epoll_wait(m_epoll.get(), events.data(), events.size(),
                                   patience_ms(std::chrono::steady_clock::now()));
        const auto now = std::chrono::steady_clock::now();
        for (int i = 0; i < n; ++i) {
            const auto &e = events[static_cast<std::size_t>(i)];
            if (e.data.u64 == k_listener_number)
                accept_from(m_listener.get(), false, now);
            else if (e.data.u64 == k_admin_number)
                accept_from(m_admin.get(), true, now);
            else if (e.data.u64 != k_event_number)
                dispatch(e.data.u64, e.events, now);
        }
        if (m_poked) {
            std::uint64_t count = 0;
            [[maybe_unused]] const ssize_t got = ::read(m_event.get(), &count, sizeof count);
            m_poked = false; // before looking: what is published from now on pokes again
            serve_passwords(now);
            hear_of_media(now);
        }
        if (m_media_due && now >= *m_media_due)
            serve_media(now);
        serve_turns(now);
        check_deadlines(now);
    }
}

void Worker::accept_from(int listener, bool admin, base::SteadyTime now) {
    for (int i = 0; i < k_accept_at_once; ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        base::Fd fd{::accept4(listener, reinterpret_cast<sockaddr *>(&peer), &size,
                              SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!fd) {
            // The connection stays in the queue and would be reported without end.
            if (is_shortage(errno))
                hear(false);
            return;
        }
        ++m_world.counters->accepted;
        if (m_world.counters->connections >= static_cast<std::int64_t>(m_world.max_connections)) {
            ++m_world.counters->turned_away;
            continue;
        }
        set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        set_option(fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, k_not_sent);
        set_option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, k_user_timeout_ms);
        add(std::move(fd), {.loopback = is_loopback(peer), .admin = admin}, now);
    }
}

// Whether connections that wait are reported.
void Worker::hear(bool listen) {
    m_deaf = !listen;
    for (const auto &[fd, number] : {std::pair{m_listener.get(), k_listener_number},
                                     std::pair{m_admin.get(), k_admin_number}}) {
        epoll_event event{.events = listen ? EPOLLIN : 0U, .data = {.u64 = number}};
        if (fd >= 0)
            ::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, fd, &event);
    }
}

void Worker::add(base::Fd socket, Origin origin, base::SteadyTime now) {
    const std::uint64_t number = m_next++;
    const int fd = socket.get();
    if (!watch(m_epoll.get(), fd, number))
        return;
    ++m_world.counters->connections;
    m_slots[number] = {.connection = std::make_unique<Connection>(std::move(socket), number, origin,
                                                                  m_connection_world, now),
                       .interest = EPOLLIN,
                       .waits = false,
                       .seen = {}};
}

void Worker::dispatch(std::uint64_t number, std::uint32_t events, base::SteadyTime now) {
    const auto it = m_slots.find(number);
    if (it == m_slots.end())
        return;
    Connection &c = *it->second.connection;
    Connection::Need need = c.need();
    const bool leaving = (events & (EPOLLHUP | EPOLLERR)) != 0 ||
                         ((events & EPOLLRDHUP) != 0 && need == Connection::Need::media);
    if (leaving)
        need = Connection::Need::close;
    else if ((events & EPOLLOUT) != 0)
        need = c.writable(now);
    else if ((events & EPOLLIN) != 0)
        need = c.readable(now);
    settle(number, it->second, need);
}

// Puts what the connection needs next into effect.
void Worker::settle(std::uint64_t number, Slot &slot, Connection::Need need) {
    using Need = Connection::Need;
    std::uint32_t interest = 0;
    switch (need) {
    case Need::close:
        let_wait(slot, false);
        --m_world.counters->connections;
        m_slots.erase(number);
        return;
    case Need::read:
        interest = EPOLLIN;
        break;
    case Need::write:
        interest = EPOLLOUT;
        break;
    case Need::media:
        interest = EPOLLRDHUP;
        break;
    case Need::turn:
        m_turns.push_back(number);
        break;
    case Need::password:
        break;
    }
    const bool wants_media = slot.connection->event() != nullptr && need != Need::password;
    if (wants_media != slot.waits) {
        let_wait(slot, wants_media);
        slot.seen.reset();
        if (wants_media)
            poke(); // for what was published between its look and the line above
    }
    if (interest == slot.interest)
        return;
    slot.interest = interest;
    epoll_event event{.events = interest, .data = {.u64 = number}};
    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, slot.connection->fd(), &event);
}

void Worker::let_wait(Slot &slot, bool waits) {
    const int change = int{waits} - int{slot.waits};
    m_waiting += change;
    m_world.counters->waiting += change;
    slot.waits = waits;
}

int Worker::patience_ms(base::SteadyTime now) const {
    if (!m_turns.empty())
        return 0;
    if (!m_media_due)
        return 250;
    const auto left = std::chrono::ceil<base::Millis>(*m_media_due - now);
    return static_cast<int>(std::max(left, base::Millis{0}).count());
}

// Serves it with the part that comes when enough time has passed, or when none comes.
void Worker::hear_of_media(base::SteadyTime now) {
    const auto interval = batch_interval(m_world.counters->waiting);
    if (now - m_served >= interval)
        return serve_media(now);
    if (!m_media_due)
        m_media_due = m_served + interval + k_part;
}

void Worker::serve_media(base::SteadyTime now) {
    const std::int64_t gap_us =
        std::chrono::floor<std::chrono::microseconds>(now - m_served).count();
    const std::int64_t before = m_world.counters->batch_us.load(std::memory_order_relaxed);
    m_world.counters->batch_us.store(before +
                                         (std::min<std::int64_t>(gap_us, 1'000'000) - before) / 8,
                                     std::memory_order_relaxed);
    m_served = now;
    m_media_due.reset();
    std::unordered_map<const Event *, SnapshotPtr> newest;
    std::vector<std::uint64_t> waiting;
    for (auto &[number, slot] : m_slots) {
        if (!slot.waits || slot.connection->need() != Connection::Need::media)
            continue;
        SnapshotPtr &now_there = newest[slot.connection->event()];
        if (!now_there)
            now_there = slot.connection->event()->snapshot();
        if (slot.seen.lock() == now_there)
            continue;
        slot.seen = now_there;
        waiting.push_back(number);
    }
    for (const std::uint64_t number : waiting) {
        Slot &slot = m_slots.at(number);
        settle(number, slot, slot.connection->media(now));
    }
}

void Worker::serve_turns(base::SteadyTime now) {
    const auto turns = std::exchange(m_turns, {});
    for (const std::uint64_t number : turns)
        if (const auto it = m_slots.find(number); it != m_slots.end())
            settle(number, it->second, it->second.connection->media(now));
}

void Worker::serve_passwords(base::SteadyTime now) {
    std::vector<std::pair<std::uint64_t, bool>> checked;
    {
        const std::lock_guard lock(m_mutex);
        checked.swap(m_checked);
    }
    for (const auto &[number, right] : checked)
        if (const auto it = m_slots.find(number); it != m_slots.end())
            settle(number, it->second, it->second.connection->password_checked(right, now));
}

void Worker::check_deadlines(base::SteadyTime now) {
    if (now - m_swept < k_sweep)
        return;
    m_swept = now;
    if (m_deaf)
        hear(true);
    std::vector<std::uint64_t> all;
    all.reserve(m_slots.size());
    for (const auto &[number, slot] : m_slots)
        all.push_back(number);
    for (const std::uint64_t number : all) {
        Slot &slot = m_slots.at(number);
        const auto before = slot.connection->need();
        const auto after = slot.connection->check_deadline(now);
        if (after != before || after == Connection::Need::close)
            settle(number, slot, after);
    }
}

} // namespace relay
