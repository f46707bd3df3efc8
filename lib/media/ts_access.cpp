#include "media/ts_access.hpp"

#include <algorithm>

namespace media {

namespace {
constexpr std::size_t k_fixed_header = 9; // start code to PES_header_data_length
constexpr std::size_t k_stamp = 5;        // bytes of a PTS or DTS

std::uint64_t read_stamp(std::span<const std::uint8_t, k_stamp> b) {
    return (std::uint64_t{b[0]} >> 1U & 0x07U) << 30U | std::uint64_t{b[1]} << 22U |
           (std::uint64_t{b[2]} >> 1U) << 15U | std::uint64_t{b[3]} << 7U |
           std::uint64_t{b[4]} >> 1U;
}
} // namespace

void AccessFinder::begin(std::uint64_t position, bool flagged, TsCodec codec) {
    m_state = State::header;
    m_unit = {.position = position};
    m_flagged = flagged;
    m_codec = codec;
    m_header_size = 0;
    m_header_wanted = k_fixed_header;
    m_last3 = ~0U;
}

AccessUnit AccessFinder::decided(bool random_access) {
    m_state = State::idle;
    m_unit.random_access = random_access;
    return m_unit;
}

std::optional<AccessUnit> AccessFinder::feed(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        switch (m_state) {
        case State::idle:
            return std::nullopt;
        case State::header: {
            const std::size_t n = std::min(m_header_wanted - m_header_size, bytes.size());
            std::copy_n(bytes.begin(), n,
                        m_header.begin() + static_cast<std::ptrdiff_t>(m_header_size));
            m_header_size += n;
            bytes = bytes.subspan(n);
            if (m_header_size == m_header_wanted)
                if (const auto unit = end_of_header())
                    return unit;
            break;
        }
        case State::skip: {
            const std::size_t n = std::min(m_skip, bytes.size());
            m_skip -= n;
            bytes = bytes.subspan(n);
            if (m_skip == 0)
                m_state = State::video;
            break;
        }
        case State::video:
            for (const std::uint8_t byte : bytes) {
                const Verdict verdict = look(byte);
                if (verdict != Verdict::unknown)
                    return decided(verdict == Verdict::access);
            }
            return std::nullopt;
        }
    }
    return std::nullopt;
}

// First the fixed part, then, when there are any, the time stamps.
std::optional<AccessUnit> AccessFinder::end_of_header() {
    const auto &h = m_header;
    const std::size_t data_length = h[8];
    if (m_header_wanted == k_fixed_header) {
        // '10' marks the header form of audio and video streams.
        if (h[0] != 0 || h[1] != 0 || h[2] != 1 || (h[6] & 0xc0U) != 0x80) {
            m_state = State::idle;
            return std::nullopt;
        }
        const std::size_t stamps = ((h[7] & 0x80U) != 0 ? 1 : 0) + ((h[7] & 0xc0U) == 0xc0 ? 1 : 0);
        const std::size_t whole = std::min(stamps, data_length / k_stamp);
        if (whole > 0) {
            m_header_wanted = k_fixed_header + whole * k_stamp;
            return std::nullopt;
        }
    } else {
        const std::span all{h};
        m_unit.pts_90k = read_stamp(all.subspan<k_fixed_header, k_stamp>());
        m_unit.dts_90k = m_header_wanted == k_header_bytes
                             ? read_stamp(all.subspan<k_fixed_header + k_stamp, k_stamp>())
                             : *m_unit.pts_90k;
    }
    if (m_flagged || !is_video(m_codec)) // all video says by itself what it is
        return decided(m_flagged);
    m_skip = data_length - (m_header_wanted - k_fixed_header);
    m_state = m_skip > 0 ? State::skip : State::video;
    return std::nullopt;
}

AccessFinder::Verdict AccessFinder::look(std::uint8_t byte) {
    const bool unit_begins = m_last3 == 0x000001U;
    m_last3 = (m_last3 << 8U | byte) & 0xff'ffffU;
    return unit_begins ? judge(byte) : Verdict::unknown;
}

// By the first byte of a NAL unit (H.264 table 7-1, H.265 table 7-1) or the start code value of
// MPEG-2 video (H.262 table 6-1), or of an AV1 OBU (AV1 specification, 5.3.2), which the carriage
// in TS puts a start code before. Headers before the first picture leave it open.
AccessFinder::Verdict AccessFinder::judge(std::uint8_t unit) const {
    switch (m_codec) {
    case TsCodec::h264: {
        const unsigned type = unit & 0x1fU;
        if (type == 5)
            return Verdict::access;
        return type >= 1 && type <= 4 ? Verdict::none : Verdict::unknown;
    }
    case TsCodec::h265: {
        const unsigned type = unit >> 1U & 0x3fU;
        if (type >= 16 && type <= 23)
            return Verdict::access;
        return type < 16 ? Verdict::none : Verdict::unknown;
    }
    case TsCodec::mpeg2_video:
        if (unit == 0xb3)
            return Verdict::access;
        return unit == 0x00 ? Verdict::none : Verdict::unknown;
    case TsCodec::av1: {
        const unsigned type = unit >> 3U & 0x0fU;
        if (type == 1) // a sequence header; encoders repeat it with key frames only
            return Verdict::access;
        return type == 3 || type == 6 ? Verdict::none : Verdict::unknown;
    }
    default:
        return Verdict::none;
    }
}

} // namespace media
