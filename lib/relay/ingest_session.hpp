// One publisher that was let in, and how its media reaches the parent.
#pragma once

#include "media/srt_rate.hpp"
#include "media/srt_socket.hpp"
#include "relay/ingest_admission.hpp"
#include "relay/ingest_writer.hpp"

namespace relay {

/// True when a reservation's rate was exceeded: more than a tenth above it in each of the last two
/// seconds, or twice it in one. One second alone may lie above without fault: after a stall SRT
/// delivers what it held back for its latency at once.
[[nodiscard]] bool over_rate(media::RateMeter &meter, base::BitRate most, base::SteadyTime now);

/// Reads one SRT connection into extents. Belongs to the main thread.
class IngestSession {
  public:
    IngestSession(media::SrtSocket socket, std::shared_ptr<LiveSession> live, base::Id reservation);

    enum class Reading {
        idle,    ///< nothing more is due
        share,   ///< it had its share, more may be due
        no_room, ///< an extent is missing: stop watching the socket until one came
        over,    ///< the connection is gone and everything was delivered
    };
    /// Takes what is due, a bounded share of it. A broken connection is read for its latency on,
    /// because SRT still holds what was not due yet.
    [[nodiscard]] Reading read(const base::Clock &clock);

    /// The connection is gone, though SRT may hold media that is not due yet.
    [[nodiscard]] bool broken() const { return m_socket.state() == media::SrtState::broken; }

    /// What to tell the parent once a second.
    [[nodiscard]] wire::IngestStats stats(base::SteadyTime now);
    /// It is measured and discarded, and needs no extents.
    [[nodiscard]] bool is_preflight() const { return m_live->preflight.has_value(); }
    /// What to tell of a preflight at its end.
    [[nodiscard]] wire::IngestPreflightDone done(std::string_view reason, base::SteadyTime now);

    [[nodiscard]] std::int64_t stream() const { return m_live->stream; }
    [[nodiscard]] int handle() const { return m_socket.handle(); }
    [[nodiscard]] const base::Id &reservation() const { return m_reservation; }
    [[nodiscard]] const std::shared_ptr<LiveSession> &live() const { return m_live; }
    [[nodiscard]] ExtentWriter &writer() { return m_writer; }
    /// Bytes that were no media and were dropped.
    [[nodiscard]] std::uint64_t garbage_bytes() const {
        return m_writer.garbage_bytes() + m_strange;
    }
    [[nodiscard]] media::RateMeter &meter() { return m_meter; }
    /// Watched by the poll; the server keeps it.
    bool watched = true;

  private:
    /// What its first message showed it to be.
    enum class Form { unknown, plain, numbered };
    void take(std::span<const std::uint8_t> message, base::SteadyTime now);
    void take_numbered(std::span<const std::uint8_t> message, base::SteadyTime now);
    void count(std::size_t bytes, base::SteadyTime now);

    media::SrtSocket m_socket;
    std::shared_ptr<LiveSession> m_live;
    base::Id m_reservation;
    ExtentWriter m_writer;
    media::RateMeter m_meter;
    std::int64_t m_discarded = 0; // bytes of a preflight
    Form m_form = Form::unknown;
    std::uint32_t m_source = 0;   // of a numbered one: its SSRC
    std::uint16_t m_sequence = 0; // the newest
    std::uint64_t m_strange = 0;  // bytes of messages that are not of its form
    base::Millis m_latency;
    std::optional<base::SteadyTime> m_broken_at;
};

} // namespace relay
