// How a worker takes in who comes, when it is its turn.
#include "relay/descriptors.hpp"
#include "relay/listener.hpp"
#include "relay/worker.hpp"

#include <sys/epoll.h>

namespace relay {

namespace {
constexpr int k_accept_at_once = 64;
}

void Worker::accept_from(const Door &door, base::SteadyTime now) {
    Rota &rota = m_world.crew->rota;
    for (int i = 0; i < k_accept_at_once && rota.is_turn_of(m_world.index); ++i) {
        Accepted viewer = accept_viewer(door.listener.get());
        if (!viewer.socket) {
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
        auto place = door.admin ? std::optional{AddressLimit::Place{}}
                                : m_world.addresses->enter(viewer.address);
        if (!place) {
            ++m_world.counters->turned_away_of_address;
            if (door.tls == nullptr)
                turn_away(viewer.socket.get());
            continue;
        }
        add(std::move(viewer), door, *std::move(place), now);
        if (const auto next = rota.pass())
            m_world.crew->workers[*next]->poke();
    }
    attend_doors();
}

// Who waits at a door is reported to one worker.
void Worker::attend_doors() {
    const bool turn = m_world.crew->rota.is_turn_of(m_world.index);
    if (std::exchange(m_turn, turn) != turn)
        hear(!m_deaf);
}

// Whether connections that wait are reported.
void Worker::hear(bool listen) {
    m_deaf = !listen;
    for (std::size_t i = 0; i < m_doors.size(); ++i) {
        epoll_event event{.events = listen && m_turn ? EPOLLIN : 0U, .data = {.u64 = i + 1}};
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_MOD, m_doors[i].listener.get(), &event);
    }
}

void Worker::close_doors(base::SteadyTime now) {
    m_connection_world.closing = true;
    for (const Door &door : m_doors)
        ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, door.listener.get(), nullptr);
    std::vector<std::uint64_t> all;
    all.reserve(m_slots.size());
    for (const auto &[number, slot] : m_slots)
        all.push_back(number);
    for (const std::uint64_t number : all) {
        Slot &slot = m_slots.at(number);
        settle(number, slot, slot.connection->wind_up(now));
    }
}

void Worker::add(Accepted viewer, const Door &door, AddressLimit::Place place,
                 base::SteadyTime now) {
    const std::uint64_t number = m_next++;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = number}};
    if (::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, viewer.socket.get(), &event) != 0)
        return;
    const Origin origin{
        .loopback = viewer.loopback, .admin = door.admin, .address = viewer.address};
    Transport transport{std::move(viewer.socket),
                        door.tls == nullptr ? nullptr : door.tls->current()};
    ++m_world.counters->connections;
    m_world.crew->rota.entered(m_world.index);
    m_slots[number] = {.connection = std::make_unique<Connection>(std::move(transport), number,
                                                                  origin, m_connection_world, now),
                       .interest = EPOLLIN,
                       .waits = false,
                       .gathered = false,
                       .place = std::move(place),
                       .seen = 0};
}

} // namespace relay
