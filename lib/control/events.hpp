// The calendar as it changes: server-sent events for as many as listen, one thread for all.
#pragma once

#include "base/clock.hpp"
#include "control/calendar.hpp"
#include "net/http_stream.hpp"
#include "seal/keys.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace control {

/// Who listens, and until when it may.
struct Look {
    Viewer viewer;
    std::optional<seal::KeyId> key; ///< whose end ends it; none: anybody
    base::UtcTime until;
};

/// Each listener gets the whole calendar (`event: calendar`), then each change of what it may see
/// as a merge patch (`event: change`). An event's id stands for what the listener knows after it,
/// so any control with the same ledger takes it up again. Thread-safe.
class Events {
  public:
    /// Who looks with a key now; an error: nobody any more.
    using Finder = std::function<Outcome<Viewer>(ledger::Transaction &, const seal::KeyId &)>;

    Events(const Config &config, ledger::Ledger &ledger, const base::Clock &clock, Finder finder);
    Events(const Events &) = delete;
    Events &operator=(const Events &) = delete;
    ~Events();

    /// A stream of what @p look may see of @p span; @p last is the id of the last event that the
    /// listener had. 503 too_many_listeners.
    [[nodiscard]] Outcome<std::shared_ptr<net::Stream>> listen(Look look, resv::Span span,
                                                               std::string last);
    /// Something changed: listeners may have an event.
    void changed();
    /// Ends all streams, and those that come.
    void stop();

  private:
    struct Listener {
        Look look;
        std::string last;
        std::shared_ptr<net::Stream> stream;
        bool fresh = true; ///< had nothing yet
    };
    struct Change {
        std::string from; ///< the id of what it changes
        std::string text;
    };
    // What several listeners see alike.
    struct View {
        wire::JsonObject document;
        std::string id; ///< of the document; empty: none yet
        std::deque<Change> changes;
        std::vector<Listener> listeners;
    };
    using Key = std::tuple<Viewer, base::UtcTime, base::UtcTime>;

    void loop();
    void pass(bool beat);
    void refresh(ledger::Transaction &t, const Key &key, View &view, base::UtcTime now) const;
    static void greet(const View &view, Listener &listener, base::UtcTime now);

    const Config &m_config;
    ledger::Ledger &m_ledger;
    const base::Clock &m_clock;
    const Finder m_finder;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::vector<std::pair<Key, Listener>> m_arrived;
    std::size_t m_listening = 0;
    bool m_changed = false;
    bool m_stop = false;
    std::map<Key, View> m_views; // the thread's
    std::thread m_thread;        // last: it uses all of the above
};

} // namespace control
