// The part of the sender that fills a preflight up to the reserved rate.
#include "push/sender.hpp"

namespace push {

namespace {

// A payload of null packets (ISO/IEC 13818-1 2.4.1), which every receiver of TS drops.
constexpr auto k_padding = [] {
    std::array<std::uint8_t, media::k_srt_payload_bytes> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        constexpr std::array<std::uint8_t, 4> k_header{0x47, 0x1f, 0xff, 0x10};
        const std::size_t in_packet = i % media::k_ts_packet_bytes;
        out[i] = in_packet < k_header.size() ? k_header[in_packet] : 0xff;
    }
    return out;
}();

} // namespace

// What the programme leaves free: media goes first, and a line that is full is left to it.
void Sender::pad() {
    const base::SteadyTime now = m_clock.steady();
    while (m_paths.connected() && !m_finish && m_queue.size() < k_padding.size()) {
        const auto more = static_cast<std::int64_t>(k_padding.size()) * 8;
        if (m_gate.measured(now).bps + more > m_gate.limit().bps ||
            !m_gate.pass(k_padding.size(), now) || !m_paths.send(k_padding))
            break;
        m_bytes += static_cast<std::int64_t>(k_padding.size());
    }
    m_blocked = true; // soon there is room for more
}

} // namespace push
