#include "media/encode_plan.hpp"

#include <algorithm>
#include <array>

namespace media {

namespace {

// The tallest picture worth its bits, for moving pictures at 25 to 30 a second.
struct Step {
    std::int64_t below_bps;
    int height;
};
constexpr std::array<Step, 4> k_heights{
    {{400'000, 180}, {900'000, 288}, {2'500'000, 432}, {6'000'000, 720}}};
constexpr int k_full_height = 1080;
constexpr double k_max_fps = 60.0;

int even(double n) {
    return std::max(2, static_cast<int>(n / 2.0 + 1e-6) * 2);
}

PictureFormat fit(const PictureFormat &source, std::int64_t rate) {
    int limit = k_full_height;
    for (const Step &step : k_heights)
        if (rate < step.below_bps) {
            limit = step.height;
            break;
        }
    PictureFormat out = source;
    if (out.width <= 0 || out.height <= 0)
        out = {640, 360, out.fps_numerator, out.fps_denominator};
    const double scale = std::min(1.0, static_cast<double>(limit) / out.height);
    out.width = even(out.width * scale);
    out.height = even(out.height * scale);
    const double fps = out.fps_denominator > 0
                           ? static_cast<double>(out.fps_numerator) / out.fps_denominator
                           : 0.0;
    if (fps < 1.0 || fps > k_max_fps) {
        out.fps_numerator = 30;
        out.fps_denominator = 1;
    }
    return out;
}

// What a TS adds to its elementary streams. A PES starts a packet and leaves on average half of its
// last one empty; an AAC frame of up to 160 bytes takes one packet, of up to 340 bytes two.
constexpr double k_packet_bits = 188 * 8;
constexpr double k_packet_share = 188.0 / 184.0;
constexpr double k_tables_bps = 3 * 10 * k_packet_bits + 25 * k_packet_bits; // PSI and lone PCRs
constexpr double k_pes_bits = 120 * 8;
constexpr double k_aac_frames = 48'000.0 / 1024.0;
constexpr std::int64_t k_small_rate = 600'000;
constexpr double k_margin = 0.93; // an encoder meets its rate only about
constexpr int k_least_video_kbps = 32;

} // namespace

int picture_kbps(base::BitRate max_rate, const EncodePlan &plan) {
    const double fps =
        static_cast<double>(plan.picture.fps_numerator) / plan.picture.fps_denominator;
    const double audio = k_aac_frames * k_packet_bits * (plan.audio_channels == 1 ? 1.1 : 2.2);
    const double video =
        (static_cast<double>(max_rate.bps) * k_margin - audio - k_tables_bps - fps * k_pes_bits) /
        k_packet_share;
    return std::max(k_least_video_kbps, static_cast<int>(video / 1000.0));
}

EncodePlan plan_encoding(base::BitRate max_rate, std::int64_t max_gop_s,
                         const PictureFormat &source) {
    EncodePlan plan;
    plan.picture = fit(source, max_rate.bps);
    const double fps =
        static_cast<double>(plan.picture.fps_numerator) / plan.picture.fps_denominator;
    const std::int64_t gop_s = std::clamp<std::int64_t>(max_gop_s, 1, k_key_frame_seconds);
    plan.key_frame_distance = std::max(1, static_cast<int>(fps * static_cast<double>(gop_s)));
    const bool small = max_rate.bps < k_small_rate;
    plan.audio_channels = small ? 1 : 2;
    plan.audio_bps = small ? 48'000 : 112'000;
    plan.video_kbps = picture_kbps(max_rate, plan);
    return plan;
}

} // namespace media
