// TS in RTP (RFC 3550, RFC 2250), which numbers what goes over two lines so that the other side can
// merge them (SMPTE ST 2022-7). Pure.
#pragma once

#include "media/srt_socket.hpp"
#include "media/ts_scanner.hpp"

#include <array>

namespace media {

inline constexpr std::size_t k_rtp_header_bytes = 12;
/// A full payload with its header.
inline constexpr std::size_t k_rtp_message_bytes = k_rtp_header_bytes + k_srt_payload_bytes;

struct RtpHeader {
    std::uint16_t sequence = 0;
    std::uint32_t timestamp = 0; ///< 90 kHz
    std::uint32_t source = 0;    ///< SSRC
};

/// Version 2, payload type 33, nothing else: no extension, padding, contributors or marker.
[[nodiscard]] std::array<std::uint8_t, k_rtp_header_bytes> write_rtp(const RtpHeader &header);

struct RtpTs {
    RtpHeader header;
    /// Up to seven TS packets. None: a sign of life, its sequence is that of the last payload that
    /// its sender numbered.
    std::span<const std::uint8_t> packets;
};

/// Nothing when @p message is no such packet; plain TS never is one, since its first byte is 0x47
/// or its length does not fit. The result points into @p message.
[[nodiscard]] std::optional<RtpTs> read_rtp_ts(std::span<const std::uint8_t> message);

} // namespace media
