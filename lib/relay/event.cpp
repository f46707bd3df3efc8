#include "relay/event.hpp"

#include <bit>

namespace relay {

namespace {
constexpr std::int64_t k_least_blocked = 64;
constexpr std::int64_t k_least_attendance_us = 10'000'000; // before there is a target duration
constexpr std::int64_t k_attendance_slack_us = 1'000'000;
constexpr std::int64_t k_no_limit = std::int64_t{1} << 40;
constexpr std::int64_t k_poster_us = 20'000'000; // older ones are made anew for who asks
} // namespace

std::int64_t monotonic_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

std::size_t LatencyRecord::bucket(std::int64_t us) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 0));
    if (value < k_steps)
        return value;
    const auto doubling = static_cast<std::size_t>(std::bit_width(value)) - 5; // of 16 steps
    return std::min(k_buckets - 1, doubling * k_steps + (value >> doubling));
}

std::int64_t LatencyRecord::upper_us(std::size_t bucket) {
    if (bucket < 2 * k_steps)
        return static_cast<std::int64_t>(bucket);
    const std::size_t doubling = bucket / k_steps - 1;
    return static_cast<std::int64_t>(((bucket % k_steps + k_steps + 1) << doubling) - 1);
}

void LatencyRecord::add(std::int64_t us) {
    m_counts[bucket(us)].fetch_add(1, std::memory_order_relaxed);
    m_sum.fetch_add(us, std::memory_order_relaxed);
    m_count.fetch_add(1, std::memory_order_relaxed);
    std::int64_t max = max_us();
    while (us > max && !m_max.compare_exchange_weak(max, us, std::memory_order_relaxed)) {
    }
}

std::int64_t LatencyRecord::quantile_us(double quantile) const {
    const std::int64_t total = count();
    if (total == 0)
        return 0;
    const double rank = quantile * static_cast<double>(total);
    std::int64_t seen = 0;
    for (std::size_t i = 0; i < k_buckets; ++i) {
        seen += m_counts[i].load(std::memory_order_relaxed);
        if (seen > 0 && static_cast<double>(seen) >= rank)
            return std::min(upper_us(i), max_us());
    }
    return max_us();
}

Event::Event(wire::FeedEntry entry, std::string tag, RecordingPtr recording)
    : m_tag(std::move(tag)), m_recording(std::move(recording)),
      m_entry(std::make_shared<const wire::FeedEntry>(std::move(entry))), m_snapshot([] {
          auto nothing = std::make_shared<Snapshot>();
          nothing->segments = std::make_shared<const std::vector<Segment>>();
          nothing->parts = std::make_shared<const std::vector<Part>>();
          return nothing;
      }()) {}

EntryPtr Event::entry() const {
    const std::lock_guard lock(m_mutex);
    return m_entry;
}

void Event::set_entry(wire::FeedEntry entry) {
    auto fresh = std::make_shared<const wire::FeedEntry>(std::move(entry));
    const std::lock_guard lock(m_mutex);
    m_entry = std::move(fresh);
}

SnapshotPtr Event::snapshot() const {
    return newest().snapshot;
}

Event::Newest Event::newest() const {
    const std::lock_guard lock(m_mutex);
    return {.snapshot = m_snapshot, .number = m_published};
}

void Event::publish(SnapshotPtr snapshot) {
    const std::lock_guard lock(m_mutex);
    ++m_published;
    m_snapshot.swap(snapshot); // the old one dies after the lock
}

DocumentPtr Event::poster() const {
    const std::lock_guard lock(m_mutex);
    return m_poster;
}

void Event::set_poster(DocumentPtr picture, std::int64_t now_us) {
    const std::lock_guard lock(m_mutex);
    if (picture)
        m_poster = std::move(picture);
    poster_tried_us = now_us;
    m_snapshot = std::make_shared<const Snapshot>(*m_snapshot);
    ++m_published;
}

bool Event::poster_is_known(std::int64_t now_us) const {
    const std::int64_t tried = poster_tried_us;
    return tried > 0 && (!live || now_us - tried < k_poster_us);
}

std::vector<PathNumbers> Event::paths() const {
    const std::lock_guard lock(m_mutex);
    return m_paths;
}

void Event::set_paths(std::vector<PathNumbers> paths) {
    std::int64_t lost = 0;
    const PathNumbers *fullest = nullptr;
    for (const PathNumbers &path : paths) {
        lost += path.lost_packets;
        if (fullest == nullptr || path.rate_bps > fullest->rate_bps)
            fullest = &path;
    }
    lost_packets = lost;
    rtt_us = fullest == nullptr ? 0 : fullest->rtt_us;
    const std::lock_guard lock(m_mutex);
    m_paths = std::move(paths);
}

