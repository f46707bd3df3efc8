#include "control/sweeper.hpp"

#include "base/log.hpp"
#include "control/answer.hpp"
#include "control/transact.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;

namespace {

constexpr base::Seconds k_report_slack{30}; // for a report that is under way

resv::State state_reached(const Booking &b, const Config &config, Feeds &feeds, UtcTime now) {
    const resv::State state = resv::state_at(b.life, now);
    const UtcTime deadline = b.life.window.start + config.policy_of(b.channel).grace;
    if (state == resv::State::booked && now >= deadline &&
        feeds.last_contact(b.relay) >= deadline + k_report_slack)
        return resv::State::no_show;
    return state;
}

} // namespace

Outcome<void> sweep(ledger::Ledger &ledger, const Desk &desk, Feeds &feeds, const Config &config,
                    UtcTime now) {
    const auto due = TRY(examine(ledger, [&](Transaction &t) -> Outcome<std::vector<Booking>> {
        auto found = TRY(t.due(now));
        std::erase_if(found, [&](const Booking &b) {
            return state_reached(b, config, feeds, now) == b.life.state;
        });
        std::ranges::sort(found, {}, &Booking::id);
        return found;
    }));
    if (due.empty())
        return {};
    TRY(transact(ledger, [&](Transaction &t) -> Outcome<bool> {
        std::vector<Booking> found;     // all read in order first: see Transaction::lock
        for (const Booking &seen : due) // they may have changed meanwhile
            if (auto b = TRY(t.booking(seen.id)))
                found.push_back(*std::move(b));
        for (const Booking &b : found)
            if (const resv::State state = state_reached(b, config, feeds, now);
                state != b.life.state)
                TRY(desk.settle(t, b, state, now));
        return true;
    }));
    feeds.changed();
    return {};
}

Sweeper::Sweeper(ledger::Ledger &ledger, Feeds &feeds, const Config &config,
                 const base::Clock &clock)
    : m_ledger(ledger), m_feeds(feeds), m_config(config), m_clock(clock), m_desk(config),
      m_thread([this] { loop(); }) {}

Sweeper::~Sweeper() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void Sweeper::once() {
    const UtcTime now = m_clock.now();
    // Failures are in the log by now; the next round tries again.
    (void)sweep(m_ledger, m_desk, m_feeds, m_config, now);
    if (now < m_next_prune)
        return;
    m_next_prune = now + std::chrono::hours{1};
    if (const auto done =
            m_ledger.write([&](Transaction &t) { return t.prune(now - k_answers_kept, now); });
        !done)
        base::log::error("{}", done.error().message);
}

void Sweeper::loop() {
    std::unique_lock lock{m_mutex};
    while (!m_stop) {
        lock.unlock();
        once();
        lock.lock();
        m_wake.wait_for(lock, base::Seconds{1}, [this] { return m_stop; });
    }
}

} // namespace control
