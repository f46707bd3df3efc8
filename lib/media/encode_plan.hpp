// How to encode so that the transport stream stays within its reserved rate.
#pragma once

#include "base/units.hpp"

#include <cstdint>

namespace media {

struct PictureFormat {
    int width = 0;
    int height = 0;
    int fps_numerator = 0; ///< 0: variable or unknown
    int fps_denominator = 1;
    bool operator==(const PictureFormat &) const = default;
};

struct EncodePlan {
    PictureFormat picture;      ///< never larger or faster than the source's; even sides
    int video_kbps = 0;         ///< of the elementary stream of the pictures
    int key_frame_distance = 0; ///< frames
    int audio_bps = 0;          ///< of the elementary stream of the sound
    int audio_channels = 2;
    int vbv_ms = 300; ///< what a picture may exceed the even flow by
};

/// Key frames come at least this often, or the reservation's own limit when that is shorter.
inline constexpr std::int64_t k_key_frame_seconds = 2;

/// A plan whose transport stream, packet headers, tables, PES headers and stuffing included, stays
/// under @p max_rate averaged over a second. The picture shrinks with the rate. A rate below about
/// 200 kbit/s leaves no room for both; the plan is then the least that can be, and exceeds it.
[[nodiscard]] EncodePlan plan_encoding(base::BitRate max_rate, std::int64_t max_gop_s,
                                       const PictureFormat &source);

/// What is left for the pictures of @p plan when the whole must stay under @p max_rate: kbit/s,
/// never less than an encoder takes.
[[nodiscard]] int picture_kbps(base::BitRate max_rate, const EncodePlan &plan);

} // namespace media
