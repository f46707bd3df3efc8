// A reservation's live media: a row of extents, what can be begun at, and the segments. The hub
// writes it; workers read the snapshots that it publishes.
#pragma once

#include "relay/document.hpp"
#include "relay/segmenter.hpp"
#include "relay/spool.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace relay {

/// When the first packet of the media from `begin` on came in (CLOCK_MONOTONIC, microseconds).
struct PartMark {
    std::int64_t begin = 0;
    std::int64_t received_us = 0;
};

/// What one moment's store looks like to a viewer. Immutable; extents live as long as it does.
struct Snapshot {
    std::vector<Slice> slices;                            ///< contiguous, oldest first
    std::vector<PartMark> marks;                          ///< of the last parts, oldest first
    std::shared_ptr<const std::vector<Segment>> segments; ///< never null
    std::shared_ptr<const std::vector<Part>> parts;       ///< of the newest segments; never null
    DocumentPtr playlist;                                 ///< null before the first segment
    DocumentPtr low_latency;                              ///< the same with parts
    DocumentPtr delta;              ///< of that, without what is old; null when nothing is
    std::int64_t target_s = 0;      ///< the playlists' target duration
    std::int64_t next_sequence = 0; ///< of the segment that is being filled
    std::int64_t next_part = 0;     ///< of its part that is being filled
    std::int64_t window_begin = 0; ///< where the playlist, or memory, begins: behind it is too slow
    std::int64_t newest_cut = -1;  ///< where a viewer begins; -1: no media yet
    bool ended = false;            ///< nothing will be added

    [[nodiscard]] std::int64_t end() const { return slices.empty() ? 0 : slices.back().end; }
    /// The slice that holds @p position, or null.
    [[nodiscard]] const Slice *find(std::int64_t position) const;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// A cut as a publisher's stream counts: bytes of that stream before it.
struct StreamCut {
    std::int64_t position = 0;
    std::int64_t pts_90k = 0;
};

/// An access unit likewise: a part can begin there.
struct StreamUnit {
    std::int64_t position = 0;
    std::int64_t dts_90k = 0;
};

/// Not thread-safe. Numbers come from intake, which has checked them.
class Store {
  public:
    struct Options {
        Segmenter::Options segments;
        std::string tag = "x"; ///< see segment_name()
        std::int64_t max_bytes = std::int64_t{256}
                                 << 20; ///< kept at most, whatever a publisher sends
        Spool *spool = nullptr;         ///< with `recording`: where each segment goes as well
        RecordingPtr recording{};       ///< what the media follows
    };
    explicit Store(Options options);

    /// A publisher's stream begins, or is taken up after @p position of its bytes (the former one,
    /// if any, has ended). Its media joins the row at its first cut; before that it cannot be
    /// shown.
    void begin_stream(std::int64_t position = 0);
    /// The next bytes of the publisher: @p bytes in @p extent from @p offset on.
    void append(const ExtentPtr &extent, std::int64_t offset, std::int64_t bytes,
                std::int64_t received_us, const std::vector<StreamCut> &cuts,
                const std::vector<StreamUnit> &units = {});
    void end_stream();
    /// The event is over: the playlist ends.
    void end();
    /// The relay ends: what there is goes to the recording.
    void close();
    /// Drops the oldest segments until at most @p bytes are kept, or three target durations; of an
    /// event that is over, 0 drops all media, and unless it is recorded the playlists.
    void keep_at_most(std::int64_t bytes);
    /// The event is over, and each segment that was kept is in the files.
    [[nodiscard]] bool is_recorded() const;
    /// The event is over: all of the recording is listed, not only the window. Call it when nobody
    /// follows the playlist any more, for it takes back what had left it.
    void list_all();

    [[nodiscard]] bool ended() const { return m_ended; }
    [[nodiscard]] bool empty() const { return m_slices.empty(); }
    [[nodiscard]] std::int64_t bytes_kept() const;
    [[nodiscard]] const std::string &tag() const { return m_options.tag; }
    [[nodiscard]] const RecordingPtr &recording() const { return m_options.recording; }
    [[nodiscard]] SnapshotPtr snapshot() const;

    /// All but the options, which are the new program's.
    void carry(Carry &c);

  private:
    void add_pending(const ExtentPtr &extent, std::int64_t offset, std::int64_t bytes);
    void join(std::int64_t cut);
    void cut(const StreamCut &cut, std::int64_t received_us);
    void drop_old();
    [[nodiscard]] const Segment *first_kept() const;
    bool drop_front();
    void drop_all();
    void record();
    [[nodiscard]] std::vector<Segment> listed() const;
    void drop_unused();
    [[nodiscard]] std::int64_t oldest() const;
    void rebuild();

    Options m_options;
    Segmenter m_segmenter;
    std::deque<Slice> m_slices;
    std::deque<Slice> m_pending; ///< of a stream before its first cut; counted in stream positions
    std::deque<PartMark> m_marks;
    std::int64_t m_end = 0;        ///< of the row, kept when it is empty
    std::int64_t m_stream_end = 0; ///< bytes of the present stream
    std::int64_t m_shift = 0;      ///< row position minus stream position, once joined
    std::int64_t m_newest_cut = -1;
    std::int64_t m_memory_begin = 0;  ///< of the row: before it media is in files, or lost
    std::int64_t m_next_recorded = 0; ///< number of the first segment that the spool has not got
    std::int64_t m_lost = 0;          ///< of those it got, as far as this has seen
    bool m_streaming = false;
    bool m_joined = false;
    bool m_ended = false;
    bool m_all = false; ///< the whole recording is listed
    /// Segmenter state that a playlist was built of.
    struct Built {
        std::int64_t first = -1;
        std::int64_t next = -1;
        std::int64_t part = -1;
        std::int64_t gaps = 0; ///< among what is listed
        bool ended = false;
        bool all = false;
        bool operator==(const Built &) const = default;
    };
    [[nodiscard]] Built state() const;
    Built m_built;
    Built m_built_parts;
    std::shared_ptr<const std::vector<Segment>> m_segments;
    std::shared_ptr<const std::vector<Part>> m_parts;
    DocumentPtr m_playlist;
    DocumentPtr m_low_latency;
    DocumentPtr m_delta;
};

} // namespace relay
