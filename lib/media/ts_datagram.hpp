// A transport stream in datagrams: bare, or in RTP (RFC 2250, RFC 3550).
#pragma once

#include "media/ts_scanner.hpp"

#include <cstdint>
#include <span>

namespace media {

/// The packets in @p datagram, without the header and padding of RTP when it has one; empty when it
/// is neither, or is damaged.
[[nodiscard]] inline std::span<const std::uint8_t>
ts_of_datagram(std::span<const std::uint8_t> datagram) {
    constexpr std::size_t k_rtp_header = 12;
    constexpr unsigned k_padding = 0x20;
    constexpr unsigned k_extension = 0x10;
    constexpr unsigned k_sources = 0x0f;
    const auto packets = [](std::span<const std::uint8_t> bytes) {
        const bool whole = !bytes.empty() && bytes.size() % k_ts_packet_bytes == 0;
        return whole && bytes.front() == k_ts_sync_byte ? bytes : std::span<const std::uint8_t>{};
    };
    if (datagram.empty() || datagram.front() == k_ts_sync_byte)
        return packets(datagram);
    if (datagram.size() < k_rtp_header || datagram.front() >> 6U != 2)
        return {};
    const unsigned flags = datagram.front();
    std::size_t at = k_rtp_header + 4 * std::size_t{flags & k_sources};
    if ((flags & k_extension) != 0) { // 16 bits of profile, 16 of length in words
        if (datagram.size() < at + 4)
            return {};
        at += 4 + 4 * (std::size_t{datagram[at + 2]} << 8U | datagram[at + 3]);
    }
    const std::size_t behind = (flags & k_padding) != 0 ? datagram.back() : 0;
    if (datagram.size() < at + behind)
        return {};
    return packets(datagram.subspan(at, datagram.size() - at - behind));
}

} // namespace media
