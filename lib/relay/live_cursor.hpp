// One viewer of live.ts: a position in the store, and the rules for one who is too slow.
#pragma once

#include "base/clock.hpp"
#include "relay/event.hpp"
#include "relay/transport.hpp"

namespace relay {

/// Not thread-safe; of one worker.
class LiveCursor {
  public:
    enum class Outcome {
        idle,    ///< has all there is
        blocked, ///< the socket is full: wait until it is writable
        more,    ///< used up its turn: come back soon
        ended,   ///< has all there will ever be
        slow,    ///< fell behind again and again: drop it
        gone,    ///< the connection failed
    };

    explicit LiveCursor(EventPtr event) : m_event(std::move(event)) {}

    /// Sends what @p snapshot has beyond the position over @p out, at most one turn's worth.
    /// A viewer behind the live window is moved to the newest cut, at a packet's end.
    [[nodiscard]] Outcome pump(Transport &out, const Snapshot &snapshot, base::SteadyTime now,
                               LatencyRecord &latency);

    [[nodiscard]] const EventPtr &event() const { return m_event; }

  private:
    [[nodiscard]] bool place(const Snapshot &snapshot, base::SteadyTime now);
    [[nodiscard]] bool allowed_to_move(base::SteadyTime now);

    EventPtr m_event;
    ExtentPtr m_extent;             ///< holds the present packet's bytes
    std::int64_t m_extent_base = 0; ///< position of m_extent's byte 0
    std::int64_t m_position = -1;   ///< -1: no media seen yet
    int m_moves = 0;
    base::SteadyTime m_moved_at{};
};

} // namespace relay
