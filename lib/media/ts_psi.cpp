#include "media/ts_psi.hpp"

#include <algorithm>

namespace media {

namespace {

constexpr std::size_t k_section_header = 8; // table_id to last_section_number
constexpr std::size_t k_section_crc = 4;
constexpr std::uint8_t k_stuffing = 0xff;

constexpr std::array<std::uint32_t, 256> k_crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i << 24U;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 0x8000'0000U) != 0 ? (crc << 1U) ^ 0x04c1'1db7U : crc << 1U;
        table[i] = crc;
    }
    return table;
}();

std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}
std::uint16_t read_pid(std::span<const std::uint8_t> bytes, std::size_t at) {
    return read16(bytes, at) & 0x1fffU;
}
std::size_t read12(std::span<const std::uint8_t> bytes, std::size_t at) {
    return read16(bytes, at) & 0x0fffU;
}

// current_next_indicator set, the table wanted, long enough to hold header and CRC.
bool usable(std::span<const std::uint8_t> section, std::uint8_t table_id) {
    return section.size() >= k_section_header + k_section_crc && section[0] == table_id &&
           (section[5] & 0x01U) != 0;
}

// ISO 13818-1 table 2-34, and the descriptors that give private data (0x06) a meaning: DVB's (EN
// 300 468), and the registered names of Opus (ETSI TS 103 491) and AV1 (AOM, "Carriage of AV1 in
// MPEG-2 TS").
TsCodec codec_of(std::uint8_t type, std::span<const std::uint8_t> descriptors) {
    switch (type) {
    case 0x01:
    case 0x02:
        return TsCodec::mpeg2_video;
    case 0x03:
    case 0x04:
        return TsCodec::mpeg_audio;
    case 0x0f:
        return TsCodec::aac;
    case 0x11:
        return TsCodec::aac_latm;
    case 0x1b:
        return TsCodec::h264;
    case 0x24:
        return TsCodec::h265;
    case 0x81:
    case 0x87: // ATSC A/53 part 3
        return TsCodec::ac3;
    default:
        break;
    }
    constexpr std::uint8_t k_registration = 0x05; // of a format_identifier (H.222.0, 2.6.8)
    constexpr std::uint8_t k_ac3_descriptor = 0x6a;
    constexpr std::uint8_t k_eac3_descriptor = 0x7a;
    while (type == 0x06 && descriptors.size() >= 2) {
        if (descriptors[0] == k_ac3_descriptor || descriptors[0] == k_eac3_descriptor)
            return TsCodec::ac3;
        const bool named = descriptors[0] == k_registration && descriptors.size() >= 6;
        if (named && std::ranges::equal(descriptors.subspan(2, 4), std::string_view{"Opus"}))
            return TsCodec::opus;
        if (named && std::ranges::equal(descriptors.subspan(2, 4), std::string_view{"AV01"}))
            return TsCodec::av1;
        descriptors =
            descriptors.subspan(std::min<std::size_t>(descriptors.size(), 2U + descriptors[1]));
    }
    return TsCodec::other;
}

} // namespace

bool is_video(TsCodec codec) {
    return codec == TsCodec::h264 || codec == TsCodec::h265 || codec == TsCodec::mpeg2_video ||
           codec == TsCodec::av1;
}

std::string_view name(TsCodec codec) {
    switch (codec) {
    case TsCodec::none:
        return "none";
    case TsCodec::mpeg2_video:
        return "mpeg2";
    case TsCodec::h264:
        return "h264";
    case TsCodec::h265:
        return "h265";
    case TsCodec::av1:
        return "av1";
    case TsCodec::mpeg_audio:
        return "mpeg-audio";
    case TsCodec::aac:
        return "aac";
    case TsCodec::aac_latm:
        return "aac-latm";
    case TsCodec::ac3:
        return "ac3";
    case TsCodec::opus:
        return "opus";
    case TsCodec::other:
        break;
    }
    return "other";
}

std::uint32_t ts_crc32(std::span<const std::uint8_t> bytes) {
    std::uint32_t crc = 0xffff'ffffU;
    for (const std::uint8_t byte : bytes)
        crc = (crc << 8U) ^ k_crc_table[(crc >> 24U) ^ byte];
    return crc;
}

TsSectionReader::Step TsSectionReader::take(std::span<const std::uint8_t> &bytes) {
    if (m_size == 0 && bytes[0] == k_stuffing) { // nothing but stuffing follows in this packet
        bytes = {};
        m_open = false;
        return Step::more;
    }
    while (m_size < 3 && !bytes.empty()) {
        m_bytes[m_size++] = bytes[0];
        bytes = bytes.subspan(1);
    }
    if (m_size < 3)
        return Step::more;
    const std::size_t whole = 3 + read12(m_bytes, 1);
    if (whole > k_max_section || whole < k_section_header + k_section_crc)
        return Step::broken;
    const std::size_t n = std::min(whole - m_size, bytes.size());
    std::copy_n(bytes.begin(), n, m_bytes.begin() + static_cast<std::ptrdiff_t>(m_size));
    m_size += n;
    bytes = bytes.subspan(n);
    if (m_size < whole)
        return Step::more;
    return ts_crc32({m_bytes.data(), m_size}) == 0 ? Step::whole : Step::broken;
}

std::optional<TsPatEntry> read_pat(std::span<const std::uint8_t> section) {
    if (!usable(section, 0x00))
        return std::nullopt;
    const std::size_t end = section.size() - k_section_crc;
    for (std::size_t at = k_section_header; at + 4 <= end; at += 4)
        if (const std::uint16_t number = read16(section, at); number != 0) // 0: the network PID
            return TsPatEntry{number, read_pid(section, at + 2)};
    return std::nullopt;
}

std::optional<TsProgram> read_pmt(std::span<const std::uint8_t> section, std::uint16_t number) {
    if (!usable(section, 0x02) || section.size() < k_section_header + 4 + k_section_crc ||
        read16(section, 3) != number)
        return std::nullopt;
    TsProgram out;
    out.number = number;
    out.pcr_pid = read_pid(section, 8);
    const std::size_t end = section.size() - k_section_crc;
    std::size_t at = k_section_header + 4 + read12(section, 10);
    while (at + 5 <= end) {
        const std::uint8_t type = section[at];
        const std::uint16_t pid = read_pid(section, at + 1);
        const std::size_t info = read12(section, at + 3);
        if (at + 5 + info > end)
            return std::nullopt;
        const TsCodec codec = codec_of(type, section.subspan(at + 5, info));
        if (is_video(codec) && out.video_pid == 0) {
            out.video_pid = pid;
            out.video_type = type;
            out.video = codec;
        } else if (!is_video(codec) && codec != TsCodec::other && out.audio_pid == 0) {
            out.audio_pid = pid;
            out.audio_type = type;
            out.audio = codec;
        }
        at += 5 + info;
    }
    return out;
}

} // namespace media
