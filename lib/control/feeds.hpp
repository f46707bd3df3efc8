// The feed of each relay: composed from the ledger, waited for without a thread per relay.
#pragma once

#include "base/clock.hpp"
#include "control/config.hpp"
#include "control/keys.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"
#include "net/http_server.hpp"
#include "wire/feed.hpp"

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace control {

/// Thread-safe. Everything given to the constructor outlives it.
class Feeds {
  public:
    using Reply = std::function<void(net::Response)>;

    Feeds(const Config &config, const Keys &keys, ledger::Ledger &ledger, const base::Clock &clock);
    Feeds(const Feeds &) = delete;
    Feeds &operator=(const Feeds &) = delete;
    ~Feeds();

    /// What changed for @p relay after serial @p after, at most 1000 entries of it. After 0: what
    /// is of use still. After a serial that the ledger never gave (it was restored from a
    /// backup): everything again. 401 when @p key does not sign for it any more, see find_signer().
    [[nodiscard]] Outcome<wire::Feed> read(const std::string &relay, const seal::KeyId &key,
                                           std::int64_t after);

    /// Answers with the signed feed once there is an entry, and after @p wait without one.
    /// Refuses as read() does, also when @p key is revoked meanwhile.
    void answer(const std::string &relay, const seal::KeyId &key, std::int64_t after,
                base::Seconds wait, Reply reply);

    /// Something changed: those who wait may have an answer.
    void changed();

    /// Calls @p observer, from any thread, when something changed and when control is about to end.
    /// Until it is forgotten; one for each @p whose.
    struct Observer {
        std::function<void()> changed;
        std::function<void()> stop;
    };
    void observe(const void *whose, Observer observer);
    void forget(const void *whose);

    /// Answers all who wait, and from then on everybody at once: control is about to end.
    void stop();

    /// How many wait for an answer now.
    [[nodiscard]] std::size_t waiting();

    /// When @p relay last asked; the epoch when it did not since control started.
    [[nodiscard]] base::UtcTime last_contact(const std::string &relay);

  private:
    struct Waiter {
        std::string relay;
        seal::KeyId key;
        std::int64_t after = 0;
        std::chrono::steady_clock::time_point until;
        Reply reply;
    };
    void loop();
    bool try_answer(const Waiter &waiter, bool over);

    const Config &m_config;
    const Keys &m_keys;
    ledger::Ledger &m_ledger;
    const base::Clock &m_clock;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::list<Waiter> m_waiters;
    std::size_t m_in_turn = 0; // of those, looked at right now
    std::map<std::string, base::UtcTime> m_contacts;
    std::mutex m_observers_mutex;
    std::map<const void *, Observer> m_observers;
    bool m_changed = false;
    bool m_stop = false;
    std::thread m_thread;                   // it uses all of the above
    std::unique_ptr<ledger::Watch> m_watch; // last: it calls changed()
};

} // namespace control
