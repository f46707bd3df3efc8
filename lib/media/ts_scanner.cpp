#include "media/ts_scanner.hpp"

#include <algorithm>

namespace media {

namespace {

constexpr std::uint8_t k_no_counter = 0xff;
constexpr std::uint64_t k_audio_cut_distance = 90'000; // one second of PTS

std::uint64_t read_pcr(std::span<const std::uint8_t> b) {
    const std::uint64_t base = std::uint64_t{b[0]} << 25U | std::uint64_t{b[1]} << 17U |
                               std::uint64_t{b[2]} << 9U | std::uint64_t{b[3]} << 1U |
                               std::uint64_t{b[4]} >> 7U;
    const std::uint64_t extension = (b[4] & 0x01ULL) << 8U | b[5];
    return (base * 300 + extension) % k_pcr_wrap; // an extension of 300 and more is malformed
}

TsListener *nobody() {
    static TsListener silent; // has no state
    return &silent;
}

} // namespace

TsScanner::TsScanner(TsListener *listener)
    : m_listener(listener != nullptr ? listener : nobody()),
      m_continuity(std::make_unique<std::array<std::uint8_t, k_ts_null_pid + 1U>>()) {
    m_continuity->fill(k_no_counter);
}

void TsScanner::feed(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const std::uint64_t position = m_counters.bytes - m_held_bytes;
        std::size_t used = 0;
        if (!m_locked) {
            used = search(bytes);
        } else if (m_held_bytes == 0 && bytes[0] != k_ts_sync_byte) {
            m_locked = false;
        } else if (m_held_bytes == 0 && bytes.size() >= k_ts_packet_bytes) {
            packet(bytes.first<k_ts_packet_bytes>(), position);
            used = k_ts_packet_bytes;
        } else {
            used = std::min(k_ts_packet_bytes - m_held_bytes, bytes.size());
            std::copy_n(bytes.begin(), used,
                        m_held.begin() + static_cast<std::ptrdiff_t>(m_held_bytes));
            m_held_bytes += used;
            if (m_held_bytes == k_ts_packet_bytes) {
                m_held_bytes = 0;
                packet(std::span{m_held}.first<k_ts_packet_bytes>(), position);
            }
        }
        m_counters.bytes += used;
        bytes = bytes.subspan(used);
    }
}

// Holds a candidate packet until the byte after it is a sync byte too. Returns the bytes used.
std::size_t TsScanner::search(std::span<const std::uint8_t> bytes) {
    if (m_held_bytes == 0) {
        const auto sync = std::ranges::find(bytes, k_ts_sync_byte);
        const auto skipped = static_cast<std::size_t>(sync - bytes.begin());
        m_counters.garbage_bytes += skipped;
        if (skipped > 0)
            return skipped;
    }
    const std::size_t used = std::min(m_held.size() - m_held_bytes, bytes.size());
    std::copy_n(bytes.begin(), used, m_held.begin() + static_cast<std::ptrdiff_t>(m_held_bytes));
    m_held_bytes += used;
    if (m_held_bytes < m_held.size())
        return used;
    if (m_held.back() == k_ts_sync_byte) {
        m_locked = true;
        const std::uint64_t position = m_counters.bytes + used - m_held_bytes;
        m_held_bytes = 0;
        packet(std::span{m_held}.first<k_ts_packet_bytes>(), position);
        return used - 1; // the next packet's first byte
    }
    const auto next = std::find(m_held.begin() + 1, m_held.end(), k_ts_sync_byte);
    m_counters.garbage_bytes += static_cast<std::size_t>(next - m_held.begin());
    m_held_bytes = static_cast<std::size_t>(m_held.end() - next);
    std::copy(next, m_held.end(), m_held.begin());
    return used;
}

void TsScanner::packet(PacketBytes bytes, std::uint64_t position) {
    ++m_counters.packets;
    TsPacket out;
    out.position = position;
    out.pid = static_cast<std::uint16_t>((bytes[1] & 0x1fU) << 8U | bytes[2]);
    out.payload_start = (bytes[1] & 0x40U) != 0;
    const bool transport_error = (bytes[1] & 0x80U) != 0;
    const bool scrambled = (bytes[3] & 0xc0U) != 0;
    const bool has_payload = (bytes[3] & 0x10U) != 0;
    const auto body = transport_error ? std::nullopt : after_adaptation(bytes, out);
    if (!body) {
        ++m_counters.transport_errors;
        out.damaged = true;
        m_listener->on_packet(out);
        return;
    }
    if (out.pid != k_ts_null_pid)
        check_continuity(out, bytes[3] & 0x0fU, has_payload);
    m_listener->on_packet(out);
    if (out.pcr && out.pid == m_program.pcr_pid)
        m_listener->on_pcr(out, *out.pcr);
    if (has_payload && !scrambled && !body->empty())
        payload(out, *body);
}

