// One reservation's live side in the hub: which of its publishers' streams is shown, and what is to
// be told of it.
#pragma once

#include "base/clock.hpp"
#include "relay/event.hpp"
#include "relay/path_merge.hpp"

namespace relay {

/// A stream of some ingest child: the child's name (its carrier) and run, and the stream's number.
struct StreamKey {
    std::string carrier;
    std::uint64_t run = 0;
    std::int64_t stream = 0;
    auto operator<=>(const StreamKey &) const = default;
    void carry(Carry &c);
};

/// Not thread-safe: the hub's. The children judge publishers at their own address; this judges
/// those that came by different carriers, by the same rules.
class LiveEvent {
  public:
    /// What the distributor is to hear (wire::Report), in the order in which it happened.
    enum class News { first_media, lost, back, ended };

    LiveEvent(const wire::FeedEntry &entry, Store::Options options);

    /// A stream that must be closed, and why.
    struct Closing {
        StreamKey key;
        std::string_view
            reason; ///< "busy": the stream itself; "replaced": those it takes over from
    };
    /// Takes a stream in at @p now, or refuses it. Streams that are to be closed count as closed.
    [[nodiscard]] std::vector<Closing> opened(const StreamKey &key, const StreamOpened &what,
                                              base::SteadyTime now);
    void closed(const StreamKey &key);
    /// How a stream's connection is, once a second.
    void stats(const StreamKey &key, const wire::IngestStats &numbers);
    /// Media of @p key at @p now: shown when it is the stream's turn, else dropped.
    void part(const StreamKey &key, const PartReady &part, base::SteadyTime now);
    /// Notices silence. Call it a few times a second.
    void tick(base::SteadyTime now);
    /// The window closed, or the reservation was ended or withdrawn.
    void end(bool withdrawn);
    /// The relay ends, not the event: its recording is closed.
    void close() { m_store.close(); }
    /// The event goes on after all: an extension came after its end. What was shown has ended for
    /// good, so a new event() takes its place, under another tag.
    void reopen(const wire::FeedEntry &entry, Store::Options options);

    /// See Store::keep_at_most().
    void keep_at_most(std::int64_t bytes);
    /// What its media takes of memory.
    [[nodiscard]] std::int64_t bytes_kept() const { return m_store.bytes_kept(); }

    [[nodiscard]] std::vector<News> take_news() { return std::exchange(m_news, {}); }
    [[nodiscard]] const EventPtr &event() const { return m_event; }
    [[nodiscard]] bool ended() const { return m_store.ended(); }
    [[nodiscard]] bool had_media() const { return m_had_media; }

    /// All but what the constructor is given. News are to be taken before.
    void carry(Carry &c);

  private:
    struct Source {
        std::string instance;
        unsigned path = 0;
        std::uint32_t generation = 0;
        base::SteadyTime delivered{};
        bool numbered = false;
        wire::IngestStats numbers{};
    };
    void show(std::int64_t position);
    [[nodiscard]] bool another_delivers(base::SteadyTime now) const;
    void merge(const Source &source, const PartReady &part, base::SteadyTime now);
    void append(const std::vector<PathMerge::Piece> &pieces, base::SteadyTime now);
    void append(const PathMerge::Piece &piece);
    void appended(base::SteadyTime now);
    void leave(const Source &source);
    void tell_paths();
    void publish();
    void resume();

    Store m_store;
    EventPtr m_event;
    std::map<StreamKey, Source> m_sources; ///< open streams
    std::optional<StreamKey> m_shown;      ///< a plain stream, or
    std::optional<std::string> m_merged;   ///< the instance whose numbered paths are merged
    PathMerge m_merge;
    std::int64_t m_payloads_lost = 0; ///< of former merged streams
    base::SteadyTime m_last_part{};
    std::optional<base::SteadyTime> m_ended_at; ///< as tick() saw it
    bool m_had_media = false;
    bool m_end_told = false; ///< by the relay before this one
    bool m_silent = false;
    std::vector<News> m_news;
};

[[nodiscard]] std::string_view name(LiveEvent::News news);

} // namespace relay
