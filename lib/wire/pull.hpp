// Messages between relay-serve and its unprivileged SRT-out child, over a seqpacket socket. The
// child is not trusted: relay-serve checks what it reports.
#pragma once

#include "wire/settings.hpp"

#include <variant>

namespace wire {

/// parent -> child, first and once.
struct PullSetup {
    Endpoint listen;
    std::int64_t latency_ms = 120;
};
/// parent -> child: an event that viewers may ask for, or how it is now. The child decides about
/// callers by these alone.
struct PullEvent {
    std::int64_t event = 0; ///< the parent's number for it
    std::string vid;
    std::string token_key; ///< of the tokens that viewers have to show, a secret; empty: of none
    std::string refuse;    ///< name of the PullRefusal that all get now; empty: they may come
};
/// parent -> child: it is gone, and its viewers with it.
struct PullForget {
    std::int64_t event = 0;
};
/// parent -> child, with the memfd, which can only be read: media of this event will lie there.
struct PullExtent {
    std::int64_t event = 0;
    std::int64_t extent = 0;
    std::int64_t bytes = 0;
};
/// parent -> child: no media will lie there any more that a viewer may want.
struct PullDrop {
    std::int64_t event = 0;
    std::int64_t extent = 0;
};
/// parent -> child: the bytes [begin, end) of the event's media, whole TS packets that follow those
/// of the last such message, lie in `extent` from `offset` on. Sent only while the event has
/// viewers; when `begin` is not the last one's `end`, what was known before is void.
struct PullMedia {
    std::int64_t event = 0;
    std::int64_t extent = 0;
    std::int64_t offset = 0;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t newest_cut = -1;  ///< where a viewer begins
    std::int64_t window_begin = 0; ///< who is behind it is too slow
};
/// parent -> child: nothing follows; its viewers go when they have all of it.
struct PullEnd {
    std::int64_t event = 0;
};
/// parent -> child: close it; PullClosed answers, unless it is gone already.
struct PullClose {
    std::int64_t session = 0;
};

/// child -> parent: a viewer has come; `session` is a fresh number, larger than all before.
struct PullOpened {
    std::int64_t session = 0;
    std::int64_t event = 0;
    std::string peer;
};
/// child -> parent, a few times a second: since the last such message.
struct PullSent {
    std::int64_t session = 0;
    std::int64_t bytes = 0;
    std::int64_t moves = 0; ///< to the newest cut, because he was too slow
};
/// child -> parent: a viewer has gone.
struct PullClosed {
    std::int64_t session = 0;
    bool slow = false; ///< he was dropped for it
};
/// child -> parent: callers who were refused since the last such message.
struct PullRefused {
    std::string reason; ///< name of a PullRefusal
    std::int64_t count = 1;
};

using PullMessage = std::variant<PullSetup, PullEvent, PullForget, PullExtent, PullDrop, PullMedia,
                                 PullEnd, PullClose, PullOpened, PullSent, PullClosed, PullRefused>;

[[nodiscard]] std::string write_pull(const PullMessage &message);
[[nodiscard]] base::Result<PullMessage> read_pull(std::string_view text);

/// SRT rejection codes that a viewer sees, beside those of publishers (IngestRefusal); see
/// relay-serve(8).
enum class PullRefusal {
    bad_request = 2011, ///< not a stream id that asks for something
    not_found = 2012,   ///< there is no such event
    too_early = 2013,   ///< more than ten minutes before it opens
    over = 2014,        ///< it has ended
    password = 2015,    ///< no token, or none of the event's
    full = 2016,        ///< all reserved places are taken
    wrong_use = 2017,   ///< wants to publish
};
[[nodiscard]] std::string_view name(PullRefusal refusal);
[[nodiscard]] std::optional<PullRefusal> pull_refusal(std::string_view name);

} // namespace wire
