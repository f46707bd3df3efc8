// The sender's connections to the relay, one or two: which of them carries what, and what is sent
// once more when a line dies.
#pragma once

#include "push/path_choice.hpp"
#include "push/sender_link.hpp"
#include "push/sent_window.hpp"

#include <deque>

namespace push {

/// How the paths are used.
enum class PathUse {
    single,   ///< one connection, plain TS
    failover, ///< two connections, numbered payloads over the one that works
    redundant ///< two connections, the same numbered payloads over both
};

[[nodiscard]] std::string_view name(PathUse use);
/// Nothing when @p text names none.
[[nodiscard]] std::optional<PathUse> path_use(std::string_view text);

/// Nothing blocks: turn() moves all of it on. Not thread-safe.
class SenderPaths {
  public:
    /// @p clock outlives it. Makes the instance that the relay tells publishers apart by.
    explicit SenderPaths(const base::Clock &clock);

    /// Connect over @p paths, the first of them by preference; with none, nowhere. Connections over
    /// paths that stay are kept. The use does not change while a connection is open.
    void aim(std::span<const wire::SenderPath> paths, PathUse use, base::BitRate max_rate);
    /// Notices what happened, moves the media to another path where that is due, and sends what is
    /// to be sent again. @p beat: keep trying lines by signs of life while there is no media.
    void turn(bool beat);
    /// When turn() is due at the latest.
    [[nodiscard]] base::Millis patience() const;

    /// A connection is open over exactly @p path.
    [[nodiscard]] bool has(wire::SenderPath path) const;
    /// The path that carries the media is connected.
    [[nodiscard]] bool connected() const { return active().link.connected(); }
    /// Takes a payload of whole TS packets; false: not now.
    [[nodiscard]] bool send(std::span<const std::uint8_t> payload);
    /// All was acknowledged over some path, and the relay had the time to take it from SRT.
    [[nodiscard]] bool drained() const;

    /// Of the path that carries the media, or would.
    [[nodiscard]] const SenderLink &link() const { return active().link; }
    [[nodiscard]] PathUse use() const { return m_use; }
    /// The sum over all connections so far; the round trip is the active path's.
    [[nodiscard]] media::SrtStats stats() const;
    [[nodiscard]] std::int64_t reconnects() const;
    /// How often the media moved from one path to the other.
    [[nodiscard]] std::int64_t moves() const { return m_moves; }
    /// Each path that is aimed at, by preference.
    [[nodiscard]] std::vector<wire::SenderPathStatus> status() const;
    /// Rises whenever status() says another carrier or state.
    [[nodiscard]] std::int64_t changes() const { return m_changes; }

  private:
    /// A message that was not acknowledged yet: all payloads before `next` were sent by then.
    struct Sent {
        std::uint64_t next = 0;
        base::SteadyTime at{};
    };
    struct Path {
        Path(const base::Clock &clock, const std::array<std::uint8_t, 8> &instance, unsigned number)
            : link(clock, instance, number) {}
        SenderLink link;
        bool fit = true; ///< its interface
        bool was_live = false;
        bool had_live = false; ///< ever
        std::deque<Sent> sent;
        std::uint64_t next = 0;      ///< payload to send over it
        std::uint64_t confirmed = 0; ///< payloads before it were acknowledged over it
        std::uint64_t media_to = 0;  ///< payloads before it were sent over it
        base::SteadyTime sent_at{};
        base::SteadyTime answered{};
        bool failed = false; ///< was left, and not good for long enough since
        base::SteadyTime good_since{};
        base::SteadyTime aimed_at{};
        mutable media::RateMeter meter;
        SenderLink::State told = SenderLink::State::idle;
    };

    SenderPaths(const base::Clock &clock, const std::array<std::uint8_t, 8> &instance);
    [[nodiscard]] const Path &active() const { return m_paths[m_order[m_active]]; }
    [[nodiscard]] Path &active() { return m_paths[m_order[m_active]]; }
    [[nodiscard]] bool carries(const Path &path) const;
    [[nodiscard]] PathView view(const Path &path, base::SteadyTime now) const;
    void place(std::span<const wire::SenderPath> paths, base::BitRate max_rate);
    void notice(Path &path, base::SteadyTime now);
    void acknowledge(Path &path, base::SteadyTime now);
    void forget(base::SteadyTime now);
    void choose(base::SteadyTime now);
    void push_out(base::SteadyTime now);
    void push_out(Path &path, base::SteadyTime now);
    void beat(base::SteadyTime now);
    void beat(Path &path, base::SteadyTime now);

    const base::Clock &m_clock;
    std::array<Path, 2> m_paths;
    std::vector<std::size_t> m_order{0}; ///< of m_paths, by preference
    std::size_t m_active = 0;            ///< of m_order
    PathUse m_use = PathUse::single;
    SentWindow m_window;
    std::uint64_t m_confirmed = 0; ///< payloads before it were acknowledged over some path
    std::int64_t m_moves = 0;
    std::int64_t m_changes = 0;
    mutable std::optional<base::SteadyTime> m_drained_since;
};

} // namespace push
