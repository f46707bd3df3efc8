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

    /// Where it is.
    struct Place {
        ExtentPtr extent;             ///< holds the present packet's bytes
        std::int64_t extent_base = 0; ///< position of extent's byte 0
        std::int64_t position = -1;   ///< -1: no media seen yet
        int moves = 0;
        base::SteadyTime moved_at{};
        void carry(Carry &c);
    };

    explicit LiveCursor(EventPtr event) : LiveCursor(std::move(event), Place{}) {}
    /// Goes on where another one was.
    LiveCursor(EventPtr event, Place place) : m_event(std::move(event)), m_at(std::move(place)) {}

    /// Sends what @p snapshot has beyond the position over @p out, at most one turn's worth.
    /// A viewer behind the live window is moved to the newest cut, at a packet's end.
    [[nodiscard]] Outcome pump(Transport &out, Fanout &fanout, const Snapshot &snapshot,
                               base::SteadyTime now, LatencyRecord &latency);

    [[nodiscard]] const EventPtr &event() const { return m_event; }
    [[nodiscard]] const Place &at() const { return m_at; }

  private:
    [[nodiscard]] bool place(const Snapshot &snapshot, base::SteadyTime now);
    [[nodiscard]] bool allowed_to_move(base::SteadyTime now);

    EventPtr m_event;
    Place m_at;
};

} // namespace relay
