// Media to many sockets, as sendfile(2) sends it to one: of a stretch that several viewers are
// given, the pages are looked up once, and each socket gets references to them.
#pragma once

#include "base/clock.hpp"
#include "relay/extent.hpp"

#include <array>
#include <optional>
#include <sys/types.h>
#include <vector>

namespace relay {

/// Keeps the last stretches that two viewers were given in pipes: splice(2) fills one, tee(2) gives
/// each further viewer its copy of what it refers to. Stretches end at the same places of an extent
/// for all, so that who got but a part of one is in step again with the next. Where there are no
/// pipes to be had it is sendfile(2).
///
/// Never blocks on a socket. Not thread-safe; of one worker.
class Fanout {
  public:
    /// Segments of a few streams, and live media of more.
    static constexpr std::size_t k_most_pipes = 16;
    /// What @p pipes, at most k_most_pipes, take; with none of them it is sendfile(2).
    [[nodiscard]] static std::size_t descriptors(std::size_t pipes) {
        return pipes == 0 ? 0 : 2 * pipes + 3;
    }
    explicit Fanout(std::size_t pipes = k_most_pipes);

    /// As sendfile(2) from @p extent's file: how many of @p bytes, more than 0, from @p offset on
    /// @p socket took, or -1 and errno (EAGAIN: it is full).
    [[nodiscard]] ssize_t send(int socket, const Extent &extent, off_t offset, std::size_t bytes);
    /// Lets go of pages that nobody was given for a while, for else they stay when their media is
    /// dropped. Call it every now and then.
    void sweep(base::SteadyTime now);

    /// How many stretches were put in a pipe, and given from one.
    [[nodiscard]] std::int64_t filled() const { return m_filled; }
    [[nodiscard]] std::int64_t given() const { return m_given; }

  private:
    struct Stretch {
        std::uint64_t extent = 0; ///< its serial number
        off_t offset = 0;
        std::size_t bytes = 0;
        bool operator==(const Stretch &) const = default;
    };
    struct Pipe {
        base::Fd out;
        base::Fd in;
        Stretch holds{};        ///< of no bytes: it is empty
        std::uint64_t used = 0; ///< at which of the sends
        bool idle = false;      ///< since the last sweep
    };
    static constexpr std::size_t k_remembered = 32;

    [[nodiscard]] static std::optional<Pipe> make_pipe();
    [[nodiscard]] ssize_t send(int socket, int file, const Stretch &stretch, bool more);
    [[nodiscard]] Pipe *find(const Stretch &stretch);
    [[nodiscard]] Pipe *spare();
    [[nodiscard]] Pipe *fill(int file, const Stretch &stretch);
    [[nodiscard]] ssize_t give(int socket, const Pipe &from, bool more);
    void empty(Pipe &pipe) const;
    [[nodiscard]] bool drop(Pipe &pipe, std::size_t bytes) const;

    std::size_t m_most;                         ///< pipes; 0: it is sendfile(2)
    base::Fd m_nowhere;                         ///< takes what is dropped
    std::optional<Pipe> m_copy;                 ///< on its way to a socket; else empty
    std::vector<Pipe> m_pipes;                  ///< made when they are needed
    std::array<Stretch, k_remembered> m_seen{}; ///< that somebody was given
    std::size_t m_next_seen = 0;
    std::uint64_t m_sends = 0;
    base::SteadyTime m_swept{};
    std::int64_t m_filled = 0;
    std::int64_t m_given = 0;
};

} // namespace relay
