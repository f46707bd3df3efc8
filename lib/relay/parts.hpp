// Where the parts of a segment begin and end (low-latency HLS, RFC 8216bis): a pure rule over
// access units and their decoding times.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace relay {

class Carry;

/// A finished part of a segment: the bytes [begin, end) of a reservation's media.
struct Part {
    std::int64_t sequence = 0; ///< its segment's
    std::int64_t index = 0;    ///< in that
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t ticks = 0;   ///< duration, in 1/90000 s
    bool independent = false; ///< begins at a cut, so with PAT and PMT
    bool operator==(const Part &) const = default;
};

/// Cuts the open segment into parts. A part begins where an access unit does, so that no PES of the
/// video lies in two, and lasts as its pictures do: players place it by both. Not thread-safe.
class Parts {
  public:
    /// 0.334 s: whole pictures of all usual rates fill it to 85 % at least, as RFC 8216bis wants
    /// it of every part but a segment's last.
    static constexpr std::int64_t k_target_ticks = 30'060;

    /// A segment begins at @p begin; @p independent: at a cut.
    void open(std::int64_t sequence, std::int64_t begin, bool independent);
    /// A unit begins at @p position, @p received_us: when that was told.
    void unit(std::int64_t position, std::int64_t dts_90k, std::int64_t received_us);
    /// A cut at @p position that does not end the segment. Tell it before its unit.
    void cut(std::int64_t position) { m_cut = position; }
    /// The open segment ends at @p end and lasted @p ticks.
    void close(std::int64_t end, std::int64_t ticks);
    /// Forgets those of segments before @p sequence.
    void forget_before(std::int64_t sequence);

    /// Finished ones, oldest first.
    [[nodiscard]] const std::deque<Part> &all() const { return m_parts; }
    /// How many of the open segment are finished.
    [[nodiscard]] std::int64_t open_count() const { return m_open ? m_open->index : 0; }
    /// How long the open segment's units last, as far as is known; the last one as the one before.
    [[nodiscard]] std::int64_t open_ticks() const;
    /// EXT-X-PART-INF's PART-TARGET in ticks: the target, or what is the longest so far.
    [[nodiscard]] std::int64_t target_ticks() const { return m_target; }

    /// Hands itself over, or takes itself over.
    void carry(Carry &c);

  private:
    struct Unit {
        std::int64_t position = 0;
        std::int64_t dts_90k = 0;
        std::int64_t received_us = 0;
        std::int64_t ticks = 0; ///< since the segment's first
        std::int64_t step = 0;  ///< since the one before
    };
    struct Open {
        std::int64_t sequence = 0;
        std::int64_t index = 0;     ///< of the part that is being filled
        std::int64_t begin = 0;     ///< of that part
        std::int64_t ticks = 0;     ///< at its begin
        bool independent = false;   ///< that part
        std::optional<Unit> last{}; ///< unit
    };
    void finish(std::int64_t end, std::int64_t ticks);

    std::deque<Part> m_parts;
    std::optional<Open> m_open;
    std::int64_t m_cut = -1;
    std::int64_t m_target = k_target_ticks;
};

} // namespace relay
