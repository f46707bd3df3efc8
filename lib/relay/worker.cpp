#include "relay/worker.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace relay {

using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr auto k_sweep = 500ms;
// How long media waits for more, and for that of other events, with so much to do. Bytes per system
// call decide what a viewer costs: for a few, what costs least is what comes first. (While many
// watch, the ingest children tell of it less often, too: see Hub::tick_pace().)
constexpr std::int64_t k_many = 200;
constexpr base::Millis k_batch{30};
constexpr base::Millis k_part{20};
constexpr std::uint64_t k_event_number = 0; // the doors' numbers follow

bool watch(int epoll, int fd, std::uint64_t number, std::uint32_t events = EPOLLIN) {
    epoll_event event{.events = events, .data = {.u64 = number}};
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

} // namespace

Crew::Crew(std::vector<Door> ways_in, std::size_t count, std::int64_t share)
    : doors(std::move(ways_in)), rota(count, share) {}

Crew::~Crew() {
    for (const auto &worker : workers) // they give each other viewers
        worker->rest();
}

Result<std::unique_ptr<Worker>> Worker::make(World world) {
    base::Fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
    base::Fd event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    const std::vector<Door> &doors = world.crew->doors;
    const std::uint32_t heard = world.crew->rota.is_turn_of(world.index) ? EPOLLIN : 0U;
    bool well = epoll && event && watch(epoll.get(), event.get(), k_event_number);
    for (std::size_t i = 0; well && i < doors.size(); ++i)
        well = watch(epoll.get(), doors[i].listener.get(), i + 1, heard);
    if (!well)
        return base::fail_errno("start", "a worker");
    return std::unique_ptr<Worker>(new Worker(std::move(epoll), std::move(event), world));
}

Worker::Worker(base::Fd epoll, base::Fd event, World world)
    : m_epoll(std::move(epoll)), m_event(std::move(event)), m_world(world),
      m_doors(world.crew->doors), m_next(m_doors.size() + 1),
      m_turn(world.crew->rota.is_turn_of(world.index)) {
    m_connection_world = {
        .router = world.router,
        .latency = world.latency,
        .bytes_out = &world.counters->requests_bytes_out,
        .tls = &world.counters->tls,
        .fanout = &m_fanout,
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
    rest();
}

void Worker::poke() {
    if (m_poked.exchange(true))
        return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(m_event.get(), &one, sizeof one);
}

void Worker::wind_up() {
    m_winds_up = true;
    poke();
}

void Worker::clear_event() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(m_event.get(), &count, sizeof count);
}

void Worker::wake() {
    if (m_waiting.load(std::memory_order_acquire) > 0)
        poke();
}

void Worker::run() {
    std::array<epoll_event, 256> events; // NOLINT(*-member-init): filled by epoll_wait
    attend_doors();                      // the turn may have passed while all rested
    while (!m_stop) {
        const int n = ::epoll_wait(m_epoll.get(), events.data(), events.size(),
                                   patience_ms(std::chrono::steady_clock::now()));
        const auto now = std::chrono::steady_clock::now();
        for (int i = 0; i < n; ++i) {
            const auto &e = events[static_cast<std::size_t>(i)];
            if (e.data.u64 > m_doors.size())
                dispatch(e.data.u64, e.events, now);
            else if (e.data.u64 != k_event_number)
                accept_from(m_doors[e.data.u64 - 1], now);
            else
                clear_event(); // also of who poked and wrote late
        }
        if (m_poked) {
            clear_event();
            m_poked = false; // before looking: what is published from now on pokes again
            attend_doors();
            if (m_winds_up && !m_connection_world.closing)
                close_doors(now);
            take_in(now);
            serve_passwords(now);
            hear_of_media(now);
        }
        if (m_media_due && now >= *m_media_due)
            serve_media(now);
        serve_turns(now);
        check_deadlines(now);
    }
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
    const bool hears = slot.connection->is_live() || need == Need::media;
    if (need != Need::close && hears && !slot.gathered && gather(m_slots.find(number)))
        return;
    std::uint32_t interest = 0;
    switch (need) {
    case Need::close:
        let_wait(slot, false);
        --m_world.counters->connections;
        m_world.crew->rota.left(m_world.index);
        if (slot.gathered)
            m_world.crew->rota.listener_left(m_world.index);
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
        slot.seen = 0;
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
        return static_cast<int>(base::Millis{k_sweep}.count());
    const auto left = std::chrono::ceil<base::Millis>(*m_media_due - now);
    return static_cast<int>(std::max(left, base::Millis{0}).count());
}

// Serves it with the part that comes when enough time has passed, or when none comes.
void Worker::hear_of_media(base::SteadyTime now) {
    const auto interval = m_world.counters->load() < k_many ? 0ms : k_batch;
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
    // One time round: what is looked at here was pushed out of the caches by the sends before.
    const Event *last = nullptr;
    Event::Newest *newest = nullptr;
    std::unordered_map<const Event *, Event::Newest> all;
    for (auto it = m_slots.begin(); it != m_slots.end();) {
        const std::uint64_t number = it->first;
        Slot &slot = it->second;
        ++it; // settle() erases at most the present one
        if (it != m_slots.end())
            it->second.connection->prefetch();
        if (!slot.waits || slot.connection->need() != Connection::Need::media)
            continue;
        if (const Event *event = slot.connection->event(); event != last) {
            last = event;
            newest = &all[event];
            if (!newest->snapshot)
                *newest = event->newest();
        }
        if (std::exchange(slot.seen, newest->number) != newest->number)
            settle(number, slot, slot.connection->media(now, *newest->snapshot));
    }
}

void Worker::serve_turns(base::SteadyTime now) {
    const auto turns = std::exchange(m_turns, {});
    for (const std::uint64_t number : turns)
        if (const auto it = m_slots.find(number); it != m_slots.end())
            settle(number, it->second,
                   it->second.connection->media(now, *it->second.connection->event()->snapshot()));
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
    share_work(now);
    m_fanout.sweep(now);
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
