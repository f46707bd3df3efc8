// Where segments begin and end: a pure rule over cuts (places where a viewer can begin) and time.
#pragma once

#include "relay/parts.hpp"

#include <functional>
#include <string>

namespace relay {

constexpr std::int64_t k_ticks_per_second = 90'000; ///< the unit of MPEG-TS time stamps
constexpr std::int64_t k_packet = 188;              ///< bytes of a TS packet
constexpr std::int64_t k_part_targets = 3; ///< RFC 8216bis: parts are listed for so many targets
constexpr std::int64_t k_pts_wrap = std::int64_t{1} << 33;

/// A finished segment: the bytes [begin, end) of a reservation's media.
struct Segment {
    std::int64_t sequence = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t ticks = 0;                  ///< duration, in 1/90000 s
    bool discontinuity = false;              ///< what it holds does not continue what came before
    std::int64_t discontinuities_before = 0; ///< of all segments with a lower number
    std::optional<std::int64_t> utc_ms{};    ///< when its first packet came, by control's clock
    std::string tag{}; ///< in its name; empty: that of the store (see segment_name())
    bool gap = false;  ///< its media is lost: it only keeps its number
    bool operator==(const Segment &) const = default;
};

/// Cuts one reservation's media into segments of at least `target_ticks`, each from a cut to a cut
/// where the stream allows it. Not thread-safe.
class Segmenter {
  public:
    struct Options {
        std::int64_t first_sequence = 0; ///< rises over restarts: seconds since the window opened
        std::int64_t target_ticks = 2 * k_ticks_per_second;
        std::size_t window = 8;        ///< segments that the playlist lists
        std::int64_t window_ticks = 0; ///< and at least so long, as far as there is memory
        /// Control's clock, in milliseconds since 1970, at a time of CLOCK_MONOTONIC in
        /// microseconds. Empty: segments have no date.
        std::function<std::int64_t(std::int64_t received_us)> utc_ms{};
    };
    explicit Segmenter(Options options);

    /// Goes on after @p former, oldest first and without holes: what comes does not continue it.
    void resume(std::deque<Segment> former);

    /// A publisher's bytes begin; what they hold continues nothing.
    void begin_stream();
    /// A cut at @p position with time stamp @p pts_90k (33 bits, wraps), told at @p received_us.
    void cut(std::int64_t position, std::int64_t pts_90k, std::int64_t received_us);
    /// An access unit begins at @p position with decoding time @p dts_90k (33 bits, wraps). One
    /// that is a cut as well is told after it.
    void unit(std::int64_t position, std::int64_t dts_90k, std::int64_t received_us) {
        m_parts.unit(position, dts_90k, received_us);
    }
    /// The media reaches to @p end. Ends a segment that would outgrow the target duration the
    /// playlist has promised, though there is no cut.
    void data(std::int64_t end, std::int64_t received_us);
    /// No more bytes of this publisher: the open segment ends at @p end.
    void end_stream(std::int64_t end);
    /// Ends the open segment at @p end, cut or not, to bound memory.
    void split(std::int64_t end);
    /// Forgets the oldest segment.
    void drop_front();
    /// The media of segment @p sequence is gone.
    void lose(std::int64_t sequence);

    /// Finished segments that are still served, oldest first: the window and as many again.
    [[nodiscard]] const std::deque<Segment> &segments() const { return m_segments; }
    /// The parts of the newest of them and of the open one.
    [[nodiscard]] const Parts &parts() const { return m_parts; }
    /// How many of them the playlist lists: the last `window`, or more for three target durations
    /// or `window_ticks`.
    [[nodiscard]] std::size_t listed() const;
    /// Whether what begins at @p position or later lasts three target durations.
    [[nodiscard]] bool can_spare_before(std::int64_t position) const;
    /// EXT-X-TARGETDURATION in seconds; 0 before the first segment.
    [[nodiscard]] std::int64_t target_s() const { return m_target_s; }
    /// Where the open segment begins.
    [[nodiscard]] std::optional<std::int64_t> open_begin() const;
    /// Whether what the open segment holds does not continue what came before.
    [[nodiscard]] bool open_discontinuity() const { return m_open && m_open->discontinuity; }
    /// When its first packet came, as Segment::utc_ms.
    [[nodiscard]] std::optional<std::int64_t> open_utc_ms() const {
        return m_open ? m_open->utc_ms : std::nullopt;
    }
    /// The sequence number that the next finished segment gets.
    [[nodiscard]] std::int64_t next_sequence() const { return m_next; }

    /// All but the options, which are the new program's.
    void carry(Carry &c);

  private:
    struct Open {
        std::int64_t begin = 0;
        std::int64_t ticks = 0; ///< media clock at its begin
        bool discontinuity = false;
        std::optional<std::int64_t> utc_ms{};
    };
    [[nodiscard]] std::int64_t clock_at(std::int64_t received_us) const;
    void begin(std::int64_t position, std::int64_t ticks, bool at_cut, bool discontinuity);
    void finish(std::int64_t end, std::int64_t ticks);
    void forget_old();
    void forget_parts();

    Options m_options;
    std::deque<Segment> m_segments;
    std::optional<Open> m_open;
    Parts m_parts;
    std::int64_t m_next;
    std::int64_t m_discontinuities = 0;
    std::int64_t m_target_s = 0;
    /// Dates follow the media clock from where that last began anew: arrival times waver.
    std::optional<std::pair<std::int64_t, std::int64_t>> m_dated; ///< ticks, UTC in ms
    bool m_pending_discontinuity = false;
    bool m_any_stream = false;
    // The media clock: ticks at the last cut, carried on by arrival times between cuts.
    std::optional<std::int64_t> m_last_pts;
    std::int64_t m_cut_ticks = 0;
    std::int64_t m_cut_received_us = 0;
    std::int64_t m_last_received_us = 0;
};

} // namespace relay
