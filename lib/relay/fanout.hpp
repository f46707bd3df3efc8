// Media to many sockets, as sendfile(2) sends it to one: of a stretch that several viewers are
// given, the pages are looked up once, and each socket gets references to them.
#pragma once

#include "base/clock.hpp"
#include "relay/extent.hpp"

#include <array>
#include <optional>
#include <sys/types.h>

namespace relay {

/// Keeps the last stretches that were wanted twice in pipes: splice(2) fills one, tee(2) gives each
/// viewer its copy of what it refers to. Where there are no such pipes to be had it is sendfile(2).
///
/// Never blocks on a socket. Not thread-safe; of one worker.
class Fanout {
  public:
    Fanout();

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
        Stretch holds{}; ///< of no bytes: it is empty
        std::uint64_t used = 0;
        bool idle = false; ///< since the last sweep
    };
    // Segments are a stretch of a megabyte and one of the rest; live media is a stretch a time.
    static constexpr std::size_t k_pipes = 6;
    static constexpr std::size_t k_remembered = 16;

    [[nodiscard]] static std::optional<Pipe> make_pipe();
    [[nodiscard]] static std::size_t pages_of(const Pipe &pipe);
    [[nodiscard]] std::size_t room(off_t offset) const;
    [[nodiscard]] ssize_t send(int socket, int file, const Stretch &stretch, bool more);
    [[nodiscard]] Pipe *find(const Stretch &stretch);
    [[nodiscard]] bool is_wanted_again(const Stretch &stretch);
    [[nodiscard]] Pipe *fill(int file, const Stretch &stretch);
    [[nodiscard]] ssize_t give(int socket, const Pipe &from, bool more);
    void empty(Pipe &pipe) const;
    void drop(Pipe &pipe, std::size_t bytes) const;

    base::Fd m_nowhere;                ///< takes what is dropped
    std::optional<Pipe> m_copy;        ///< on its way to a socket; else empty
    std::size_t m_pages = 0;           ///< that each pipe has room for; 0: it is sendfile(2)
    std::array<Pipe, k_pipes> m_pipes; ///< made when they are needed
    std::array<Stretch, k_remembered> m_seen{};
    std::size_t m_next_seen = 0;
    std::uint64_t m_uses = 0;
    base::SteadyTime m_swept{};
    std::int64_t m_filled = 0;
    std::int64_t m_given = 0;
};

} // namespace relay
