// The relay's two conversations with control, each on a thread of its own: the feed comes down,
// reports go up. Neither ever holds up media.
#pragma once

#include "relay/feed_state.hpp"
#include "relay/keys.hpp"
#include "relay/metrics.hpp"
#include "wire/receipt.hpp"

#include <condition_variable>

namespace client {
class Api;
}

namespace relay {

/// Waits that a stop ends at once. Thread-safe.
class Pause {
  public:
    void stop();
    /// False when it was stopped.
    [[nodiscard]] bool wait(base::Millis most);
    [[nodiscard]] bool stopped() const { return m_stopped; }

  private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::atomic<bool> m_stopped{false};
};

/// Long-polls the feed, verifies it, keeps it on disk and hands on what changed. When control is
/// away, or the disk is full, it says so once and goes on.
class FeedClient {
  public:
    struct Update {
        base::Millis clock_offset{0}; ///< control's clock minus CLOCK_MONOTONIC
        std::vector<wire::FeedEntry> entries;
    };
    using OnUpdate = std::function<void(Update)>; ///< on the client's thread

    /// @p keys and @p metrics outlive it.
    FeedClient(RelayConfig config, const RelayKeys &keys, vault::Folder folder, FeedState state,
               Metrics &metrics, OnUpdate on_update);
    ~FeedClient();
    FeedClient(const FeedClient &) = delete;
    FeedClient &operator=(const FeedClient &) = delete;

    /// Begins to end, which takes about a second when a request is under way.
    void stop();
    [[nodiscard]] bool is_over() const { return m_over; }
    /// Ends it. What it knows.
    [[nodiscard]] FeedState take_state();

  private:
    void run();
    [[nodiscard]] base::Result<void> ask(client::Api &api, int wait_s);
    [[nodiscard]] base::Result<void> take(const wire::Feed &feed);

    RelayConfig m_config;
    const RelayKeys &m_keys;
    vault::Folder m_folder;
    FeedState m_state;
    Metrics &m_metrics;
    OnUpdate m_on_update;
    bool m_disk_failed = false;
    std::atomic<bool> m_over{false};
    Pause m_pause;
    std::mutex m_mutex; ///< for m_api, which stop cancels
    std::unique_ptr<client::Api> m_api;
    std::thread m_thread;
};

/// Sends reports and receipts until control has taken them: the same with the same key again and
/// again. Each receipt goes by itself, so that one that is refused keeps out no other.
class Reporter {
  public:
    using OnDone = std::function<void(const wire::Receipt &)>; ///< on the reporter's thread

    /// @p keys and @p metrics outlive it. @p on_done: control has the receipt, or refused it
    /// for good. @p patience bounds its end: see ~Reporter().
    Reporter(RelayConfig config, const RelayKeys &keys, Metrics &metrics, OnDone on_done = {},
             base::Millis patience = base::Millis{2'000});
    /// What waits is tried once more, for as long as the patience lasts (and about a second for
    /// the last request to be given up).
    ~Reporter();
    Reporter(const Reporter &) = delete;
    Reporter &operator=(const Reporter &) = delete;

    /// What control has not taken yet.
    struct Left {
        std::deque<wire::Report> reports;
        std::deque<wire::SignedReceipt> receipts;
    };
    /// Begins to end: what waits is tried once more. is_over() when it has ended.
    void stop();
    [[nodiscard]] bool is_over() const { return m_over.stopped(); }
    /// Ends it at once; a request that is under way is cut, and what it held is among what is left.
    [[nodiscard]] Left take_left();

    /// Thread-safe, at once.
    void add(wire::Report report);
    void add(const wire::SignedReceipt &receipt);

  private:
    void deliver();
    void note_waiting();
    [[nodiscard]] std::vector<wire::Report> next_batch();
    [[nodiscard]] std::optional<wire::SignedReceipt> next_receipt();
    enum class Sent {
        taken,
        refused, ///< for good
        failed,  ///< by an answer that another try may not get
        stopped, ///< and control did not take it in the last try
    };
    [[nodiscard]] bool send(client::Api &api, const std::vector<wire::Report> &batch);
    [[nodiscard]] bool send(client::Api &api, const wire::SignedReceipt &receipt);
    [[nodiscard]] Sent send(client::Api &api, const wire::JsonObject &body, std::string_view what);

    RelayConfig m_config;
    const RelayKeys &m_keys;
    Metrics &m_metrics;
    base::Millis m_patience;
    Pause m_pause;
    Pause m_over; ///< nothing more is sent
    OnDone m_on_done;
    std::mutex m_mutex; ///< for the queues and m_api
    std::condition_variable m_news;
    std::deque<wire::Report> m_queue;
    std::deque<wire::SignedReceipt> m_receipts;
    std::unique_ptr<client::Api> m_api;
    std::thread m_thread;
};

} // namespace relay
