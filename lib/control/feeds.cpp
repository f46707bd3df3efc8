#include "control/feeds.hpp"

#include "base/log.hpp"
#include "control/answer.hpp"
#include "control/auth.hpp"
#include "control/documents.hpp"
#include "control/transact.hpp"

namespace control {

using base::Result;

namespace {
constexpr std::size_t k_max_entries = 1000;
constexpr base::Seconds k_max_wait{30};
} // namespace

Feeds::Feeds(const Config &config, const Keys &keys, ledger::Ledger &ledger,
             const base::Clock &clock)
    : m_config(config), m_keys(keys), m_ledger(ledger), m_clock(clock),
      m_thread([this] { loop(); }), m_watch(ledger.watch([this] { changed(); })) {}

Feeds::~Feeds() {
    stop();
    m_thread.join();
}

void Feeds::stop() {
    {
        const std::scoped_lock lock{m_mutex};
        m_stop = true;
    }
    m_wake.notify_one();
    const std::scoped_lock lock{m_observers_mutex};
    for (const auto &[whose, observer] : m_observers)
        observer.stop();
}

void Feeds::observe(const void *whose, Observer observer) {
    const std::scoped_lock lock{m_observers_mutex};
    m_observers[whose] = std::move(observer);
}

void Feeds::forget(const void *whose) {
    const std::scoped_lock lock{m_observers_mutex};
    m_observers.erase(whose);
}

Outcome<wire::Feed> Feeds::read(const std::string &relay, const seal::KeyId &key,
                                std::int64_t after) {
    wire::Feed feed{.relay = relay, .serial = after, .time = m_clock.now(), .entries = {}};
    std::vector<ledger::Booking> found;
    TRY(examine(m_ledger, [&](ledger::Transaction &t) -> Outcome<void> {
        TRY(find_signer(t, key, feed.time));
        found = TRY(t.changed(relay, after));
        if (!found.empty() || after == 0 || !TRY(t.changed(relay, after - 1)).empty())
            return {};
        base::log::warning("relay {} is ahead of the ledger: it gets the whole feed again", relay);
        found = TRY(t.changed(relay, 0));
        after = 0;
        feed.serial = 0;
        return {};
    }));
    for (const ledger::Booking &b : found) {
        if (feed.entries.size() == k_max_entries)
            break;
        feed.serial = b.feed_serial;
        const bool over = b.life.window.closes() + m_config.policy.retention < feed.time;
        if (after != 0 || !over)
            feed.entries.push_back(feed_entry_of(b, m_config));
    }
    return feed;
}

void Feeds::answer(const std::string &relay, const seal::KeyId &key, std::int64_t after,
                   base::Seconds wait, Reply reply) {
    Waiter waiter{.relay = relay,
                  .key = key,
                  .after = after,
                  .until = std::chrono::steady_clock::now() + std::min(wait, k_max_wait),
                  .reply = std::move(reply)};
    std::unique_lock lock{m_mutex};
    m_contacts[relay] = m_clock.now();
    if (m_stop) {
        lock.unlock();
        try_answer(waiter, true);
        return;
    }
    m_waiters.push_back(std::move(waiter));
    m_changed = true; // it may have an answer at once
    lock.unlock();
    m_wake.notify_one();
}

void Feeds::changed() {
    bool awaited = false;
    {
        const std::scoped_lock lock{m_mutex};
        m_changed = true;
        awaited = !m_waiters.empty();
    }
    if (awaited) // while they are looked at, the thread is awake
        m_wake.notify_one();
    const std::scoped_lock lock{m_observers_mutex};
    for (const auto &[whose, observer] : m_observers)
        observer.changed();
}

std::size_t Feeds::waiting() {
    const std::scoped_lock lock{m_mutex};
    return m_waiters.size() + m_in_turn;
}

base::UtcTime Feeds::last_contact(const std::string &relay) {
    const std::scoped_lock lock{m_mutex};
    const auto found = m_contacts.find(relay);
    return found == m_contacts.end() ? base::UtcTime{} : found->second;
}

bool Feeds::try_answer(const Waiter &waiter, bool over) {
    const auto feed = read(waiter.relay, waiter.key, waiter.after);
    if (!feed) {
        waiter.reply(response_of(feed.error()));
        return true;
    }
    // A serial that moved without an entry is worth telling too: it saves asking for the same
    // again.
    if (!over && feed->entries.empty() && feed->serial == waiter.after)
        return false;
    waiter.reply(
        {.status = 200, .headers = json_headers(), .body = wire::sign_feed(*feed, m_keys.signing)});
    return true;
}

void Feeds::loop() {
    std::unique_lock lock{m_mutex};
    while (!m_stop) {
        auto until = std::chrono::steady_clock::now() + std::chrono::hours{1};
        for (const Waiter &waiter : m_waiters)
            until = std::min(until, waiter.until);
        m_wake.wait_until(lock, until, [this] { return m_stop || m_changed; });
        const bool changed = std::exchange(m_changed, false);
        const auto now = std::chrono::steady_clock::now();
        std::list<Waiter> turn;
        turn.swap(m_waiters);
        m_in_turn = turn.size();
        lock.unlock(); // reading takes a while, and nobody should wait to wait
        std::erase_if(turn, [&](const Waiter &waiter) {
            const bool over = now >= waiter.until;
            return (changed || over) && try_answer(waiter, over);
        });
        lock.lock();
        m_waiters.splice(m_waiters.end(), turn);
        m_in_turn = 0;
    }
    const std::list<Waiter> rest = std::exchange(m_waiters, {});
    lock.unlock();
    for (const Waiter &waiter : rest)
        try_answer(waiter, true);
}

} // namespace control
