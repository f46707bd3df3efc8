#include "relay/ingest_session.hpp"

#include "media/rtp_ts.hpp"

#include <array>

namespace relay {

namespace {
constexpr std::chrono::seconds k_patience{2}; // with a parent that owes an extent to a gone stream
}

bool over_rate(media::RateMeter &meter, base::BitRate most, base::SteadyTime now) {
    const auto bytes = static_cast<std::uint64_t>(most.bps / 8);
    const std::uint64_t tolerated = bytes + bytes / 10;
    const std::uint64_t last = meter.last_second(now);
    // A packet's worth on top, or the smallest rates would be refused for their grain.
    const std::uint64_t grain = media::k_srt_payload_bytes;
    return (last > tolerated + grain && meter.second_before(now) > tolerated + grain) ||
           last > 2 * bytes + 8 * grain;
}

IngestSession::IngestSession(media::SrtSocket socket, std::shared_ptr<LiveSession> live,
                             base::Id reservation)
    : m_socket(std::move(socket)), m_live(std::move(live)), m_reservation(reservation),
      m_writer(m_live->stream), m_latency(m_socket.latency()) {}

IngestSession::Reading IngestSession::read(const base::Clock &clock) {
    constexpr int k_share = 128; // messages, so that one publisher does not keep the others waiting
    std::array<std::uint8_t, media::k_srt_max_message> message{};
    const base::SteadyTime now = clock.steady();
    if (!m_broken_at && broken())
        m_broken_at = now;
    const auto broken_for = m_broken_at ? now - *m_broken_at : base::SteadyTime::duration{0};
    for (int i = 0; i < k_share; ++i) {
        if (!is_preflight() && !m_writer.has_room())
            return broken_for > k_patience ? Reading::over : Reading::no_room;
        const std::size_t bytes = m_socket.receive(message).value_or(std::nullopt).value_or(0);
        if (bytes > 0) {
            take({message.data(), bytes}, now);
            continue;
        }
        return m_broken_at && broken_for > m_latency ? Reading::over : Reading::idle;
    }
    return Reading::share;
}

void IngestSession::take(std::span<const std::uint8_t> message, base::SteadyTime now) {
    if (m_form == Form::unknown) {
        const auto numbered = media::read_rtp_ts(message);
        m_form = numbered ? Form::numbered : Form::plain;
        m_source = numbered ? numbered->header.source : 0;
    }
    if (m_form == Form::numbered)
        return take_numbered(message, now);
    count(message.size(), now);
    if (!is_preflight())
        m_writer.append(message, now);
}

void IngestSession::take_numbered(std::span<const std::uint8_t> message, base::SteadyTime now) {
    const auto rtp = media::read_rtp_ts(message);
    if (!rtp || rtp->header.source != m_source) {
        m_strange += message.size();
        return;
    }
    const bool newer = static_cast<std::int16_t>(
                           static_cast<std::uint16_t>(rtp->header.sequence - m_sequence)) > 0;
    if (newer)
        m_sequence = rtp->header.sequence;
    if (!rtp->packets.empty()) {
        count(rtp->packets.size(), now);
        if (!is_preflight())
            m_writer.append_numbered(rtp->header.sequence, rtp->packets, now);
    } else if (newer) { // its publisher delivers, by its other path
        m_live->delivered.store(now);
    }
}

void IngestSession::count(std::size_t bytes, base::SteadyTime now) {
    m_live->delivered.store(now);
    m_meter.add(now, bytes);
    if (is_preflight())
        m_discarded += static_cast<std::int64_t>(bytes);
}

wire::IngestStats IngestSession::stats(base::SteadyTime now) {
    const media::SrtStats s = m_socket.stats();
    return {.stream = stream(),
            .rate_bps = m_meter.rate(now).bps,
            .rtt_us = s.rtt_us,
            .lost_packets = s.lost_packets,
            .dropped_packets = s.dropped_packets};
}

wire::IngestPreflightDone IngestSession::done(std::string_view reason, base::SteadyTime now) {
    const media::SrtStats s = m_socket.stats();
    return {.stream = stream(),
            .reason = std::string{reason},
            .duration_ms = std::chrono::floor<base::Millis>(now - m_live->begun).count(),
            .bytes = m_discarded,
            .rtt_us = s.rtt_us,
            .lost_packets = s.lost_packets,
            .dropped_packets = s.dropped_packets};
}

} // namespace relay
