// Reads an MPEG transport stream (ITU-T H.222.0) as it passes by, for its structure only: what it
// carries, its clock, and where a viewer can begin. Copies nothing, changes nothing.
#pragma once

#include "media/ts_access.hpp"
#include "media/ts_psi.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace media {

inline constexpr std::size_t k_ts_packet_bytes = 188;
inline constexpr std::uint8_t k_ts_sync_byte = 0x47;
inline constexpr std::uint16_t k_ts_null_pid = 0x1fff;
inline constexpr std::uint64_t k_pcr_wrap = (std::uint64_t{1} << 33U) * 300; ///< 27 MHz ticks
inline constexpr std::uint64_t k_pts_wrap = std::uint64_t{1} << 33U;         ///< 90 kHz ticks

/// One packet's header. Positions are absolute: bytes fed to the scanner before this one, garbage
/// included, so that they index the stream exactly as it came.
struct TsPacket {
    std::uint64_t position = 0;
    std::uint16_t pid = 0;
    bool payload_start = false; ///< payload_unit_start_indicator
    bool random_access = false; ///< random_access_indicator of the adaptation field
    bool discontinuity = false; ///< discontinuity_indicator of the adaptation field
    bool damaged = false; ///< transport error or broken adaptation field: nothing else was read
    std::optional<std::uint64_t> pcr; ///< 27 MHz, [0, k_pcr_wrap), of any PID
};

/// Where a viewer or a segment can begin.
struct TsCut {
    /// Of the last PAT before the random-access point that a PMT followed, when both came after the
    /// previous point; else of the packet in which the point's PES begins.
    std::uint64_t position = 0;
    std::uint64_t access_position = 0;      ///< of the packet in which the point's PES begins
    std::optional<std::uint64_t> pts_90k{}; ///< 33 bits
};

/// Where an access unit begins: a picture of the video, or without video what one PES of the audio
/// holds.
struct TsUnit {
    std::uint64_t position = 0; ///< of the packet in which its PES begins
    std::uint64_t dts_90k = 0;  ///< 33 bits
};

struct TsCounters {
    std::uint64_t bytes = 0;             ///< fed
    std::uint64_t packets = 0;           ///< recognised
    std::uint64_t garbage_bytes = 0;     ///< skipped while looking for a sync byte
    std::uint64_t continuity_errors = 0; ///< lost or repeated packets, by continuity_counter
    std::uint64_t transport_errors = 0;  ///< transport_error_indicator, broken adaptation fields
    std::uint64_t section_errors = 0;    ///< PAT or PMT sections with a wrong CRC or form
};

/// What a scanner tells, from inside feed(), in stream order (a cut is told once it is certain, a
/// few packets after its position).
class TsListener {
  public:
    virtual ~TsListener() = default;
    virtual void on_packet(const TsPacket & /*packet*/) {}
    /// The stream's first PMT, and each later one that differs.
    virtual void on_program(const TsProgram & /*program*/) {}
    /// A PCR of the program's PCR PID.
    virtual void on_pcr(const TsPacket & /*packet*/, std::uint64_t /*pcr_27m*/) {}
    virtual void on_cut(const TsCut & /*cut*/) {}
    /// One with a time stamp, in stream order; after on_cut() when it is both.
    virtual void on_unit(const TsUnit & /*unit*/) {}
};

/// Push parser; input may be split anywhere and may be anything. Looks at the first program of the
/// PAT. Random-access points are those of the video PID: packets flagged as such, or a PES that
/// begins with an H.264 IDR, an H.265 IRAP, or an MPEG-2 or AV1 sequence header. A program without
/// video gets one at an audio PES at most once a second. Allocates at construction only (about 9
/// KB); not thread-safe. @p listener may be null and must outlive the scanner. Movable.
class TsScanner {
  public:
    explicit TsScanner(TsListener *listener = nullptr);

    void feed(std::span<const std::uint8_t> bytes);

    /// The program being followed; `pmt_pid` is 0 until a PAT was read, `pcr_pid` k_ts_null_pid
    /// until its PMT was.
    [[nodiscard]] const TsProgram &program() const { return m_program; }
    [[nodiscard]] const TsCounters &counters() const { return m_counters; }
    /// True when the last bytes fed continued a row of packets.
    [[nodiscard]] bool synchronised() const { return m_locked && m_counters.packets > 0; }

  private:
    using PacketBytes = std::span<const std::uint8_t, k_ts_packet_bytes>;

    std::size_t search(std::span<const std::uint8_t> bytes);
    void packet(PacketBytes bytes, std::uint64_t position);
    /// Reads the adaptation field into @p out; the payload that follows it, or nothing when broken.
    std::optional<std::span<const std::uint8_t>> after_adaptation(PacketBytes bytes, TsPacket &out);
    void check_continuity(const TsPacket &packet, std::uint8_t counter, bool has_payload);
    void payload(const TsPacket &packet, std::span<const std::uint8_t> bytes);
    void pat_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes);
    void pmt_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes);
    void access_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes);
    [[nodiscard]] bool is_cut(const AccessUnit &unit);
    void report(const AccessUnit &unit);

    TsListener *m_listener;
    TsCounters m_counters;
    TsProgram m_program;
    std::unique_ptr<std::array<std::uint8_t, k_ts_null_pid + 1U>> m_continuity; // 0xff: none yet

    std::array<std::uint8_t, k_ts_packet_bytes + 1> m_held{}; // a packet that is not whole yet
    std::size_t m_held_bytes = 0;
    bool m_locked = true;

    TsSectionReader m_pat;
    TsSectionReader m_pmt;
    std::uint64_t m_pat_start = 0;                // of the packet in which the newest PAT began
    std::optional<std::uint64_t> m_pat_position;  // of the newest PAT that was whole
    std::optional<std::uint64_t> m_pair_position; // of the newest PAT that its PMT has followed
    AccessFinder m_access;
    std::optional<std::uint64_t> m_access_pair; // the pair before the PES at hand
    std::optional<std::uint64_t> m_last_access_position;
    std::optional<std::uint64_t> m_last_audio_pts;
};

} // namespace media
