// The time, written into a picture so that a program can read it from what a viewer sees.
#pragma once

#include "base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace media {

/// The lowest sixteenth of a picture of at least 64 x 32, @p luma with @p stride bytes a line,
/// becomes 32 blocks of the same width, from the left: 24 bits, the highest first, of @p now in
/// milliseconds since 1970 (modulo 4.66 hours), then 8 bits: the exclusive or of the former three
/// bytes and 0x5a. 1 is white. A smaller picture, and one that is not all there, stays as it is.
void draw_time_code(std::span<std::uint8_t> luma, std::size_t width, std::size_t height,
                    std::size_t stride, base::UtcTime now);

} // namespace media
