#include "media/rtp_ts.hpp"

namespace media {

namespace {

constexpr std::uint8_t k_version_2 = 0x80;
constexpr std::uint8_t k_mp2t = 33; // RFC 3551, table 5
constexpr std::uint8_t k_sync = 0x47;

void put(std::span<std::uint8_t> to, std::uint32_t value) {
    for (std::size_t i = to.size(); i-- > 0; value >>= 8)
        to[i] = static_cast<std::uint8_t>(value);
}

std::uint32_t get(std::span<const std::uint8_t> from) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : from)
        value = value << 8 | byte;
    return value;
}

} // namespace

std::array<std::uint8_t, k_rtp_header_bytes> write_rtp(const RtpHeader &header) {
    std::array<std::uint8_t, k_rtp_header_bytes> out{k_version_2, k_mp2t};
    const std::span bytes{out};
    put(bytes.subspan(2, 2), header.sequence);
    put(bytes.subspan(4, 4), header.timestamp);
    put(bytes.subspan(8, 4), header.source);
    return out;
}

std::optional<RtpTs> read_rtp_ts(std::span<const std::uint8_t> message) {
    if (message.size() < k_rtp_header_bytes || message.size() > k_rtp_message_bytes ||
        message[0] != k_version_2 || message[1] != k_mp2t)
        return std::nullopt;
    const auto packets = message.subspan(k_rtp_header_bytes);
    if (packets.size() % k_ts_packet_bytes != 0)
        return std::nullopt;
    for (std::size_t i = 0; i < packets.size(); i += k_ts_packet_bytes)
        if (packets[i] != k_sync)
            return std::nullopt;
    return RtpTs{.header = {.sequence = static_cast<std::uint16_t>(get(message.subspan(2, 2))),
                            .timestamp = get(message.subspan(4, 4)),
                            .source = get(message.subspan(8, 4))},
                 .packets = packets};
}

} // namespace media
