// One picture of a transport stream as a JPEG. It decodes what strangers send: for a process of its
// own, that may do nothing else.
#pragma once

#include "base/result.hpp"

#include <functional>

namespace media {

/// Decodes the first picture of the H.264, H.265 or MPEG-2 video in the file @p in (from its begin,
/// at most 16 MiB) and writes it to @p out, at most 1280 x 720 with square pixels. Nothing is
/// written on failure. no_input: there is no such video, or no picture that can be decoded;
/// unavailable: GStreamer or a plugin of it is not there. Changes the environment: call it once,
/// before there are threads. @p confine is called when all code is loaded and nothing of the media
/// has been decoded: what it forbids then must leave memory, threads, and reading and writing what
/// is open.
[[nodiscard]] base::Result<void> write_still(int in, int out,
                                             const std::function<base::Result<void>()> &confine);

} // namespace media
