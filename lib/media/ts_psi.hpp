// Program specific information of a transport stream: PAT and PMT sections (H.222.0, 2.4.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace media {

enum class TsCodec {
    none,
    mpeg2_video,
    h264,
    h265,
    av1,
    mpeg_audio,
    aac,
    aac_latm,
    ac3, ///< E-AC-3 too
    opus,
    other
};
[[nodiscard]] std::string_view name(TsCodec codec);
[[nodiscard]] bool is_video(TsCodec codec);

/// The first program of a stream; the first video and the first audio of it.
struct TsProgram {
    std::uint16_t number = 0;
    std::uint16_t pmt_pid = 0;      ///< 0: no PAT yet
    std::uint16_t pcr_pid = 0x1fff; ///< 0x1fff: no PMT yet, or a program without a clock
    std::uint16_t video_pid = 0;    ///< 0: none
    std::uint16_t audio_pid = 0;    ///< 0: none
    std::uint8_t video_type = 0;    ///< stream_type as in the PMT
    std::uint8_t audio_type = 0;
    TsCodec video = TsCodec::none;
    TsCodec audio = TsCodec::none;
    bool operator==(const TsProgram &) const = default;
};

/// CRC-32/MPEG-2 of a section; over a whole section with its CRC it is 0 (H.222.0, annex A).
[[nodiscard]] std::uint32_t ts_crc32(std::span<const std::uint8_t> bytes);

/// Gathers the sections of one PID from packet payloads. A section has at most 1024 bytes (what
/// H.222.0 allows PAT and PMT); a longer or broken one is dropped.
class TsSectionReader {
  public:
    /// Gives @p bytes, the payload of the next packet, and calls @p done(section) for each section
    /// that became whole: CRC checked, header to CRC. Returns how many were broken.
    template <typename Done>
    unsigned feed(std::span<const std::uint8_t> bytes, bool payload_start, Done done) {
        unsigned broken = 0;
        if (payload_start) {
            const std::size_t pointer = bytes.empty() ? 0 : bytes[0];
            if (bytes.size() < pointer + 1) {
                drop();
                return 1;
            }
            run(bytes.subspan(1, pointer), done, broken); // the tail of an earlier section
            drop();
            m_open = true;
            bytes = bytes.subspan(1 + pointer);
        }
        run(bytes, done, broken);
        return broken;
    }
    /// Forgets what was gathered (after a lost packet, or when the PID changes).
    void drop() {
        m_size = 0;
        m_open = false;
    }

  private:
    enum class Step { more, whole, broken };

    template <typename Done>
    void run(std::span<const std::uint8_t> bytes, Done &done, unsigned &broken) {
        while (m_open && !bytes.empty()) {
            switch (take(bytes)) {
            case Step::whole:
                done(std::span<const std::uint8_t>{m_bytes.data(), m_size});
                m_size = 0;
                break;
            case Step::broken:
                ++broken;
                drop();
                break;
            case Step::more:
                break;
            }
        }
    }
    Step take(std::span<const std::uint8_t> &bytes);

    static constexpr std::size_t k_max_section = 1024;
    std::array<std::uint8_t, k_max_section> m_bytes{};
    std::size_t m_size = 0;
    bool m_open = false; // inside a row of sections
};

/// The first program of a PAT section: number and PMT PID; nothing when it names none or is no
/// current PAT.
struct TsPatEntry {
    std::uint16_t number = 0;
    std::uint16_t pmt_pid = 0;
};
[[nodiscard]] std::optional<TsPatEntry> read_pat(std::span<const std::uint8_t> section);

/// The program that a PMT section describes; nothing when it is not program @p number's or not
/// whole. `pmt_pid` is left 0.
[[nodiscard]] std::optional<TsProgram> read_pmt(std::span<const std::uint8_t> section,
                                                std::uint16_t number);

} // namespace media
