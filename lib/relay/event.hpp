// A reservation as the hub and the workers share it: what the feed says of it, its newest snapshot,
// and its counters.
#pragma once

#include "base/time.hpp"
#include "relay/audience.hpp"
#include "relay/store.hpp"
#include "wire/feed.hpp"

#include <atomic>
#include <mutex>
#include <unordered_map>

namespace relay {

using EntryPtr = std::shared_ptr<const wire::FeedEntry>;

/// CLOCK_MONOTONIC in microseconds.
[[nodiscard]] std::int64_t monotonic_us();

/// How long media takes through the relay: counts by time, in steps of about 6 %. Thread-safe,
/// without locks.
class LatencyRecord {
  public:
    void add(std::int64_t us);
    /// The time that @p quantile (0 to 1) of the parts stayed within, in microseconds.
    [[nodiscard]] std::int64_t quantile_us(double quantile) const;
    [[nodiscard]] std::int64_t max_us() const { return m_max.load(std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t sum_us() const { return m_sum.load(std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t count() const { return m_count.load(std::memory_order_relaxed); }

  private:
    static constexpr std::size_t k_steps = 16; // of each doubling
    static constexpr std::size_t k_buckets = 32 * k_steps;
    [[nodiscard]] static std::size_t bucket(std::int64_t us);
    [[nodiscard]] static std::int64_t upper_us(std::size_t bucket);
    std::array<std::atomic<std::int64_t>, k_buckets> m_counts{};
    std::atomic<std::int64_t> m_max{0};
    std::atomic<std::int64_t> m_sum{0};
    std::atomic<std::int64_t> m_count{0};
};

/// One connection of a publisher, as the ingest child reports it.
struct PathNumbers {
    std::string carrier;
    unsigned path = 0;
    std::int64_t rate_bps = 0;
    std::int64_t rtt_us = 0;
    std::int64_t lost_packets = 0;
    std::int64_t dropped_packets = 0;
};

/// Counters are plain atomics. Everything is thread-safe; only the hub publishes.
class Event {
  public:
    Event(wire::FeedEntry entry, std::string tag, RecordingPtr recording = {});

    [[nodiscard]] EntryPtr entry() const;
    void set_entry(wire::FeedEntry entry);
    [[nodiscard]] SnapshotPtr snapshot() const; ///< never null
    /// The same, and which one it is: each that was published has another number, from 1.
    struct Newest {
        SnapshotPtr snapshot;
        std::uint64_t number = 0;
    };
    [[nodiscard]] Newest newest() const;
    void publish(SnapshotPtr snapshot);
    [[nodiscard]] const std::string &tag() const { return m_tag; }
    /// Null without a spool.
    [[nodiscard]] const RecordingPtr &recording() const { return m_recording; }
    /// What of it is on disk, and how many segments of this life never came there.
    [[nodiscard]] std::int64_t recorded_bytes() const {
        return m_recording ? m_recording->bytes() : 0;
    }
    [[nodiscard]] std::int64_t segments_lost() const {
        return m_recording ? m_recording->lost() : 0;
    }

    /// A JPEG of the newest key frame when it was last tried, null when there was none.
    [[nodiscard]] DocumentPtr poster() const;
    /// What came of a try at @p now_us (monotonic_us()). A null @p picture leaves the former one
    /// when there is one. Wakes nobody, but for a new snapshot that workers see.
    void set_poster(DocumentPtr picture, std::int64_t now_us);
    /// A picture, or the word that there is none, that is not older than the media allows.
    [[nodiscard]] bool poster_is_known(std::int64_t now_us) const;

    /// The connections that are open now, by carrier.
    [[nodiscard]] std::vector<PathNumbers> paths() const;
    void set_paths(std::vector<PathNumbers> paths);

    /// Takes one of the reserved viewers' places for a connection; false when none is left. One
    /// that @p viewer held by attend() is given up for it.
    [[nodiscard]] bool enter(std::uint64_t viewer = 0);
    void leave() { viewers.fetch_sub(1); }
    /// @p viewer (a number for each) asks for a playlist: it has a place, or takes one, for two
    /// target durations. One that is @p exempt gets it in any case.
    [[nodiscard]] bool attend(std::uint64_t viewer, bool exempt, std::int64_t now_us);
    enum class OnDemand { stays, came, refused };
    /// @p viewer gets something of this event, which is over: it takes none of the reserved places,
    /// and counts for as long as by attend(). One that does not count yet needs @p room.
    [[nodiscard]] OnDemand attend_on_demand(std::uint64_t viewer, bool room, std::int64_t now_us);
    /// Viewers, @p most of them, count no longer: they need room again. How many it were.
    std::int64_t let_go(std::int64_t most);
    /// No more media will come, by the publisher's word or by the clock.
    [[nodiscard]] bool is_over(base::UtcTime now) const;
    /// Places that attend() gave, or viewers that attend_on_demand() let in.
    [[nodiscard]] std::int64_t attending() const;
    /// No place is left.
    [[nodiscard]] bool is_full() const;

    /// A request waits for media: two for each reserved viewer may (a playlist and a part), and 64
    /// in any case. False: too many do.
    [[nodiscard]] bool block();
    void unblock() { blocked.fetch_sub(1); }
    /// No further one would be let wait.
    [[nodiscard]] bool is_crowded() const { return blocked >= most_blocked(); }

    /// A viewer who begins now must not count old media as late: what is there counts as sent.
    void begin_at(std::int64_t end);
    /// Media up to @p position was given to the kernel for a viewer just now; the first time for
    /// each byte is what @p latency gets.
    void note_sent(std::int64_t position, const Snapshot &snapshot, LatencyRecord &latency);

    /// What it counts, who watches by HLS, and the picture; not what is connected: see
    /// take_place().
    void carry(Carry &c);
    /// Of a connection that had a place in the former program.
    void take_place() { ++viewers; }

    std::atomic<std::int64_t> viewers{0};
    std::atomic<std::int64_t> peak_viewers{0}; ///< places taken at a time
    std::atomic<std::int64_t> blocked{0};
    std::atomic<std::int64_t> bytes_kept{0}; ///< of memory
    std::atomic<std::int64_t> bytes_in{0};
    std::atomic<std::int64_t> bytes_out{0};
    std::atomic<std::int64_t> segments_out{0};
    std::atomic<std::int64_t> viewers_refused{0};
    std::atomic<std::int64_t> viewers_moved{0};
    std::atomic<std::int64_t> viewers_dropped{0};
    std::atomic<std::int64_t> gaps{0};
    std::atomic<std::int64_t> payloads_lost{0}; ///< numbered ones that came over no path
    std::atomic<std::int64_t> lost_packets{0};
    std::atomic<std::int64_t> rtt_us{0};
    std::atomic<std::int64_t> poster_asked_us{0}; ///< monotonic_us(); 0: never
    std::atomic<std::int64_t> poster_tried_us{0};
    std::atomic<bool> live{false};
    std::atomic<bool> withdrawn{false}; ///< cancelled or revoked: no longer shown

  private:
    [[nodiscard]] std::int64_t most_blocked() const;
    [[nodiscard]] std::int64_t attendance_us() const; ///< how long who asked counts
    void note_peak(std::int64_t now_us);

    const std::string m_tag;
    const RecordingPtr m_recording;
    mutable std::mutex m_mutex; // for these: held for a copy of one
    EntryPtr m_entry;
    SnapshotPtr m_snapshot;
    std::uint64_t m_published = 1; ///< the number of m_snapshot
    std::vector<PathNumbers> m_paths;
    DocumentPtr m_poster;
    mutable std::mutex m_places_mutex; // for these two together
    mutable Audience m_audience;
    std::atomic<std::int64_t> m_sent_to{0};
};
using EventPtr = std::shared_ptr<Event>;

/// The events that viewers can ask for. Thread-safe.
class Board {
  public:
    using Events = std::unordered_map<std::string, EventPtr>; ///< by VID

    [[nodiscard]] std::shared_ptr<const Events> events() const;
    void set(Events events);
    [[nodiscard]] EventPtr find(const std::string &vid) const;
    /// The public event of @p channel whose window is open at @p now.
    [[nodiscard]] EventPtr on_channel(std::string_view channel, base::UtcTime now) const;

  private:
    mutable std::mutex m_mutex;
    std::shared_ptr<const Events> m_events = std::make_shared<const Events>();
};

} // namespace relay
