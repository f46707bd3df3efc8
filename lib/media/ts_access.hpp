// Finds random-access points in the PES packets of one elementary stream.
#pragma once

#include "media/ts_psi.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace media {

struct AccessPoint {
    std::uint64_t position = 0;             ///< of the TS packet in which the PES begins
    std::optional<std::uint64_t> pts_90k{}; ///< 33 bits
};

/// Reads the head of each PES (H.222.0, 2.4.3.6) and as much of the video as decides whether a
/// decoder can start there. State is a few bytes; nothing is copied but the PES header.
class AccessFinder {
  public:
    /// A PES begins in the packet at @p position. @p flagged: the stream itself says that it is a
    /// random-access point, so that only its PTS is awaited.
    void begin(std::uint64_t position, bool flagged, TsCodec codec);
    /// The PES goes on; a point once it is certain. Empty between PES or once decided.
    [[nodiscard]] std::optional<AccessPoint> feed(std::span<const std::uint8_t> bytes);
    /// Forgets the PES at hand (after a lost packet).
    void drop() { m_state = State::idle; }

  private:
    enum class State { idle, header, skip, video };
    enum class Verdict { unknown, access, none };

    std::optional<AccessPoint> end_of_header();
    Verdict look(std::uint8_t byte);
    [[nodiscard]] Verdict judge(std::uint8_t unit) const;

    static constexpr std::size_t k_header_bytes = 14; // to the end of the PTS
    State m_state = State::idle;
    AccessPoint m_point;
    bool m_flagged = false;
    TsCodec m_codec = TsCodec::none;
    std::array<std::uint8_t, k_header_bytes> m_header{};
    std::size_t m_header_size = 0;
    std::size_t m_header_wanted = 0;
    std::size_t m_skip = 0;      // bytes of the PES header that are of no interest
    std::uint32_t m_last3 = ~0U; // the last three bytes of video, for start codes
};

} // namespace media
