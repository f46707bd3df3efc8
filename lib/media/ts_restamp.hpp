// Joins one pass of a looped transport stream to the next, so that it goes on as one; or another
// stream to one that ends.
#pragma once

#include "media/ts_scanner.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace media {

/// The first pass is left as it is, bit for bit. From next_pass() on, PCR, PTS and DTS are moved so
/// that they go on where the pass before ended, and continuity counters so that they show no loss.
class TsRestamper {
  public:
    TsRestamper();

    /// The next packet, in place. @p header is what the scanner read of it.
    void packet(std::span<std::uint8_t, k_ts_packet_bytes> bytes, const TsPacket &header);
    /// A PCR of the program's clock, as it leaves.
    [[nodiscard]] std::uint64_t clock(std::uint64_t pcr_27m);
    /// The newest packets, which packet() has seen, are not sent: their counts are given again.
    void take_back(std::span<const std::uint8_t> packets);
    /// The input begins again.
    void next_pass();
    /// Another stream follows in its place, on its own timeline, which its first PCR says
    /// (discontinuity_indicator): of its packets the counters alone are moved.
    void next_stream();

  private:
    bool m_moves = false;
    bool m_marks = false;      // the next PCR
    std::uint64_t m_shift = 0; // 27 MHz, added to every stamp
    std::optional<std::uint64_t> m_first_pcr;
    std::optional<std::uint64_t> m_last_pcr;
    std::uint64_t m_pcr_step = 0; // the newest distance between two
    std::unique_ptr<std::array<std::uint8_t, k_ts_null_pid + 1U>> m_counters;
};

} // namespace media
