// The HLS playlist's text (RFC 8216), the same bytes for every viewer.
#pragma once

#include "relay/segmenter.hpp"

#include <string>
#include <string_view>

namespace relay {

/// The media playlist of what @p segmenter lists, or empty before its first segment. @p ended adds
/// EXT-X-ENDLIST. @p tag is in every segment's name: see segment_name().
[[nodiscard]] std::string make_playlist(const Segmenter &segmenter, std::string_view tag,
                                        bool ended);

/// The same for low latency (RFC 8216bis): with the parts of the last two segments and of the open
/// one, and a hint at the next. @p skip: a delta update, or empty when nothing is old
/// enough to be skipped. Empty before the first segment.
[[nodiscard]] std::string make_low_latency_playlist(const Segmenter &segmenter,
                                                    std::string_view tag, bool ended, bool skip);

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
