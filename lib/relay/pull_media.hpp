// One event's media as the SRT-out child has it: mapped extents, read-only, and what lies in them.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/pull.hpp"

#include <deque>
#include <map>
#include <span>

namespace relay {

/// Not thread-safe.
class PullMedia {
  public:
    PullMedia() = default;
    PullMedia(const PullMedia &) = delete;
    PullMedia &operator=(const PullMedia &) = delete;
    ~PullMedia();

    [[nodiscard]] base::Result<void> give(const wire::PullExtent &extent, const base::Fd &fd);
    void drop(std::int64_t extent);
    /// protocol: it does not fit what was given.
    [[nodiscard]] base::Result<void> add(const wire::PullMedia &media);
    void end() { m_ended = true; }

    /// What there is from @p position on in one piece; empty when it is not there.
    [[nodiscard]] std::span<const std::uint8_t> at(std::int64_t position) const;
    [[nodiscard]] std::int64_t end_position() const;
    [[nodiscard]] std::int64_t window_begin() const { return m_window_begin; }
    /// Where a viewer begins; -1: there is no media yet.
    [[nodiscard]] std::int64_t start() const;
    [[nodiscard]] bool ended() const { return m_ended; }

  private:
    struct Piece {
        std::int64_t extent, offset, begin, end;
    };
    std::map<std::int64_t, std::span<const std::uint8_t>> m_extents;
    std::deque<Piece> m_pieces;
    std::int64_t m_newest_cut = -1;
    std::int64_t m_window_begin = 0;
    bool m_ended = false;
};

} // namespace relay
