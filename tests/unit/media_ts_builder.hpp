// Builds small transport streams for tests, packet by packet.
#pragma once

#include "media/ts_scanner.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ts_test {

using Bytes = std::vector<std::uint8_t>;

struct Flags {
    bool random_access = false;
    bool discontinuity = false;
    std::optional<std::uint64_t> pcr{};
};

/// Appends packets to `bytes`; counts continuity per PID.
class Builder {
  public:
    Bytes bytes;

    void packet(std::uint16_t pid, bool start, std::span<const std::uint8_t> payload,
                Flags flags = {}, std::uint8_t stuffing = 0xff) {
        Bytes adaptation;
        if (flags.random_access || flags.discontinuity || flags.pcr) {
            adaptation.push_back(static_cast<std::uint8_t>((flags.discontinuity ? 0x80 : 0) |
                                                           (flags.random_access ? 0x40 : 0) |
                                                           (flags.pcr ? 0x10 : 0)));
            if (flags.pcr) {
                const std::uint64_t base = *flags.pcr / 300;
                const std::uint64_t extension = *flags.pcr % 300;
                for (const unsigned shift : {25U, 17U, 9U, 1U})
                    adaptation.push_back(static_cast<std::uint8_t>(base >> shift));
                adaptation.push_back(
                    static_cast<std::uint8_t>((base & 1U) << 7U | 0x7eU | extension >> 8U));
                adaptation.push_back(static_cast<std::uint8_t>(extension));
            }
        }
        const std::size_t room = media::k_ts_packet_bytes - 4;
        const bool has_adaptation = !adaptation.empty() || payload.size() < room;
        if (has_adaptation && payload.size() < room && pid != 0 && pid != k_pmt) {
            const std::size_t length = room - 1 - payload.size();
            if (length > 0 && adaptation.empty())
                adaptation.push_back(0);
            adaptation.resize(length, stuffing);
        }
        const bool field =
            !adaptation.empty() || (payload.size() < room && pid != 0 && pid != k_pmt);
        std::uint8_t &counter = m_counter[pid];
        bytes.push_back(media::k_ts_sync_byte);
        bytes.push_back(static_cast<std::uint8_t>((start ? 0x40 : 0) | pid >> 8U));
        bytes.push_back(static_cast<std::uint8_t>(pid));
        bytes.push_back(
            static_cast<std::uint8_t>((field ? 0x20 : 0) | (payload.empty() ? 0 : 0x10) |
                                      (payload.empty() ? (counter + 15U) & 0x0fU : counter)));
        if (!payload.empty())
            counter = (counter + 1) & 0x0f;
        if (field) {
            bytes.push_back(static_cast<std::uint8_t>(adaptation.size()));
            bytes.insert(bytes.end(), adaptation.begin(), adaptation.end());
        }
        bytes.insert(bytes.end(), payload.begin(), payload.end());
        bytes.resize((bytes.size() + media::k_ts_packet_bytes - 1) / media::k_ts_packet_bytes *
                         media::k_ts_packet_bytes,
                     0xff);
    }

    static Bytes section(std::uint8_t table, std::uint16_t extension, const Bytes &body) {
        const std::size_t length = 5 + body.size() + 4;
        Bytes out;
        out.reserve(length + 3); // g++ 12 warns of its own insert() otherwise
        out.insert(out.end(),
                   {table, static_cast<std::uint8_t>(0xb0U | length >> 8U),
                    static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(extension >> 8U),
                    static_cast<std::uint8_t>(extension), 0xc1, 0, 0});
        out.insert(out.end(), body.begin(), body.end());
        const std::uint32_t crc = media::ts_crc32(out);
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            out.push_back(static_cast<std::uint8_t>(crc >> shift));
        return out;
    }

    void section_packet(std::uint16_t pid, Bytes section) {
        section.insert(section.begin(), 0); // pointer_field
        packet(pid, true, section);
    }
    void pat() { section_packet(0, section(0, 1, {0, 1, 0xe0 | k_pmt >> 8U, k_pmt & 0xffU})); }
    struct Stream {
        std::uint16_t pid;
        std::uint8_t type;
        Bytes descriptors{};
    };
    /// The first one carries the PCR.
    void pmt(const std::vector<Stream> &streams) {
        Bytes body{static_cast<std::uint8_t>(0xe0U | streams.front().pid >> 8U),
                   static_cast<std::uint8_t>(streams.front().pid), 0xf0, 0};
        for (const auto &[pid, type, descriptors] : streams) {
            body.insert(body.end(), {type, static_cast<std::uint8_t>(0xe0U | pid >> 8U),
                                     static_cast<std::uint8_t>(pid), 0xf0,
                                     static_cast<std::uint8_t>(descriptors.size())});
            body.insert(body.end(), descriptors.begin(), descriptors.end());
        }
        section_packet(k_pmt, section(2, 1, body));
    }

    /// A PES with @p pts whose data is @p data, over as many packets as it needs.
    void pes(std::uint16_t pid, std::uint64_t pts, std::span<const std::uint8_t> data,
             Flags flags = {}) {
        Bytes all{0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5};
        all.push_back(static_cast<std::uint8_t>(0x21U | (pts >> 30U & 7U) << 1U));
        all.push_back(static_cast<std::uint8_t>(pts >> 22U));
        all.push_back(static_cast<std::uint8_t>(1U | (pts >> 15U & 0x7fU) << 1U));
        all.push_back(static_cast<std::uint8_t>(pts >> 7U));
        all.push_back(static_cast<std::uint8_t>(1U | (pts & 0x7fU) << 1U));
        all.insert(all.end(), data.begin(), data.end());
        std::span<const std::uint8_t> left{all};
        bool start = true;
        while (!left.empty()) {
            const std::size_t n = std::min<std::size_t>(left.size(), 150);
            packet(pid, start, left.first(n), start ? flags : Flags{});
            left = left.subspan(n);
            start = false;
        }
    }

    [[nodiscard]] std::uint64_t size() const { return bytes.size(); }
    static constexpr std::uint16_t k_pmt = 0x100;

  private:
    std::array<std::uint8_t, media::k_ts_null_pid + 1U> m_counter{};
};

inline constexpr std::uint16_t k_video = 0x101;
inline constexpr std::uint16_t k_audio = 0x102;

/// An H.264 access unit: delimiter, SPS, PPS, slice of @p nal, then @p filler bytes.
inline Bytes h264_picture(std::uint8_t nal, std::size_t filler = 0) {
    Bytes out{0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 4, 0, 0, 1, nal};
    out.resize(out.size() + filler, 0x55);
    return out;
}

/// Remembers everything that a scanner tells.
class Recorder final : public media::TsListener {
  public:
    std::vector<media::TsPacket> packets;
    std::vector<media::TsProgram> programs;
    std::vector<media::TsCut> cuts;
    std::vector<std::uint64_t> pcrs;

    void on_packet(const media::TsPacket &packet) override { packets.push_back(packet); }
    void on_program(const media::TsProgram &program) override { programs.push_back(program); }
    void on_cut(const media::TsCut &cut) override { cuts.push_back(cut); }
    void on_pcr(const media::TsPacket & /*packet*/, std::uint64_t pcr) override {
        pcrs.push_back(pcr);
    }
};

} // namespace ts_test
