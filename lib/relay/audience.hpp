// Who watches an event over HLS: viewers without a lasting connection.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace relay {

class Carry;

/// Viewers by a number that stands for each, and until when each counts. Not thread-safe. Never
/// holds more than the places it was given, so that strangers cannot fill memory.
class Audience {
  public:
    /// @p viewer asks for a playlist at @p now_us and counts for @p lasting_us. One that is new
    /// takes a place when fewer than @p places are taken; one that is there keeps its place.
    [[nodiscard]] bool admit(std::uint64_t viewer, std::int64_t now_us, std::int64_t lasting_us,
                             std::int64_t places);
    [[nodiscard]] bool has(std::uint64_t viewer) const { return m_until.contains(viewer); }
    void forget(std::uint64_t viewer) { m_until.erase(viewer); }
    /// Forgets @p most of them, whichever; how many it were.
    std::int64_t drop(std::int64_t most);
    /// Those that count at @p now_us; a tenth of a second more or less.
    [[nodiscard]] std::int64_t count(std::int64_t now_us);
    void carry(Carry &c);

  private:
    void sweep(std::int64_t now_us);
    std::unordered_map<std::uint64_t, std::int64_t> m_until;
    std::int64_t m_swept_us = 0;
};

} // namespace relay
