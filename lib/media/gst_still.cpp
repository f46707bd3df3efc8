#include "media/gst_still.hpp"

#include "base/file.hpp"
#include "media/ts_scanner.hpp"

#include <array>
#include <cstdlib>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <memory>
#include <unistd.h>

#ifndef SLOTCAST_GST_PLUGINS
#define SLOTCAST_GST_PLUGINS "/usr/lib/gstreamer-1.0"
#endif

namespace media {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_most_media = std::size_t{16} << 20;
constexpr std::size_t k_most_jpeg = std::size_t{1} << 20;
constexpr GstClockTime k_patience = 8 * GST_SECOND;
// Only these, straight from their files: to look through all that are installed takes seconds.
constexpr auto k_plugins =
    std::to_array<const char *>({"coreelements", "app", "mpegtsdemux", "videoparsersbad", "libav",
                                 "videoconvertscale", "jpeg"});

struct Unref {
    void operator()(GstElement *element) const {
        gst_element_set_state(element, GST_STATE_NULL);
        gst_object_unref(element);
    }
    void operator()(GstSample *sample) const { gst_sample_unref(sample); }
};

// NOLINTBEGIN(concurrency-mt-unsafe): there are no threads yet, see the header
Result<void> start_with_few_plugins() {
    ::setenv("GST_PLUGIN_SYSTEM_PATH_1_0", "", 1);
    ::setenv("GST_PLUGIN_PATH_1_0", "", 1);
    ::setenv("GST_REGISTRY", "/nonexistent/registry", 1);
    ::setenv("GST_REGISTRY_FORK", "no", 1);
    ::setenv("ORC_CODE", "backup", 1); // compiles nothing: no memory is written and run
    // NOLINTEND(concurrency-mt-unsafe)
    GError *error = nullptr;
    const auto fail = [&error](const std::string &what) {
        const std::string cause = error != nullptr ? error->message : "unknown cause";
        g_clear_error(&error);
        return base::fail_hint(Errc::unavailable, "install what make deps installs", "{}: {}", what,
                               cause);
    };
    if (gst_init_check(nullptr, nullptr, &error) == FALSE)
        return fail("start GStreamer");
    for (const char *name : k_plugins) {
        const std::string path = fmt::format("{}/libgst{}.so", SLOTCAST_GST_PLUGINS, name);
        GstPlugin *plugin = gst_plugin_load_file(path.c_str(), &error);
        if (plugin == nullptr)
            return fail("load " + path);
        gst_object_unref(plugin);
    }
    return {};
}

const char *decoder_of(TsCodec codec) {
    switch (codec) {
    case TsCodec::h264:
        return "h264parse ! avdec_h264";
    case TsCodec::h265:
        return "h265parse ! avdec_h265";
    case TsCodec::mpeg2_video:
        return "mpegvideoparse ! avdec_mpeg2video";
    default:
        return nullptr;
    }
}

Result<TsCodec> video_of(int in) {
    const std::string media = TRY(base::read_all(in, "the media", k_most_media));
    TsScanner scanner;
    scanner.feed({reinterpret_cast<const std::uint8_t *>(media.data()), media.size()});
    if (decoder_of(scanner.program().video) == nullptr)
        return base::fail(Errc::no_input, "no video that a picture is made of");
    if (::lseek(in, 0, SEEK_SET) != 0)
        return base::fail_errno("rewind", "the media");
    return scanner.program().video;
}

} // namespace

Result<void> write_still(int in, int out, const std::function<Result<void>()> &confine) {
    const TsCodec codec = TRY(video_of(in));
    TRY(start_with_few_plugins());
    const std::string description =
        fmt::format("fdsrc fd={} ! tsdemux ! {} max-threads=1 ! videoconvert ! videoscale ! "
                    "video/x-raw,width=[16,1280],height=[16,720],pixel-aspect-ratio=1/1 ! "
                    "jpegenc quality=80 ! appsink name=sink sync=false max-buffers=1",
                    in, decoder_of(codec));
    GError *error = nullptr;
    const std::unique_ptr<GstElement, Unref> pipeline{
        gst_parse_launch(description.c_str(), &error)};
    if (!pipeline) {
        const std::string cause = error != nullptr ? error->message : "unknown cause";
        g_clear_error(&error);
        return base::fail(Errc::unavailable, "decode a picture: {}", cause);
    }
    TRY(confine());
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink");
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const std::unique_ptr<GstSample, Unref> sample{
        gst_app_sink_try_pull_sample(GST_APP_SINK(sink), k_patience)};
    gst_object_unref(sink);
    GstBuffer *buffer = sample ? gst_sample_get_buffer(sample.get()) : nullptr;
    GstMapInfo map{};
    if (buffer == nullptr || gst_buffer_map(buffer, &map, GST_MAP_READ) == FALSE)
        return base::fail(Errc::no_input, "no picture could be decoded");
    auto done = map.size > k_most_jpeg
                    ? Result<void>{base::fail(Errc::bad_data, "the picture has {} bytes", map.size)}
                    : base::write_all(out, {reinterpret_cast<const char *>(map.data), map.size},
                                      "the picture");
    gst_buffer_unmap(buffer, &map);
    return done;
}

} // namespace media
