#include "relay/feed_client.hpp"

#include "base/control_clock.hpp"
#include "base/log.hpp"
#include "client/api.hpp"

#include <fmt/format.h>

namespace relay {

using base::Errc;
using base::Millis;
using base::Result;

namespace {

using namespace std::chrono_literals;

constexpr int k_wait_s = 20;
constexpr Millis k_margin = 15s; // beyond the wait, for the answer to arrive
constexpr Millis k_first_retry = 1s;
constexpr Millis k_longest_retry = 10s;
constexpr std::size_t k_batch = 100;
constexpr std::size_t k_max_queue = 10'000;
constexpr std::int64_t k_warn_offset_ms = 1000;

Result<std::unique_ptr<client::Api>> open_api(const RelayConfig &config, const RelayKeys &keys) {
    return std::make_unique<client::Api>(TRY(client::Api::open(
        {.url = config.control, .cacert = config.cacert, .interface = {}}, &keys.sign)));
}

} // namespace

void Pause::stop() {
    {
        const std::lock_guard lock(m_mutex);
        m_stopped = true;
    }
    m_changed.notify_all();
}

bool Pause::wait(Millis most) {
    std::unique_lock lock(m_mutex);
    return !m_changed.wait_for(lock, most, [this] { return m_stopped.load(); });
}

FeedClient::FeedClient(RelayConfig config, const RelayKeys &keys, vault::Folder folder,
                       FeedState state, Metrics &metrics, OnUpdate on_update)
    : m_config(std::move(config)), m_keys(keys), m_folder(std::move(folder)),
      m_state(std::move(state)), m_metrics(metrics), m_on_update(std::move(on_update)),
      m_thread([this] {
          run();
          m_over = true;
      }) {}

FeedClient::~FeedClient() {
    std::ignore = take_state();
}

void FeedClient::stop() {
    m_pause.stop();
    const std::lock_guard lock(m_mutex);
    if (m_api)
        m_api->cancel();
}

FeedState FeedClient::take_state() {
    stop();
    if (m_thread.joinable())
        m_thread.join();
    return std::move(m_state);
}

void FeedClient::run() {
    auto opened = open_api(m_config, m_keys);
    if (!opened) {
        base::log::error("{}", opened.error().message);
        return;
    }
    {
        const std::lock_guard lock(m_mutex);
        m_api = std::move(*opened);
    }
    if (m_pause.stopped())
        return; // too late for being cancelled
    bool away = false;
    Millis retry = k_first_retry;
    int wait_s = 0; // the first answer at once: it carries control's time
    while (!m_pause.stopped()) {
        const auto done = ask(*m_api, wait_s);
        if (m_pause.stopped())
            return;
        if (done) {
            if (std::exchange(away, false))
                base::log::info("control answers again");
            retry = k_first_retry;
            wait_s = k_wait_s;
            continue;
        }
        if (!std::exchange(away, true))
            base::log::warning("feed: {}; going on with what is known{}{}", done.error().message,
                               done.error().hint.empty() ? "" : "; ", done.error().hint);
        wait_s = 0;
        if (!m_pause.wait(retry))
            return;
        retry = std::min(retry * 2, k_longest_retry);
    }
}

Result<void> FeedClient::ask(client::Api &api, int wait_s) {
    const auto answer = TRY(api.get(
        fmt::format("/v1/relays/{}/feed?after={}&wait_s={}", m_config.id, m_state.serial, wait_s),
        base::Seconds{wait_s} + k_margin));
    return take(TRY(wire::open_feed(answer.body, *m_keys.control_key, m_config.id)));
}

Result<void> FeedClient::take(const wire::Feed &feed) {
    if (feed.serial < m_state.serial) {
        base::log::warning("the feed went back from {} to {}; asking for everything again",
                           m_state.serial, feed.serial);
        m_state = {};
        return base::fail(Errc::try_again, "the feed went back");
    }
    Update update;
    const base::SystemClock machine;
    update.clock_offset = base::ControlClock::offset_of(feed.time, machine.steady());
    const std::int64_t offset_ms = (feed.time - machine.now()).count();
    if (std::abs(offset_ms) > k_warn_offset_ms && std::abs(m_state.offset_ms) <= k_warn_offset_ms)
        base::log::warning("this machine's clock is {} ms off control's; control's counts",
                           -offset_ms);
    update.entries = m_state.set_offset(offset_ms); // before those that changed
    const bool news = feed.serial > m_state.serial;
    for (wire::FeedEntry &entry : m_state.merge(feed))
        update.entries.push_back(std::move(entry));
    m_metrics.feed_serial = m_state.serial;
    m_metrics.feed_heard_us = monotonic_us();
    m_on_update(std::move(update));
    if (!news && !m_disk_failed)
        return {};
    m_state.prune(feed.time);
    const auto saved = save_feed_state(m_folder, m_config.id, m_state);
    if (!saved && !m_disk_failed)
        base::log::error("{}; going on, but a restart without control would not know the bookings",
                         saved.error().message);
    if (saved && m_disk_failed)
        base::log::info("the feed's state is on disk again");
    m_disk_failed = !saved;
    return {};
}

Reporter::Reporter(RelayConfig config, const RelayKeys &keys, Metrics &metrics, OnDone on_done,
                   base::Millis patience)
    : m_config(std::move(config)), m_keys(keys), m_metrics(metrics), m_patience(patience),
      m_on_done(std::move(on_done)), m_thread([this] {
          deliver();
          m_over.stop();
      }) {}

Reporter::~Reporter() {
    stop();
    std::ignore = m_over.wait(m_patience);
    std::ignore = take_left();
}

void Reporter::stop() {
    m_pause.stop();
    {
        const std::lock_guard lock(m_mutex);
    } // it waits, or will see it
    m_news.notify_all();
}

Reporter::Left Reporter::take_left() {
    stop();
    m_over.stop();
    {
        const std::lock_guard lock(m_mutex);
        if (m_api)
            m_api->cancel();
    }
    if (m_thread.joinable())
        m_thread.join();
    return {.reports = std::move(m_queue), .receipts = std::move(m_receipts)};
}

void Reporter::note_waiting() {
    m_metrics.reports_waiting = static_cast<std::int64_t>(m_queue.size() + m_receipts.size());
}

void Reporter::add(wire::Report report) {
    const std::lock_guard lock(m_mutex);
    if (m_queue.size() >= k_max_queue)
        m_queue.pop_front();
    m_queue.push_back(std::move(report));
    note_waiting();
    m_news.notify_all();
}

void Reporter::add(const wire::SignedReceipt &receipt) {
    const std::lock_guard lock(m_mutex);
    m_receipts.push_back(receipt);
    note_waiting();
    m_news.notify_all();
}

std::vector<wire::Report> Reporter::next_batch() {
    const std::lock_guard lock(m_mutex);
    const auto n = static_cast<std::ptrdiff_t>(std::min(m_queue.size(), k_batch));
    std::vector<wire::Report> batch(m_queue.begin(), m_queue.begin() + n);
    m_queue.erase(m_queue.begin(), m_queue.begin() + n);
    return batch;
}

std::optional<wire::SignedReceipt> Reporter::next_receipt() {
    const std::lock_guard lock(m_mutex);
    if (m_receipts.empty())
        return std::nullopt;
    wire::SignedReceipt out = m_receipts.front();
    m_receipts.pop_front();
    return out;
}

void Reporter::deliver() {
    auto opened = open_api(m_config, m_keys);
    if (!opened)
        return; // the feed's thread has said why
    {
        const std::lock_guard lock(m_mutex);
        m_api = std::move(*opened);
    }
    if (m_over.stopped())
        return; // too late for being cancelled
    for (;;) {
        const bool last = m_pause.stopped(); // then nothing is added after the look that follows
        const auto batch = next_batch();
        if (!batch.empty() && !send(*m_api, batch)) {
            const std::lock_guard lock(m_mutex);
            m_queue.insert(m_queue.begin(), batch.begin(), batch.end());
            return;
        }
        const auto receipt = next_receipt();
        if (receipt && !send(*m_api, *receipt)) {
            const std::lock_guard lock(m_mutex);
            m_receipts.push_front(*receipt);
            return;
        }
        std::unique_lock lock(m_mutex);
        note_waiting();
        if (batch.empty() && !receipt && last)
            return;
        m_news.wait(
            lock, [this] { return m_pause.stopped() || !m_queue.empty() || !m_receipts.empty(); });
    }
}

// These return false when it was stopped.
bool Reporter::send(client::Api &api, const std::vector<wire::Report> &batch) {
    wire::JsonArray reports;
    for (const wire::Report &r : batch)
        reports.push_back(wire::to_json(r));
    const wire::JsonObject body{{"reports", std::move(reports)}};
    return send(api, body, fmt::format("{} reports", batch.size())) != Sent::stopped;
}

bool Reporter::send(client::Api &api, const wire::SignedReceipt &receipt) {
    const wire::JsonObject body{{"reports", wire::JsonArray{}},
                                {"receipts", wire::JsonArray{wire::to_json(receipt)}}};
    const Sent sent =
        send(api, body, fmt::format("the receipt of {}", receipt.receipt.reservation.text()));
    if (m_on_done && (sent == Sent::taken || sent == Sent::refused))
        m_on_done(receipt.receipt);
    return sent != Sent::stopped;
}

Reporter::Sent Reporter::send(client::Api &api, const wire::JsonObject &body,
                              std::string_view what) {
    const std::string text = wire::compact_json(body);
    const std::string key = client::new_idempotency_key();
    Millis retry = k_first_retry;
    for (;;) {
        const bool last = m_pause.stopped();
        const auto answer = api.post(fmt::format("/v1/relays/{}/reports", m_config.id), text, key);
        if (answer)
            return Sent::taken;
        const Errc code = answer.error().code;
        if (code != Errc::unavailable && code != Errc::try_again) {
            base::log::warning("control does not take {}: {}", what, answer.error().message);
            return code == Errc::refused ? Sent::refused : Sent::failed;
        }
        if (last)
            return Sent::stopped;
        std::ignore = m_pause.wait(retry);
        retry = std::min(retry * 2, k_longest_retry);
    }
}

} // namespace relay
