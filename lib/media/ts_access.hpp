// Finds the access units of one elementary stream in its PES packets, and those that a decoder can
// begin at.
#pragma once

#include "media/ts_psi.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace media {

struct AccessUnit {
    std::uint64_t position = 0;             ///< of the TS packet in which the PES begins
    std::optional<std::uint64_t> pts_90k{}; ///< 33 bits
    std::optional<std::uint64_t> dts_90k{}; ///< 33 bits; the PTS where the PES has no other
    bool random_access = false;             ///< a decoder can begin here
};

/// Reads the head of each PES (H.222.0, 2.4.3.6) and as much of the video as decides whether a
/// decoder can start there. State is a few bytes; nothing is copied but the PES header.
class AccessFinder {
  public:
    /// A PES begins in the packet at @p position. @p flagged: the stream itself says that it is a
    /// random-access point, so that only its time stamps are awaited.
    void begin(std::uint64_t position, bool flagged, TsCodec codec);
    /// The PES goes on; its unit, once it is certain what it is. Empty between PES or once decided.
    [[nodiscard]] std::optional<AccessUnit> feed(std::span<const std::uint8_t> bytes);
    /// Forgets the PES at hand (after a lost packet).
    void drop() { m_state = State::idle; }

  private:
    enum class State { idle, header, skip, video };
    enum class Verdict { unknown, access, none };

    std::optional<AccessUnit> end_of_header();
    AccessUnit decided(bool random_access);
    Verdict look(std::uint8_t byte);
    [[nodiscard]] Verdict judge(std::uint8_t unit) const;

    static constexpr std::size_t k_header_bytes = 19; // to the end of the DTS
    State m_state = State::idle;
    AccessUnit m_unit;
    bool m_flagged = false;
    TsCodec m_codec = TsCodec::none;
    std::array<std::uint8_t, k_header_bytes> m_header{};
    std::size_t m_header_size = 0;
    std::size_t m_header_wanted = 0;
    std::size_t m_skip = 0;      // bytes of the PES header that are of no interest
    std::uint32_t m_last3 = ~0U; // the last three bytes of video, for start codes
};

} // namespace media
