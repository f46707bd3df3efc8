#include "media/ts_restamp.hpp"

#include <utility>

namespace media {

namespace {

constexpr std::uint8_t k_no_counter = 0xff;
constexpr std::uint64_t k_longest_step = 3 * 27'000'000; // a longer one is no step but a jump

void write_pcr(std::span<std::uint8_t> b, std::uint64_t pcr) {
    const std::uint64_t base = pcr / 300;
    const std::uint64_t extension = pcr % 300;
    b[0] = static_cast<std::uint8_t>(base >> 25U);
    b[1] = static_cast<std::uint8_t>(base >> 17U);
    b[2] = static_cast<std::uint8_t>(base >> 9U);
    b[3] = static_cast<std::uint8_t>(base >> 1U);
    b[4] = static_cast<std::uint8_t>((base & 1U) << 7U | 0x7eU | extension >> 8U);
    b[5] = static_cast<std::uint8_t>(extension);
}

// PTS and DTS: 33 bits in five bytes, with marker bits (H.222.0, 2.4.3.6).
void move_stamp(std::span<std::uint8_t> b, std::uint64_t by_90k) {
    std::uint64_t stamp = (std::uint64_t{b[0]} >> 1U & 0x07U) << 30U | std::uint64_t{b[1]} << 22U |
                          (std::uint64_t{b[2]} >> 1U) << 15U | std::uint64_t{b[3]} << 7U |
                          std::uint64_t{b[4]} >> 1U;
    stamp = (stamp + by_90k) % k_pts_wrap;
    b[0] = static_cast<std::uint8_t>((b[0] & 0xf0U) | (stamp >> 30U & 7U) << 1U | 1U);
    b[1] = static_cast<std::uint8_t>(stamp >> 22U);
    b[2] = static_cast<std::uint8_t>((stamp >> 15U & 0x7fU) << 1U | 1U);
    b[3] = static_cast<std::uint8_t>(stamp >> 7U);
    b[4] = static_cast<std::uint8_t>((stamp & 0x7fU) << 1U | 1U);
}

void move_pes_stamps(std::span<std::uint8_t> pes, std::uint64_t by_90k) {
    if (pes.size() < 14 || pes[0] != 0 || pes[1] != 0 || pes[2] != 1 || (pes[6] & 0xc0U) != 0x80)
        return;
    if ((pes[7] & 0x80U) != 0 && pes[8] >= 5)
        move_stamp(pes.subspan(9, 5), by_90k);
    if ((pes[7] & 0xc0U) == 0xc0 && pes[8] >= 10 && pes.size() >= 19)
        move_stamp(pes.subspan(14, 5), by_90k);
}

} // namespace

TsRestamper::TsRestamper()
    : m_counters(std::make_unique<std::array<std::uint8_t, k_ts_null_pid + 1U>>()) {
    m_counters->fill(k_no_counter);
}

void TsRestamper::packet(std::span<std::uint8_t, k_ts_packet_bytes> bytes, const TsPacket &header) {
    if (header.damaged)
        return;
    const bool has_payload = (bytes[3] & 0x10U) != 0;
    std::uint8_t &counter = (*m_counters)[header.pid];
    if (m_moves && counter != k_no_counter)
        bytes[3] = static_cast<std::uint8_t>((bytes[3] & 0xf0U) |
                                             ((counter + (has_payload ? 1U : 0U)) & 0x0fU));
    counter = bytes[3] & 0x0fU;
    if (!m_moves)
        return;
    if (header.pcr && std::exchange(m_marks, false))
        bytes[5] |= 0x80U;
    if (header.pcr)
        write_pcr(bytes.subspan(6, 6), (*header.pcr + m_shift) % k_pcr_wrap);
    const std::size_t payload = (bytes[3] & 0x20U) != 0 ? 5U + bytes[4] : 4U;
    const bool scrambled = (bytes[3] & 0xc0U) != 0;
    if (header.payload_start && has_payload && !scrambled && payload < bytes.size())
        move_pes_stamps(bytes.subspan(payload), m_shift / 300);
}

std::uint64_t TsRestamper::clock(std::uint64_t pcr) {
    const std::uint64_t out = (pcr + m_shift) % k_pcr_wrap;
    if (!m_first_pcr)
        m_first_pcr = pcr;
    if (m_last_pcr) {
        const std::uint64_t step = (out + k_pcr_wrap - *m_last_pcr) % k_pcr_wrap;
        if (step > 0 && step <= k_longest_step)
            m_pcr_step = step;
    }
    m_last_pcr = out;
    return out;
}

void TsRestamper::take_back(std::span<const std::uint8_t> packets) {
    for (; packets.size() >= k_ts_packet_bytes;
         packets = packets.first(packets.size() - k_ts_packet_bytes)) {
        const auto bytes = packets.last(k_ts_packet_bytes);
        const auto pid = static_cast<std::uint16_t>((bytes[1] & 0x1fU) << 8U | bytes[2]);
        const unsigned step = (bytes[3] & 0x10U) != 0 ? 1 : 0;
        (*m_counters)[pid] = static_cast<std::uint8_t>((bytes[3] - step) & 0x0fU);
    }
}

void TsRestamper::next_stream() {
    m_moves = m_marks = true;
    m_shift = 0;
    m_first_pcr.reset();
    m_last_pcr.reset();
}

void TsRestamper::next_pass() {
    m_moves = true;
    if (!m_first_pcr || !m_last_pcr)
        return;
    // A multiple of 300, so that PCR and the 90 kHz stamps move by exactly the same.
    const std::uint64_t shift = (*m_last_pcr + m_pcr_step + k_pcr_wrap - *m_first_pcr) % k_pcr_wrap;
    m_shift = shift / 300 * 300;
}

} // namespace media