std::optional<std::span<const std::uint8_t>> TsScanner::after_adaptation(PacketBytes bytes,
                                                                         TsPacket &out) {
    std::span<const std::uint8_t> body = bytes.subspan(4);
    if ((bytes[3] & 0x20U) == 0)
        return body;
    const std::size_t length = body[0];
    if (length >= body.size())
        return std::nullopt;
    if (length > 0) {
        const std::uint8_t flags = body[1];
        out.discontinuity = (flags & 0x80U) != 0;
        out.random_access = (flags & 0x40U) != 0;
        if ((flags & 0x10U) != 0 && length >= 7)
            out.pcr = read_pcr(body.subspan(2, 6));
    }
    return body.subspan(1 + length);
}

// A counter rises by one with each packet that has a payload; one repetition is allowed.
void TsScanner::check_continuity(const TsPacket &packet, std::uint8_t counter, bool has_payload) {
    std::uint8_t &last = (*m_continuity)[packet.pid];
    const std::uint8_t expected =
        has_payload ? static_cast<std::uint8_t>((last + 1U) & 0x0fU) : last;
    const bool good =
        last == k_no_counter || packet.discontinuity || counter == expected || counter == last;
    last = counter;
    if (good)
        return;
    ++m_counters.continuity_errors;
    if (packet.pid == 0)
        m_pat.drop();
    else if (packet.pid == m_program.pmt_pid)
        m_pmt.drop();
    else if (packet.pid == m_program.video_pid || packet.pid == m_program.audio_pid)
        m_access.drop();
}

void TsScanner::payload(const TsPacket &packet, std::span<const std::uint8_t> bytes) {
    const std::uint16_t access_pid =
        m_program.video_pid != 0 ? m_program.video_pid : m_program.audio_pid;
    if (packet.pid == 0)
        pat_payload(packet, bytes);
    else if (m_program.pmt_pid != 0 && packet.pid == m_program.pmt_pid)
        pmt_payload(packet, bytes);
    else if (access_pid != 0 && packet.pid == access_pid)
        access_payload(packet, bytes);
}

void TsScanner::pat_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes) {
    if (packet.payload_start)
        m_pat_start = packet.position;
    m_counters.section_errors +=
        m_pat.feed(bytes, packet.payload_start, [this](std::span<const std::uint8_t> section) {
            const auto entry = read_pat(section);
            if (!entry)
                return;
            m_pat_position = m_pat_start;
            if (entry->number == m_program.number && entry->pmt_pid == m_program.pmt_pid)
                return;
            m_program = {};
            m_program.number = entry->number;
            m_program.pmt_pid = entry->pmt_pid;
            m_pmt.drop();
            m_access.drop();
        });
}

void TsScanner::pmt_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes) {
    m_counters.section_errors +=
        m_pmt.feed(bytes, packet.payload_start, [this](std::span<const std::uint8_t> section) {
            auto program = read_pmt(section, m_program.number);
            if (!program)
                return;
            m_pair_position = m_pat_position;
            program->pmt_pid = m_program.pmt_pid;
            if (*program == m_program)
                return;
            m_program = *program;
            m_access.drop();
            m_listener->on_program(m_program);
        });
}

void TsScanner::access_payload(const TsPacket &packet, std::span<const std::uint8_t> bytes) {
    const bool has_video = m_program.video_pid != 0;
    if (packet.payload_start) {
        m_access.begin(packet.position, packet.random_access || !has_video, m_program.video);
        m_access_pair = m_pair_position;
    }
    const auto unit = m_access.feed(bytes);
    if (!unit)
        return;
    if (is_cut(*unit))
        report(*unit);
    if (unit->dts_90k)
        m_listener->on_unit({.position = unit->position, .dts_90k = *unit->dts_90k});
}

bool TsScanner::is_cut(const AccessUnit &unit) {
    if (!unit.random_access || m_program.video_pid != 0)
        return unit.random_access;
    // Backwards counts as far ahead, so that a new timeline gets a cut at once.
    if (!unit.pts_90k ||
        (m_last_audio_pts &&
         (*unit.pts_90k + k_pts_wrap - *m_last_audio_pts) % k_pts_wrap < k_audio_cut_distance))
        return false;
    m_last_audio_pts = unit.pts_90k;
    return true;
}

void TsScanner::report(const AccessUnit &unit) {
    TsCut cut{unit.position, unit.position, unit.pts_90k};
    const auto after_last = [this](std::uint64_t at) {
        return !m_last_access_position || at > *m_last_access_position;
    };
    if (m_access_pair && after_last(*m_access_pair))
        cut.position = *m_access_pair;
    m_last_access_position = unit.position;
    m_listener->on_cut(cut);
}

} // namespace media
