#include "control/courier.hpp"

#include "base/log.hpp"
#include "wire/notify.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace control {

using base::Errc;
using base::Millis;
using base::Result;
using ledger::Notice;
using ledger::Transaction;

namespace {

constexpr std::size_t k_workers = 4;
constexpr Millis k_first_pause{5'000};
constexpr Millis k_longest_pause{3'600'000};
constexpr Millis k_claim{120'000}; // several times what telling takes at most
constexpr base::Seconds k_grace{5};

double luck() {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::uniform_real_distribution<>{0, 1}(random);
}

std::string shown(const Notice &n) {
    const auto target = wire::parse_notify(n.target);
    return target ? wire::shown(*target) : "a target";
}

} // namespace

Millis retry_pause(std::int64_t attempts, double luck) {
    const auto doublings = std::clamp<std::int64_t>(attempts - 1, 0, 20);
    const Millis whole = std::min(k_first_pause * (std::int64_t{1} << doublings), k_longest_pause);
    return Millis{std::llround(static_cast<double>(whole.count()) * (0.5 + luck / 2))};
}

Courier::Courier(ledger::Ledger &ledger, Messenger &messenger, const Config &config,
                 const base::Clock &clock)
    : m_ledger(ledger), m_messenger(messenger), m_config(config), m_clock(clock) {
    m_threads.emplace_back([this] { look(); });
    for (std::size_t i = 0; i < k_workers; ++i)
        m_threads.emplace_back([this] { work(); });
}

Courier::~Courier() {
    {
        std::unique_lock lock{m_mutex};
        m_stop = true;
        m_claimed.clear(); // they are due again after a while
        m_wake.notify_all();
        m_idle.wait_for(lock, k_grace, [this] { return m_busy == 0; });
    }
    m_cancelled = true;
    for (std::thread &thread : m_threads)
        thread.join();
}

// Claims what is due as long as somebody is free to tell it.
void Courier::look() {
    std::unique_lock lock{m_mutex};
    while (!m_stop) {
        const std::size_t used = m_busy + m_claimed.size();
        std::size_t claimed = 0;
        if (used < k_workers) {
            lock.unlock();
            claimed = claim(k_workers - used);
            lock.lock();
        }
        if (claimed > 0)
            m_wake.notify_all();
        m_idle.wait_for(lock, base::Seconds{1}, [&, this] {
            return m_stop || (claimed > 0 && m_busy + m_claimed.size() < k_workers);
        });
    }
}

std::size_t Courier::claim(std::size_t most) {
    const base::UtcTime now = m_clock.now();
    std::optional<base::UtcTime> next;
    std::vector<Notice> claimed;
    auto done = m_ledger.read([&](Transaction &t) -> Result<void> {
        next = TRY(t.next_notice());
        return {};
    });
    if (done && next && *next <= now)
        done = m_ledger.write([&](Transaction &t) -> Result<void> {
            claimed = TRY(t.claim_notices(now, now + k_claim, most));
            return {};
        });
    if (!done) {
        if (!done.error().message.empty())
            base::log::error("{}", done.error().message);
        return 0;
    }
    const std::scoped_lock lock{m_mutex};
    m_claimed.insert(m_claimed.end(), claimed.begin(), claimed.end());
    return claimed.size();
}

void Courier::work() {
    std::unique_lock lock{m_mutex};
    for (;;) {
        m_wake.wait(lock, [this] { return m_stop || !m_claimed.empty(); });
        if (m_stop)
            return;
        const Notice notice = std::move(m_claimed.front());
        m_claimed.pop_front();
        ++m_busy;
        lock.unlock();
        tell(notice);
        lock.lock();
        --m_busy;
        m_idle.notify_all();
    }
}

void Courier::tell(const Notice &notice) {
    Result<void> told;
    try {
        told = m_messenger.tell(notice, m_clock.now(), m_cancelled);
    } catch (const std::exception &e) {
        told = base::fail(Errc::bug, "internal error: {}", e.what());
    }
    settle(notice, told);
}

void Courier::settle(const Notice &notice, const Result<void> &told) {
    const base::UtcTime now = m_clock.now();
    Notice again = notice;
    again.due = now + (m_cancelled ? Millis{0} : retry_pause(notice.attempts, luck()));
    const bool hopeless =
        !told && (told.error().code == Errc::refused || told.error().code == Errc::bad_data);
    const bool over = again.due >= notice.created + m_config.notify.keep_trying;
    if (told)
        base::log::debug("told {} of {}: {}", shown(notice), notice.reservation.text(),
                         notice.event);
    else if (hopeless || over)
        base::log::error("gives up telling {} of {}: {}: {}", shown(notice),
                         notice.reservation.text(), notice.event, told.error().message);
    else
        base::log::warning("could not tell {} of {}, tries again at {}: {}{}{}", shown(notice),
                           notice.reservation.text(), base::format_rfc3339(again.due),
                           told.error().message, told.error().hint.empty() ? "" : "; ",
                           told.error().hint);
    const auto kept = m_ledger.write([&](Transaction &t) -> Result<void> {
        return told || hopeless || over ? t.forget_notice(notice.id) : t.put(again);
    });
    if (!kept && !kept.error().message.empty())
        base::log::error("{}", kept.error().message);
}

} // namespace control
