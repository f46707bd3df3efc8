// What is on disk of one reservation's media: found by workers, added to by the spool's thread.
#pragma once

#include "base/clock.hpp"
#include "relay/extent.hpp"
#include "relay/slice.hpp"
#include "relay/spool_index.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

namespace relay {

class Carry;
class Recording;
using RecordingPtr = std::shared_ptr<Recording>;

/// Where a recording is to go on: what its index and its files say.
struct RecordingState {
    RecordingIndex index;
    std::int64_t next_sequence = 0; ///< 0: nothing was ever recorded
};

/// Thread-safe. Metadata stay in memory (about 150 bytes for a segment), the media in the files.
class Recording {
  public:
    /// Reads what there is in @p folder of @p reservation, drops what its files do not have, and
    /// says so in the log. A folder that is absent is an empty recording; the error is that of a
    /// folder or an index that must not be used. @p whole: nothing crashed since it was written, so
    /// that its bytes need no proof.
    [[nodiscard]] static base::Result<RecordingPtr>
    load(std::filesystem::path folder, const base::Id &reservation, bool whole = false);
    Recording(std::filesystem::path folder, const base::Id &reservation, RecordingState state);

    [[nodiscard]] const std::filesystem::path &folder() const { return m_folder; }
    [[nodiscard]] const base::Id &reservation() const { return m_reservation; }
    [[nodiscard]] bool empty() const;
    [[nodiscard]] std::int64_t bytes() const { return m_bytes; }
    [[nodiscard]] std::optional<RecordedSegment> last() const;
    /// Its index said that the event was over.
    [[nodiscard]] bool was_ended() const { return m_was_ended; }
    /// So much of the index is whole; what is torn is behind that.
    [[nodiscard]] std::int64_t index_bytes() const { return m_index_bytes; }
    void set_index_bytes(std::int64_t bytes) { m_index_bytes = bytes; }

    /// All segments up to the first number that was never used, without holes: what is lost stands
    /// as a gap.
    [[nodiscard]] std::deque<Segment> segments() const;
    /// The number that a segment which begins now gets. Rises with use().
    [[nodiscard]] std::int64_t next_sequence() const { return m_next; }
    void use(std::int64_t sequence);

    /// The segment called @p name, of this life or an earlier one.
    [[nodiscard]] std::optional<RecordedSegment> find(std::string_view name) const;
    [[nodiscard]] bool has(std::int64_t sequence) const;
    [[nodiscard]] bool is_lost(std::int64_t sequence) const;
    /// How many of this life are.
    [[nodiscard]] std::int64_t lost() const { return m_lost_count; }
    /// Bytes [from, to) of a segment; empty when its file cannot be opened.
    [[nodiscard]] std::vector<Slice> media(const RecordedSegment &segment, std::int64_t from,
                                           std::int64_t to) const;

    /// When its files may go.
    void keep_until(base::UtcTime t) { m_keep_until_ms = base::unix_ms(t); }
    [[nodiscard]] base::UtcTime keep_until() const {
        return base::from_unix_ms(m_keep_until_ms.load());
    }

    /// By the spool's thread: a segment is in the files, or never will be.
    void add(RecordedSegment segment);
    void lose(std::int64_t sequence);

    /// What is not in its files: the numbers that were used, and which of them are lost.
    void carry(Carry &c);

  private:
    [[nodiscard]] ExtentPtr open(std::int64_t file) const;

    const std::filesystem::path m_folder;
    const base::Id m_reservation;
    const bool m_was_ended;
    std::atomic<std::int64_t> m_index_bytes;
    std::atomic<std::int64_t> m_next;
    std::atomic<std::int64_t> m_lost_count{0};
    std::atomic<std::int64_t> m_bytes{0};
    std::atomic<std::int64_t> m_keep_until_ms{0};
    mutable std::mutex m_mutex; ///< for these two; never held over I/O, for the hub takes it
    std::vector<RecordedSegment> m_segments; ///< numbers rise
    std::set<std::int64_t> m_lost;           ///< of this life
    mutable std::mutex m_files_mutex;        ///< workers open files under it
    mutable std::map<std::int64_t, std::weak_ptr<const Extent>> m_files; ///< that are in use
};

} // namespace relay
