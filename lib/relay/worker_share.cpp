// How a worker gives connections to another one, and how that takes them: those that are to hear
// of media to the one that gathers them, and some of all when it has too much to do.
#include "relay/worker.hpp"

#include <ctime>
#include <sys/epoll.h>

namespace relay {

std::chrono::nanoseconds Worker::thread_time() {
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

// With each sweep. What was given shows in the next measure.
void Worker::share_work(base::SteadyTime now) {
    const auto worked = m_world.cpu_time();
    const auto passed = now - m_measured;
    if (m_measured != base::SteadyTime{} && passed > base::SteadyTime::duration::zero())
        m_world.crew->rota.set_busy(m_world.index,
                                    std::chrono::duration<double>(worked - m_worked) / passed);
    m_measured = now;
    m_worked = worked;
    const auto relief = m_world.crew->rota.relief_of(m_world.index);
    if (!relief)
        return;
    const bool had_turn = m_world.crew->rota.relieve(m_world.index, *relief);
    give(*relief);
    if (had_turn) { // or who comes and goes would stay with the busy one
        m_world.crew->workers[relief->to]->poke();
        attend_doors();
    }
}

void Worker::give(const Rota::Relief &relief) {
    using Need = Connection::Need;
    auto left = static_cast<std::size_t>(static_cast<double>(m_slots.size()) * relief.part);
    std::vector<Slot> given;
    for (auto it = m_slots.begin(); it != m_slots.end() && left > 0;) {
        const auto here = it++;
        const Need need = here->second.connection->need();
        if (need == Need::password || need == Need::turn || need == Need::close)
            continue; // somebody has its number
        if (here->second.gathered) {
            m_world.crew->rota.listener_left(m_world.index);
            m_world.crew->rota.listener_entered(relief.to);
        }
        given.push_back(release(here));
        --left;
    }
    hand_over(std::move(given), relief.to);
}

// True when @p it, which is to hear of media from now on, belongs to another worker, and went
// there.
bool Worker::gather(Slots::iterator it) {
    it->second.gathered = true;
    const std::size_t to = m_world.crew->rota.gather();
    if (to == m_world.index)
        return false;
    std::vector<Slot> given;
    given.push_back(release(it));
    hand_over(std::move(given), to);
    return true;
}

Worker::Slot Worker::release(Slots::iterator it) {
    ::epoll_ctl(m_epoll.get(), EPOLL_CTL_DEL, it->second.connection->fd(), nullptr);
    let_wait(it->second, false);
    Slot out = std::move(it->second);
    m_slots.erase(it);
    return out;
}

void Worker::hand_over(std::vector<Slot> given, std::size_t to) const {
    if (given.empty())
        return;
    Worker &other = *m_world.crew->workers[to];
    for (const Slot &slot : given) {
        slot.connection->move_to(other.m_connection_world, 0); // nothing of ours may be left in it
        m_world.crew->rota.left(m_world.index);
        m_world.crew->rota.entered(to);
    }
    {
        const std::lock_guard lock(other.m_mutex);
        std::ranges::move(given, std::back_inserter(other.m_given));
    }
    other.poke();
}

void Worker::take_in(base::SteadyTime now) {
    std::vector<Slot> given;
    {
        const std::lock_guard lock(m_mutex);
        given.swap(m_given);
    }
    for (Slot &slot : given) {
        const std::uint64_t number = m_next++;
        Connection &c = *slot.connection;
        c.move_to(m_connection_world, number);
        epoll_event none{.events = 0, .data = {.u64 = number}};
        const bool watched = ::epoll_ctl(m_epoll.get(), EPOLL_CTL_ADD, c.fd(), &none) == 0;
        slot.interest = 0;
        Slot &here = m_slots.emplace(number, std::move(slot)).first->second;
        Connection::Need need = watched ? c.check_deadline(now) : Connection::Need::close;
        if (m_connection_world.closing && need != Connection::Need::close)
            need = c.wind_up(now);
        settle(number, here, need);
    }
}

} // namespace relay
