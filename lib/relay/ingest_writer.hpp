// The child's side of the live store: whole TS packets into extents that the parent gave.
#pragma once

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "media/ts_align.hpp"
#include "wire/ingest.hpp"

#include <deque>

namespace relay {

/// A memfd that is mapped for writing, full-size and sealed against shrinking.
class MappedExtent {
  public:
    /// protocol when @p fd is smaller than @p bytes or could be made so.
    [[nodiscard]] static base::Result<MappedExtent> map(base::Fd fd, std::int64_t bytes);
    MappedExtent(MappedExtent &&other) noexcept;
    MappedExtent &operator=(MappedExtent &&other) noexcept;
    MappedExtent(const MappedExtent &) = delete;
    MappedExtent &operator=(const MappedExtent &) = delete;
    ~MappedExtent();
    [[nodiscard]] std::span<std::uint8_t> bytes() const { return {m_at, m_size}; }

  private:
    MappedExtent(std::uint8_t *at, std::size_t size) : m_at(at), m_size(size) {}
    std::uint8_t *m_at = nullptr;
    std::size_t m_size = 0;
};

/// Writes one stream. A packet never straddles two extents: a tail shorter than a packet is left
/// unused. Garbage between packets is dropped and counted. Not thread-safe.
class ExtentWriter final : private media::TsListener {
  public:
    explicit ExtentWriter(std::int64_t stream) : m_stream(stream), m_scanner(this) {}

    /// The next extent of the row; protocol when it is not the one expected.
    [[nodiscard]] base::Result<void> give(const wire::IngestExtent &what, base::Fd fd);
    /// The extent that is needed next, once for each: when the one in use is half full.
    [[nodiscard]] std::optional<std::int64_t> take_need();
    /// True when a message of SRT's greatest size fits.
    [[nodiscard]] bool has_room() const;

    /// Appends what came. Requires has_room().
    void append(std::span<const std::uint8_t> bytes, base::SteadyTime now);
    /// Appends a numbered payload: whole packets, one to seven, which lie in one extent. Requires
    /// has_room(); a stream is either numbered or not.
    void append_numbered(std::uint16_t sequence, std::span<const std::uint8_t> packets,
                         base::SteadyTime now);

    /// Bytes that no part has told of yet, and since when.
    [[nodiscard]] std::int64_t pending_bytes() const { return m_pending_bytes; }
    [[nodiscard]] base::SteadyTime pending_since() const { return m_pending_since; }
    /// The next part to tell of; nothing when all was told.
    [[nodiscard]] std::optional<wire::IngestPart> take_part();
    [[nodiscard]] std::uint64_t garbage_bytes() const { return m_aligner.garbage_bytes(); }

  private:
    void on_cut(const media::TsCut &cut) override;
    void on_unit(const media::TsUnit &unit) override;
    void put(std::span<const std::uint8_t> packets, base::SteadyTime now);
    void copy(std::span<const std::uint8_t> packets, wire::IngestPart &part);
    void next_extent();
    wire::IngestPart &open_part(base::SteadyTime now);
    wire::IngestPart &begin_part(base::SteadyTime now);
    [[nodiscard]] std::size_t room() const;

    std::int64_t m_stream;
    std::deque<MappedExtent> m_extents; // the one in use, then those to come
    std::int64_t m_extent = 0;          // number of the one in use
    std::size_t m_used = 0;             // bytes of it
    std::int64_t m_asked = 0;           // the highest number that was asked for
    media::TsAligner m_aligner;
    media::TsScanner m_scanner;
    std::deque<wire::IngestPart> m_parts; // not yet told
    std::vector<wire::IngestCut> m_cuts;  // found, not yet in a part
    std::deque<wire::IngestUnit> m_units;
    std::int64_t m_last_unit = -1;
    std::int64_t m_last_cut = -1; // their positions rise
    std::int64_t m_last_pts = 0;
    std::int64_t m_pending_bytes = 0;
    base::SteadyTime m_pending_since{};
};

} // namespace relay
