#include "relay/live_cursor.hpp"

#include <algorithm>

namespace relay {

namespace {

constexpr std::int64_t k_turn = 1 << 20; // bytes at one go, so that nobody waits long for a turn
constexpr int k_max_moves = 3;
constexpr auto k_forgive = std::chrono::seconds{60};

// Where a viewer begins: the newest cut, or when a stream without cuts has left that behind, the
// live window.
std::int64_t start_in(const Snapshot &snapshot) {
    const bool kept =
        !snapshot.slices.empty() && snapshot.newest_cut >= snapshot.slices.front().begin;
    return kept || snapshot.newest_cut < 0 ? snapshot.newest_cut : snapshot.window_begin;
}

} // namespace

bool LiveCursor::allowed_to_move(base::SteadyTime now) {
    if (now - m_at.moved_at > k_forgive)
        m_at.moves = 0;
    m_at.moved_at = now;
    ++m_event->viewers_moved;
    return ++m_at.moves <= k_max_moves;
}

// Sets the position at the first look and after falling behind. False: drop the viewer.
bool LiveCursor::place(const Snapshot &snapshot, base::SteadyTime now) {
    const std::int64_t start = start_in(snapshot);
    if (m_at.position < 0) {
        if (start >= 0) {
            m_at.position = start;
            m_event->begin_at(snapshot.end());
        }
        return true;
    }
    const bool inside_packet = m_at.position % k_packet != 0;
    if (m_at.position >= snapshot.window_begin || inside_packet || m_at.position >= start)
        return true;
    if (!allowed_to_move(now))
        return false;
    m_at.position = start;
    m_event->begin_at(snapshot.end());
    m_at.extent.reset();
    return true;
}

LiveCursor::Outcome LiveCursor::pump(Transport &out, Fanout &fanout, const Snapshot &snapshot,
                                     base::SteadyTime now, LatencyRecord &latency) {
    std::int64_t turn = k_turn;
    for (;;) {
        if (!place(snapshot, now))
            return Outcome::slow;
        if (m_at.position < 0 || m_at.position >= snapshot.end())
            return snapshot.ended ? Outcome::ended : Outcome::idle;
        if (turn <= 0)
            return Outcome::more;
        std::int64_t until = 0;
        if (const Slice *slice = snapshot.find(m_at.position)) {
            if (m_at.extent != slice->extent) // counting owners is what workers would meet at
                m_at.extent = slice->extent;
            m_at.extent_base = slice->begin - slice->offset;
            until = slice->end;
        } else if (!m_at.extent) {
            return Outcome::slow;
        }
        if (m_at.position < snapshot.window_begin) // only to finish the packet, then it is moved
            until = (m_at.position / k_packet + 1) * k_packet;
        const ssize_t n =
            out.send_media(fanout, *m_at.extent, m_at.position - m_at.extent_base,
                           static_cast<std::size_t>(std::min(until - m_at.position, turn)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? Outcome::blocked : Outcome::gone;
        if (n == 0)
            return Outcome::gone;
        m_at.position += n;
        turn -= n;
        m_event->bytes_out.fetch_add(n, std::memory_order_relaxed);
        m_event->note_sent(m_at.position, snapshot, latency);
    }
}

} // namespace relay