bool Event::enter(std::uint64_t viewer) {
    const std::int64_t most = entry()->viewers;
    const std::lock_guard lock(m_places_mutex);
    const bool changes = m_audience.has(viewer);
    if (viewers + m_audience.count(monotonic_us()) - (changes ? 1 : 0) >= most) {
        ++viewers_refused;
        return false;
    }
    m_audience.forget(viewer);
    ++viewers;
    note_peak(monotonic_us());
    return true;
}

// Under the places' lock.
void Event::note_peak(std::int64_t now_us) {
    peak_viewers = std::max(peak_viewers.load(), viewers + m_audience.count(now_us));
}

std::int64_t Event::attendance_us() const {
    return std::max(k_least_attendance_us,
                    2'000'000 * snapshot()->target_s + k_attendance_slack_us);
}

bool Event::attend(std::uint64_t viewer, bool exempt, std::int64_t now_us) {
    const std::int64_t lasting_us = attendance_us();
    const std::int64_t most = entry()->viewers;
    const std::lock_guard lock(m_places_mutex);
    const std::int64_t places = exempt ? k_no_limit : most - viewers;
    if (m_audience.admit(viewer, now_us, lasting_us, places)) {
        note_peak(now_us);
        return true;
    }
    ++viewers_refused;
    return false;
}

Event::OnDemand Event::attend_on_demand(std::uint64_t viewer, bool room, std::int64_t now_us) {
    const std::int64_t lasting_us = attendance_us();
    const std::lock_guard lock(m_places_mutex);
    (void)m_audience.count(now_us); // who came too long ago does not count
    const bool there = m_audience.has(viewer);
    if (!there && !room)
        return OnDemand::refused;
    (void)m_audience.admit(viewer, now_us, lasting_us, k_no_limit);
    return there ? OnDemand::stays : OnDemand::came;
}

std::int64_t Event::let_go(std::int64_t most) {
    const std::lock_guard lock(m_places_mutex);
    return m_audience.drop(most);
}

bool Event::is_over(base::UtcTime now) const {
    return snapshot()->ended || now >= entry()->window.closes();
}

std::int64_t Event::attending() const {
    const std::lock_guard lock(m_places_mutex);
    return m_audience.count(monotonic_us());
}

bool Event::is_full() const {
    return viewers + attending() >= entry()->viewers;
}

std::int64_t Event::most_blocked() const {
    return std::max(k_least_blocked, 2 * entry()->viewers);
}

bool Event::block() {
    if (blocked.fetch_add(1) < most_blocked())
        return true;
    unblock();
    return false;
}

void Event::begin_at(std::int64_t end) {
    std::int64_t sent = m_sent_to.load();
    while (sent < end && !m_sent_to.compare_exchange_weak(sent, end)) {
    }
}

void Event::note_sent(std::int64_t position, const Snapshot &snapshot, LatencyRecord &latency) {
    std::int64_t sent = m_sent_to.load(std::memory_order_relaxed);
    do {
        if (sent >= position)
            return;
    } while (!m_sent_to.compare_exchange_weak(sent, position));
    const std::int64_t now_us = monotonic_us();
    for (auto it = snapshot.marks.rbegin(); it != snapshot.marks.rend() && it->begin >= sent; ++it)
        if (it->begin < position)
            latency.add(now_us - it->received_us);
}

std::shared_ptr<const Board::Events> Board::events() const {
    const std::lock_guard lock(m_mutex);
    return m_events;
}

void Board::set(Events events) {
    auto fresh = std::make_shared<const Events>(std::move(events));
    const std::lock_guard lock(m_mutex);
    m_events.swap(fresh);
}

EventPtr Board::find(const std::string &vid) const {
    const auto all = events();
    const auto it = all->find(vid);
    return it == all->end() ? nullptr : it->second;
}

EventPtr Board::on_channel(std::string_view channel, base::UtcTime now) const {
    const auto all = events();
    EventPtr newest; // one that was ended early may drain while the next one opens
    for (const auto &[vid, event] : *all) {
        const auto entry = event->entry();
        if (entry->channel == channel && entry->disclosure == resv::Disclosure::public_ &&
            !event->withdrawn && entry->window.opens() <= now && now < entry->window.closes() &&
            (!newest || newest->entry()->window.start < entry->window.start))
            newest = event;
    }
    return newest;
}

} // namespace relay
