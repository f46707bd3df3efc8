// Two numbered paths of one publisher become one stream, as SMPTE ST 2022-7 does it: what one line
// lost comes from the other. Pure: the media stays where it lies, only places are handed around.
#pragma once

#include "base/clock.hpp"
#include "relay/intake.hpp"

#include <map>

namespace relay {

/// Not thread-safe. Holds media back only while it waits for what is missing before it, and bounds
/// that in time and number.
class PathMerge {
  public:
    /// How far one path may be behind the other: ST 2022-7's class for high skew.
    static constexpr base::Millis k_window{450};
    /// Runs that are held back at most.
    static constexpr std::size_t k_max_held = 1024;
    /// With nothing new for so long, a publisher's numbers begin anew wherever they are.
    static constexpr base::Millis k_begin_anew{5000};

    /// What follows in the merged stream: bytes of @p extent from @p offset on, whole TS packets.
    struct Piece {
        ExtentPtr extent;
        std::int64_t offset = 0;
        std::int64_t bytes = 0;
        std::int64_t received_us = 0;
        std::vector<StreamCut> cuts;     ///< by the merged stream's positions, at or before its end
        std::vector<StreamUnit> units{}; ///< likewise
    };

    /// @p part came over @p path at @p now: what can be shown then. Its runs are its bytes.
    [[nodiscard]] std::vector<Piece> add(unsigned path, const PartReady &part,
                                         base::SteadyTime now);
    /// What can be shown because time went by. Call it a few times a second.
    [[nodiscard]] std::vector<Piece> tick(base::SteadyTime now) { return release(now); }
    /// The path is closed: nothing more is awaited from it. Another may take its number.
    void leave(unsigned path) { m_paths.erase(path); }

    /// Payloads that came over no path in time.
    [[nodiscard]] std::int64_t lost() const { return m_lost; }
    /// Payloads that had come already.
    [[nodiscard]] std::int64_t twice() const { return m_twice; }

    void carry(Carry &c);

  private:
    /// Payloads that follow each other, by numbers that never wrap: the first one came as
    /// `sequence`, later ones count on from there.
    struct Run {
        std::int64_t first = 0;
        std::int64_t end = 0;
        std::int64_t payload = 0;  ///< bytes of each
        std::int64_t position = 0; ///< of the first one, in its stream
    };
    struct Held {
        Run run;
        ExtentPtr extent;
        std::int64_t offset = 0;
        std::int64_t received_us = 0;
        base::SteadyTime since{};
    };
    struct Path {
        base::SteadyTime delivered{};
        std::int64_t passed = 0; ///< it delivers in order: nothing before this is to come
        std::deque<Run> recent;  ///< by position in its own stream, to find cuts
    };
    /// A payload and the place in that.
    using Place = std::pair<std::int64_t, std::int64_t>;
    /// Places that a path told of, with their time stamps, and up to where they were shown.
    struct Marks {
        std::map<Place, std::int64_t> found;
        std::int64_t last = -1;
    };

    [[nodiscard]] std::int64_t extended(std::int64_t sequence, base::SteadyTime now);
    static void note(Marks &marks, const Path &path, std::int64_t position, std::int64_t stamp);
    [[nodiscard]] std::vector<Piece> release(base::SteadyTime now);
    [[nodiscard]] bool is_lost(const Held &next, base::SteadyTime now) const;
    void show(const Held &held, std::vector<Piece> &out, base::SteadyTime now);
    template <typename Take> void show(Marks &marks, Take take);

    std::map<unsigned, Path> m_paths;
    std::multimap<std::int64_t, Held> m_held; ///< by first
    std::deque<Run> m_shown;                  ///< the latest, by position in the merged stream
    Marks m_cuts;
    Marks m_units;
    std::optional<std::int64_t> m_next; ///< what is shown next
    std::int64_t m_position = 0;        ///< bytes of the merged stream
    std::int64_t m_received_us = 0;
    base::SteadyTime m_shown_at{};
    std::int64_t m_lost = 0;
    std::int64_t m_twice = 0;
};

} // namespace relay
