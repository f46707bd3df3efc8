// Inputs that GStreamer turns into a transport stream: media files and streams of any kind, and a
// test picture.
#pragma once

#include "base/fd.hpp"
#include "base/time.hpp"
#include "media/stream_terms.hpp"
#include "media/ts_input.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace media {

/// Whether the encoder that @p terms name can be used: see choose_video_encoder().
[[nodiscard]] base::Result<void> check_encoder(const StreamTerms &terms);

/// The file at @p path. The first video and the first audio are kept; what terms.codecs names is
/// remuxed as it is, anything else is decoded and encoded to H.264 or H.265 and AAC within
/// terms.max_rate. Yields as fast as it is read. Errors: bad_data, no media in it or broken;
/// unavailable, no decoder for it.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>> open_media_file(const std::string &path,
                                                                     const StreamTerms &terms);

/// The same from a descriptor that cannot be rewound, after @p head, which was read from it before.
/// Reads on from start() on; @p fd must stay open while the input lives.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>>
open_media_stream(int fd, std::string name, std::vector<std::uint8_t> head,
                  const StreamTerms &terms);

/// A transport stream from @p from that does not keep to @p terms, after @p head, which was read
/// from it before: all of it decoded and encoded, but for the first @p skip. @p from is prepared;
/// when there is no @p head it is started when this is. Live when @p from is. Another thread reads
/// @p from.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>>
open_transcoder(std::unique_ptr<TsInput> from, std::string name, std::vector<std::uint8_t> head,
                base::Millis skip, const StreamTerms &terms);

/// Raw pictures or sound from a descriptor, as @p caps describe them (GStreamer's words: media
/// type, format, size, rate). Encoded. @p owned keeps it open; empty for standard input.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>> open_raw_stream(int fd, base::Fd owned,
                                                                     std::string name,
                                                                     const std::string &caps,
                                                                     const StreamTerms &terms);
/// usage: these are none, or not enough.
[[nodiscard]] base::Result<void> check_raw_caps(const std::string &caps);

/// A pipeline in gst-launch-1.0's words, whose open ends yield media. A transport stream passes as
/// it is; of anything else the first video and the first audio are handled as those of a file.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>>
open_user_pipeline(const std::string &description, const StreamTerms &terms);
/// usage: it cannot be built; unavailable: an element is not installed.
[[nodiscard]] base::Result<void> check_user_pipeline(const std::string &description);

/// A moving test picture with the clock and the stream's time burnt in, and a tone, live.
[[nodiscard]] base::Result<std::unique_ptr<TsInput>> open_test_input(const StreamTerms &terms);

} // namespace media
