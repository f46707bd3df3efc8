// Messages between relay-serve and its unprivileged ingest children, over a seqpacket socket.
// A child is not trusted: relay-serve checks every number that a child reports.
#pragma once

#include "resv/window.hpp"
#include "wire/settings.hpp"

#include <variant>

namespace wire {

/// parent -> child, first and once.
struct IngestSetup {
    std::string relay;         ///< this relay's id; tickets carry its hash as audience
    std::string carrier;       ///< whose address this is, for logs and metrics
    Endpoint listen;           ///< SRT listener; bound to this address only
    std::optional<Probe> echo; ///< the keyed UDP echo beside it
    std::string control_key;   ///< base64url: tickets are verified with it
    std::string group_key;     ///< base64url, a secret: passphrases are derived from it
    std::int64_t latency_ms = 120;
};

/// parent -> child: control's clock minus CLOCK_MONOTONIC, whenever the feed says so.
struct IngestClock {
    std::int64_t offset_ms = 0;
};

/// parent -> child: how long media may wait for more before the parent is told of it. A child that
/// was told nothing takes the default.
struct IngestPace {
    std::int64_t part_ms = 20; ///< 1 to 1000
};

/// parent -> child: who may publish; a later one replaces the earlier one for its reservation.
struct IngestAdmit {
    base::Id reservation;
    std::string channel;
    resv::Window window;
    std::uint32_t generation = 0;
    base::BitRate max_rate;
};
/// parent -> child: no longer; a live session is closed at once.
struct IngestWithdraw {
    base::Id reservation;
    std::string reason; ///< cancelled, revoked, ended …
};

/// parent -> child, with the memfd (full-size, sealed SHRINK|GROW): write stream `stream`'s next
/// bytes here once its earlier extent is full. A first one follows each IngestOpened.
struct IngestExtent {
    std::int64_t stream = 0;
    std::int64_t extent = 0; ///< number of the extent within the stream, from 0
    std::int64_t bytes = 0;
};

/// child -> parent: a publisher was admitted; `stream` is a fresh number of this child.
struct IngestOpened {
    std::int64_t stream = 0;
    base::Id reservation;
    std::uint32_t generation = 0;
    std::string instance; ///< base64url; eight zero bytes for a bare ticket
    unsigned path = 0;    ///< which of the instance's paths
    std::string peer;     ///< address and port
};
/// parent -> child: close this stream; IngestClosed with the same reason answers, unless the stream
/// is gone already. What a child cannot see by itself: publishers at the other carriers' addresses.
struct IngestClose {
    std::int64_t stream = 0;
    std::string reason; ///< "busy" or "replaced"
};
/// child -> parent: this extent will be full soon; send the next.
struct IngestNeedExtent {
    std::int64_t stream = 0;
    std::int64_t extent = 0; ///< the number it wants
};

/// Where a viewer or a segment can begin: at the PAT before a random-access point.
struct IngestCut {
    std::int64_t position = 0; ///< bytes of the stream before it (all extents together)
    std::int64_t pts_90k = 0;  ///< of the random-access point, 33 bits
};
/// Where an access unit begins (a picture; without video, a PES of the audio): where a part of a
/// segment can.
struct IngestUnit {
    std::int64_t position = 0; ///< as IngestCut's
    std::int64_t dts_90k = 0;  ///< 33 bits
};
/// Of one part; more of them come with the next.
inline constexpr std::size_t k_max_ingest_units = 64;
/// Payloads of a numbered stream (RTP) that follow each other.
struct IngestRun {
    std::int64_t sequence = 0; ///< of the first, 16 bits
    std::int64_t count = 0;
    std::int64_t packets = 0; ///< TS packets of each, 1 to 7
};
/// child -> parent: `bytes` more bytes of TS, whole packets, lie in `extent` from `offset` on. Sent
/// as often as the hub wishes (IngestPace) while there are any; parts of one stream follow each
/// other without a gap.
struct IngestPart {
    std::int64_t stream = 0;
    std::int64_t extent = 0;
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
    std::int64_t received_us = 0;    ///< CLOCK_MONOTONIC of the first packet
    std::vector<IngestCut> cuts;     ///< may lie a little before this part
    std::vector<IngestUnit> units{}; ///< may lie before this part
    std::vector<IngestRun> runs{};   ///< what the bytes are, in their order; empty: plain TS
};
/// Of one part: what fits a message beside the cuts.
inline constexpr std::size_t k_max_ingest_runs = 256;
/// child -> parent, once a second.
struct IngestStats {
    std::int64_t stream = 0;
    std::int64_t rate_bps = 0;
    std::int64_t rtt_us = 0;
    std::int64_t lost_packets = 0;
    std::int64_t dropped_packets = 0;
};
/// child -> parent: the publisher is gone or was closed; no more parts of this stream.
struct IngestClosed {
    std::int64_t stream = 0;
    std::string reason; ///< "lost", "ended", "withdrawn", "over_rate", "replaced", "busy" …
};
/// child -> parent: a handshake was refused (at most ten a second are told).
struct IngestRefused {
    std::string reason; ///< as the SRT rejection code's name: too_early, ended, bad_ticket, busy …
    std::string peer;
    std::int64_t count = 1; ///< how many of this reason since the last such message
};

/// child -> parent: a preflight was admitted; `stream` is a fresh number as IngestOpened's. It is
/// given no extent: nothing of it is kept.
struct IngestPreflight {
    std::int64_t stream = 0;
    base::Id reservation;
    std::string peer;
};
/// child -> parent: it is over. What came of it, as the child measured it.
struct IngestPreflightDone {
    std::int64_t stream = 0;
    std::string reason; ///< "ended", "lost", "withdrawn", "over_rate", "replaced" …
    std::int64_t duration_ms = 0;
    std::int64_t bytes = 0; ///< of TS
    std::int64_t rtt_us = 0;
    std::int64_t lost_packets = 0;
    std::int64_t dropped_packets = 0;
};

using IngestMessage =
    std::variant<IngestSetup, IngestClock, IngestPace, IngestAdmit, IngestWithdraw, IngestExtent,
                 IngestOpened, IngestNeedExtent, IngestPart, IngestStats, IngestClose, IngestClosed,
                 IngestRefused, IngestPreflight, IngestPreflightDone>;

[[nodiscard]] std::string write_ingest(const IngestMessage &message);
[[nodiscard]] base::Result<IngestMessage> read_ingest(std::string_view text);

} // namespace wire
