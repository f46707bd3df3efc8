// The HLS playlist's text (RFC 8216), the same bytes for every viewer.
#pragma once

#include "relay/segmenter.hpp"

#include <span>
#include <string>
#include <string_view>

namespace relay {

/// What a playlist says.
struct Listing {
    std::span<const Segment> segments; ///< oldest first, without holes
    std::int64_t target_s = 0;
    std::string_view tag;   ///< in the name of each that has none of its own: see segment_name()
    bool ended = false;     ///< EXT-X-ENDLIST
    bool on_demand = false; ///< and nothing of it will ever change
};

/// The media playlist, or empty when there is no segment.
[[nodiscard]] std::string make_playlist(const Listing &listing);

/// The same for low latency (RFC 8216bis): with the parts of the last two segments and of the open
/// one, which @p segmenter has, and a hint at the next. @p skip: a delta update, or empty when
/// nothing is old enough to be skipped.
[[nodiscard]] std::string make_low_latency_playlist(const Listing &listing,
                                                    const Segmenter &segmenter, bool skip);

/// `SEQUENCE.INDEX-TAG.ts`: a part's name, and back.
[[nodiscard]] std::string part_name(std::int64_t sequence, std::int64_t index,
                                    std::string_view tag);
[[nodiscard]] std::optional<std::pair<std::int64_t, std::int64_t>>
parse_part_name(std::string_view name, std::string_view tag);

/// `SEQUENCE-TAG.ts`. The tag differs between runs of the relay, for a name is cached for ever.
[[nodiscard]] std::string segment_name(std::int64_t sequence, std::string_view tag);

/// The sequence number in @p name, when it is a name with @p tag in its one spelling.
[[nodiscard]] std::optional<std::int64_t> parse_segment_name(std::string_view name,
                                                             std::string_view tag);

} // namespace relay
