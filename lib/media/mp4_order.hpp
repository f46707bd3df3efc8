// Whether an MP4 file can be read from its beginning to its end, as a pipe has to be.
#pragma once

#include <cstdint>
#include <span>

namespace media {

enum class Mp4Order {
    unclear,   ///< more of it is needed
    streams,   ///< its index comes first, or it is no MP4
    index_last ///< media first: what they are is told behind them
};

/// Looks at the boxes at the beginning of a file (ISO/IEC 14496-12, 4.2).
[[nodiscard]] Mp4Order mp4_order(std::span<const std::uint8_t> head);

} // namespace media
