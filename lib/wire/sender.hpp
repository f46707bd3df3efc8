// Messages between carrier-connect, the sender and push-stream's reader, over seqpacket sockets.
#pragma once

#include "resv/window.hpp"
#include "wire/settings.hpp"

#include <variant>

namespace wire {

/// One way to the relay. carrier-connect has made the route before it sends this.
struct SenderPath {
    std::string carrier;
    std::string interface;
    std::string source4; ///< the carrier's own address, IPv4 literal or empty
    std::string source6;
    Endpoint relay;
    std::string ticket;     ///< a secret
    std::string passphrase; ///< a secret
    std::int64_t pbkeylen = 16;
    std::int64_t latency_ms = 120;
    bool fit = true; ///< its interface is up, has a line and an address
    bool operator==(const SenderPath &) const = default;
};

/// carrier-connect -> sender: the whole of what it should do now. A later plan replaces the
/// earlier one; the sender acts on the difference. No paths: close the connection and wait.
struct SenderPlan {
    std::int64_t number = 0; ///< rises with each; the sender's status says which one it has
    base::Id reservation;
    resv::Window window;
    std::int64_t clock_offset_ms = 0; ///< control's clock minus CLOCK_MONOTONIC
    base::BitRate max_rate;
    std::vector<std::string> codecs;
    std::int64_t max_gop_s = 4;
    std::vector<SenderPath> paths;  ///< those that are up, by preference
    std::int64_t lines = 1;         ///< carriers of the settings that this terminal has
    bool cancelled = false;         ///< the reservation is over before its end: stop now
    std::string preflight_ticket{}; ///< a secret; empty: there is none
    bool operator==(const SenderPlan &) const = default;
};

/// sender -> reader (push-stream), once after the plan and again when the window or clock changes.
struct SenderHello {
    base::Id reservation;
    resv::Window window;
    std::int64_t clock_offset_ms = 0; ///< as in the plan
    base::BitRate max_rate;
    std::vector<std::string> codecs;
    std::int64_t max_gop_s = 4;
    bool preflight = false; ///< the plan has a ticket for one
    std::int64_t lines = 1; ///< carriers that the media could go over
};

/// One of the sender's connections.
struct SenderPathStatus {
    std::string carrier;
    std::string interface;
    std::string state;   ///< as SenderStatus's
    bool active = false; ///< media goes over it
    std::int64_t rate_bps = 0;
    std::int64_t rtt_us = 0;
    std::int64_t lost_packets = 0;
    std::int64_t retransmitted_packets = 0;
};

/// sender -> reader and carrier-connect, once a second and at every change of state;
/// every 100 ms while the line does not keep up.
struct SenderStatus {
    std::int64_t plan = 0;  ///< the number of the plan that it acts on
    std::string state;      ///< waiting, connecting, live, lost, ended, refused
    std::string carrier;    ///< empty when none
    std::string interface;  ///< the carrier's, empty when none
    std::string detail;     ///< why, when lost or refused
    std::int64_t bytes = 0; ///< of TS, sent so far
    std::int64_t rate_bps = 0;
    std::int64_t rtt_us = 0;       ///< of the path that the media goes over
    std::int64_t queue_ms = 0;     ///< of media that waits to be sent or to be acknowledged over it
    std::int64_t lost_packets = 0; ///< these are of all paths together
    std::int64_t retransmitted_packets = 0;
    std::int64_t dropped_packets = 0;
    std::int64_t reconnects = 0;
    std::string use;                       ///< single, failover, redundant
    std::int64_t moves = 0;                ///< of the media from one path to another
    std::vector<SenderPathStatus> paths{}; ///< by preference
};

/// reader -> sender: TS follows on the descriptor that comes with this message. A preflight is
/// sent at once, whatever the window, with the ticket for that, and filled up to the reserved rate.
struct SenderSource {
    bool preflight = false;
    std::string use{}; ///< of the paths: single, failover, redundant; empty: as the plan has lines
};
/// reader -> sender: the input is at its end; close when what is queued is out.
struct SenderFinish {};

using SenderMessage =
    std::variant<SenderPlan, SenderHello, SenderStatus, SenderSource, SenderFinish>;

/// As status records carry it, too.
[[nodiscard]] Json to_json(const std::vector<SenderPathStatus> &paths);
[[nodiscard]] std::string write_message(const SenderMessage &message);
[[nodiscard]] base::Result<SenderMessage> read_message(std::string_view text);

/// The environment variable that names the descriptor of the reader's socket to the sender, set by
/// `carrier-connect exec` for its COMMAND. It is a number, not a secret.
inline constexpr const char *k_sender_fd_variable = "SLOTCAST_SENDER_FD";

} // namespace wire
