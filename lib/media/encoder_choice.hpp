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

/// The name of the encoder's element in encoder_chain(); its property `bitrate`, kbit/s, may be
/// changed while it runs.
inline constexpr std::string_view k_encoder_name = "pictures";

/// From raw pictures of the plan's size to what a multiplexer takes, in gst-launch-1.0's words.
[[nodiscard]] std::string encoder_chain(const VideoEncoder &encoder, const EncodePlan &plan,
                                        std::string_view x26x_preset);

/// What sound is encoded to: aac, or opus where that alone is allowed. A player that has no
/// decoder of its own for Opus (hls.js) plays it without sound.
[[nodiscard]] std::string_view choose_sound_codec(std::span<const std::string> codecs);
/// From raw sound, 48 kHz, to what a multiplexer takes. @p aac_element: the encoder of AAC.
[[nodiscard]] std::string sound_chain(std::string_view codec, std::string_view aac_element,
                                      const EncodePlan &plan);

/// For people: H.264, H.265, AAC, Opus.
[[nodiscard]] std::string_view codec_title(std::string_view codec);

} // namespace media
