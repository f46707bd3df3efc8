// Which encoder makes the pictures: pure, from what may be sent and what is installed.
#pragma once

#include "base/result.hpp"
#include "media/encode_plan.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace media {

/// One that can be chosen, and the words of it.
struct VideoEncoder {
    std::string_view element; ///< GStreamer's name
    std::string_view codec;   ///< h264 or h265
    bool hardware;
};

/// The encoder for @p wish: `auto`, `x264`, `x265`, `hardware`, or an element's name. By itself it
/// is hardware that is there, else x264, else x265: the first whose codec is in @p codecs.
/// @p present tells whether an element is installed. Errors: usage, @p wish is not known or its
/// codec is not allowed; unavailable, it is not installed.
[[nodiscard]] base::Result<VideoEncoder>
choose_video_encoder(std::string_view wish, std::span<const std::string> codecs,
                     const std::function<bool(std::string_view)> &present);

/// From raw pictures of the plan's size to what a multiplexer takes, in gst-launch-1.0's words.
[[nodiscard]] std::string encoder_chain(const VideoEncoder &encoder, const EncodePlan &plan,
                                        std::string_view x26x_preset);

/// For people: H.264, H.265.
[[nodiscard]] std::string_view codec_title(std::string_view codec);

} // namespace media
