// How workers share the viewers. Whoever comes goes to the worker that has the fewest. Those that
// are to hear of media as it comes (live.ts, and playlists that wait for a part) are gathered at as
// few workers as can do the work, since each that has some wakes up for every part of the media,
// and what two share two processors fetch from each other.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace relay {

/// Thread-safe, without locks: what is read may be a moment old, which costs nobody anything.
class Rota {
  public:
    /// So many viewers of common streams are little for one processor, and served one after
    /// another within a few milliseconds.
    static constexpr std::int64_t k_share = 500;
    /// So many more than another one has make a difference.
    static constexpr std::int64_t k_ahead = 16;

    explicit Rota(std::size_t workers, std::int64_t share = k_share)
        : m_share(share), m_connections(workers), m_listeners(workers), m_busy(workers) {}

    /// Whether @p worker takes in who comes.
    [[nodiscard]] bool is_turn_of(std::size_t worker) const { return m_turn == worker; }
    [[nodiscard]] std::size_t turn() const { return m_turn; }
    void entered(std::size_t worker) { ++m_connections[worker]; }
    void left(std::size_t worker) { --m_connections[worker]; }
    [[nodiscard]] std::int64_t connections_of(std::size_t worker) const {
        return m_connections[worker];
    }
    /// When the one whose turn it is has more than another, the turn passes to the one with the
    /// fewest: returns that.
    [[nodiscard]] std::optional<std::size_t> pass();

    /// One of the connections is to hear of media from now on: returns the worker that it is
    /// counted at, and belongs to. It is the same one until that has its share.
    [[nodiscard]] std::size_t gather();
    void listener_entered(std::size_t worker) { ++m_listeners[worker]; }
    void listener_left(std::size_t worker) { --m_listeners[worker]; }
    [[nodiscard]] std::int64_t listeners_of(std::size_t worker) const {
        return m_listeners[worker];
    }

    /// @p worker was busy for so much (0 to 1) of the time, lately.
    void set_busy(std::size_t worker, double part) { m_busy[worker] = std::clamp(part, 0.0, 1.0); }
    struct Relief {
        std::size_t to = 0;
        double part = 0; ///< of the connections
    };
    /// What @p worker, which has much to do, had better leave to one that has little.
    [[nodiscard]] std::optional<Relief> relief_of(std::size_t worker) const;
    /// It does: what both have to do counts at once, for others want relief, too. Who comes, or
    /// is to hear of media, goes along; true when it was @p worker's turn.
    [[nodiscard]] bool relieve(std::size_t worker, const Relief &relief);

  private:
    const std::int64_t m_share;
    std::atomic<std::size_t> m_turn{0};
    std::atomic<std::size_t> m_gatherer{0};
    std::vector<std::atomic<std::int64_t>> m_connections;
    std::vector<std::atomic<std::int64_t>>
        m_listeners; ///< of these, those that are to hear of media
    std::vector<std::atomic<double>> m_busy;
};

} // namespace relay
