// Which callers of the SRT-out address may come: what libsrt's thread looks at. Pure.
#pragma once

#include "wire/pull.hpp"

#include <expected>
#include <map>

namespace relay {

/// What a stream id asks for.
struct PullRequest {
    std::string_view vid;
    std::string_view token; ///< empty: none is shown
};

/// `#!::m=request,r=VID[,s=TOKEN]` (SRT Access Control; the mode may be left out, other keys are
/// passed over), or the bare VID.
[[nodiscard]] std::expected<PullRequest, wire::PullRefusal>
parse_pull_request(std::string_view stream_id);

/// The events by VID, as the parent told of them.
using PullTable = std::map<std::string, wire::PullEvent, std::less<>>;

/// The number of the event that @p stream_id may have, or why not. Whether it is there is said only
/// to those who show what it takes.
[[nodiscard]] std::expected<std::int64_t, wire::PullRefusal> decide_pull(std::string_view stream_id,
                                                                         const PullTable &table);

} // namespace relay
