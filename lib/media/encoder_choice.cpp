#include "media/encoder_choice.hpp"

#include <algorithm>
#include <array>

namespace media {

using base::Errc;
using base::fail_hint;
using base::Result;

namespace {

// In order of preference. {} of the properties are kbit/s and pictures from key frame to key frame.
struct Row {
    VideoEncoder encoder;
    std::string_view properties;
};
constexpr std::array k_rows{
    Row{{"vah264enc", "h264", true}, "rate-control=cbr bitrate={} key-int-max={} b-frames=0"},
    Row{{"vaapih264enc", "h264", true}, "rate-control=cbr bitrate={} keyframe-period={}"},
    Row{{"nvh264enc", "h264", true}, "rc-mode=cbr zerolatency=true bitrate={} gop-size={}"},
    Row{{"qsvh264enc", "h264", true}, "rate-control=cbr bitrate={} gop-size={} b-frames=0"},
    Row{{"x264enc", "h264", false}, "bitrate={} key-int-max={}"},
    Row{{"vah265enc", "h265", true}, "rate-control=cbr bitrate={} key-int-max={} b-frames=0"},
    Row{{"vaapih265enc", "h265", true}, "rate-control=cbr bitrate={} keyframe-period={}"},
    Row{{"nvh265enc", "h265", true}, "rc-mode=cbr zerolatency=true bitrate={} gop-size={}"},
    Row{{"qsvh265enc", "h265", true}, "rate-control=cbr bitrate={} gop-size={} b-frames=0"},
    Row{{"x265enc", "h265", false}, "bitrate={} key-int-max={}"},
};

bool fits(const VideoEncoder &encoder, std::string_view wish) {
    if (wish == "auto")
        return true;
    if (wish == "hardware")
        return encoder.hardware;
    if (wish == "x264" || wish == "x265")
        return encoder.element.substr(0, 4) == wish;
    return encoder.element == wish;
}

} // namespace

Result<VideoEncoder> choose_video_encoder(std::string_view wish,
                                          std::span<const std::string> codecs,
                                          const std::function<bool(std::string_view)> &present) {
    const auto allowed = [&](const VideoEncoder &encoder) {
        return std::ranges::find(codecs, encoder.codec) != codecs.end();
    };
    bool known = false;
    bool may = false;
    for (const Row &row : k_rows) {
        if (!fits(row.encoder, wish))
            continue;
        known = true;
        if (!allowed(row.encoder))
            continue;
        may = true;
        if (present(row.encoder.element))
            return row.encoder;
    }
    if (!known && wish.find("av1") != std::string_view::npos)
        return fail_hint(
            Errc::usage, "auto, x264, x265 or hardware; an input of AV1 is encoded anew",
            "--encoder {}: no transport stream carries AV1 here: GStreamer's mpegtsmux "
            "does not take it",
            wish);
    if (!known)
        return fail_hint(Errc::usage, "auto, x264, x265, hardware, or an element such as vah264enc",
                         "--encoder '{}': not known", wish);
    if (!may)
        return fail_hint(Errc::usage, "resv-store get ID shows the codecs (stream.codecs)",
                         "--encoder {}: the reservation does not allow what it makes", wish);
    return fail_hint(Errc::unavailable, "gst-inspect-1.0 lists the encoders that are there",
                     "--encoder {}: none is installed", wish);
}

std::string encoder_chain(const VideoEncoder &encoder, const EncodePlan &plan,
                          std::string_view x26x_preset) {
    const auto row =
        std::ranges::find(k_rows, encoder.element, [](const Row &r) { return r.encoder.element; });
    const std::string rate =
        fmt::format(fmt::runtime(row->properties), plan.video_kbps, plan.key_frame_distance);
    const std::string_view parse = encoder.codec == "h264" ? "h264parse" : "h265parse";
    if (encoder.element == "x264enc")
        return fmt::format(
            "x264enc name={} tune=zerolatency speed-preset={} {} vbv-buf-capacity={} ! "
            "video/x-h264,profile=main ! {} config-interval=-1",
            k_encoder_name, x26x_preset, rate, plan.vbv_ms, parse);
    if (encoder.element == "x265enc") // its own way to say how much may come at once
        return fmt::format("x265enc name={} tune=zerolatency speed-preset={} {} log-level=none "
                           "option-string=vbv-maxrate={}:vbv-bufsize={} ! "
                           "video/x-h265,profile=main ! {} config-interval=-1",
                           k_encoder_name, x26x_preset, rate, plan.video_kbps,
                           std::max(1, plan.video_kbps * plan.vbv_ms / 1000), parse);
    return fmt::format("{} name={} {} ! {} config-interval=-1", encoder.element, k_encoder_name,
                       rate, parse);
}

std::string sound_chain(std::string_view codec, std::string_view aac_element,
                        const EncodePlan &plan) {
    if (codec == "opus")
        return fmt::format("opusenc bitrate={} ! opusparse", plan.audio_bps);
    return fmt::format("{} bitrate={} ! aacparse", aac_element, plan.audio_bps);
}

std::string_view choose_sound_codec(std::span<const std::string> codecs) {
    const auto allowed = [&](std::string_view codec) {
        return std::ranges::find(codecs, codec) != codecs.end();
    };
    return !allowed("aac") && allowed("opus") ? "opus" : "aac";
}

std::string_view codec_title(std::string_view codec) {
    static constexpr std::array k_titles{std::pair{"h264", "H.264"}, std::pair{"h265", "H.265"},
                                         std::pair{"aac", "AAC"}, std::pair{"opus", "Opus"}};
    for (const auto &[name, title] : k_titles)
        if (codec == name)
            return title;
    return codec;
}

} // namespace media
