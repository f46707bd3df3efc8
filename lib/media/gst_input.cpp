#include "media/gst_input.hpp"

#include "base/clock.hpp"
#include "media/encode_plan.hpp"
#include "media/gst_branch.hpp"
#include "media/gst_feeder.hpp"
#include "media/gst_pipeline.hpp"
#include "media/time_code.hpp"

#include <gst/gst.h>
#include <optional>

namespace media {

using base::Errc;
using base::Result;

Result<void> check_encoder(const StreamTerms &terms) {
    TRY(start_gstreamer());
    TRY(video_encoder(terms));
    return {};
}

namespace {

// Until then a pipeline that starts may have no thread yet.
constexpr std::chrono::seconds k_at_rest{2};

class MediaInput final : public TsInput {
  public:
    MediaInput(std::unique_ptr<GstPipeline> pipeline, StreamTerms terms,
               std::unique_ptr<GstFeeder> feeder)
        : m_pipeline(std::move(pipeline)), m_feeder(std::move(feeder)) {
        m_branches.emplace(*m_pipeline, std::move(terms));
    }

    Result<void> attach(_GstElement *source) {
        _GstElement *parser = TRY(m_pipeline->add("parsebin"));
        m_branches->follow(parser);
        if (gst_element_link(source, parser) == FALSE)
            return base::fail(Errc::bug, "{}: parsebin does not link", m_pipeline->input());
        return {};
    }

    Result<void> prepare() override { return m_pipeline->pause(); }
    Result<void> start() override {
        TRY(m_pipeline->play());
        if (m_feeder)
            TRY(m_feeder->start());
        return {};
    }
    [[nodiscard]] int fd() const override { return m_pipeline->fd(); }
    Result<State> read(std::vector<std::uint8_t> &into) override {
        const State state = TRY(m_pipeline->read(into));
        if (state == State::nothing_yet)
            TRY(check_alive());
        return state;
    }
    [[nodiscard]] bool encodes() const override { return m_branches->encodes(); }
    void hold_to(base::BitRate rate) override { m_branches->hold_to(rate); }
    [[nodiscard]] GstBranches &branches() { return *m_branches; }

  private:
    // A demuxer's error that comes while parsebin still tries it is lost (1.22): parsebin tries
    // another one, which finds the input at its end and says nothing.
    Result<void> check_alive() {
        if (m_branches->any() || !m_pipeline->at_rest()) {
            m_at_rest_since.reset();
            return {};
        }
        const auto now = base::SystemClock{}.steady();
        m_at_rest_since = m_at_rest_since.value_or(now);
        if (now - *m_at_rest_since < k_at_rest)
            return {};
        return base::fail_hint(Errc::bad_data,
                               "ffprobe shows what the input is; ffmpeg may be able to repair it",
                               "{}: no stream could be found in it", m_pipeline->input());
    }

    std::optional<base::SteadyTime> m_at_rest_since;
    // They end from the last to the first: the pipeline's threads call the branches.
    std::optional<GstBranches> m_branches;
    std::unique_ptr<GstPipeline> m_pipeline;
    std::unique_ptr<GstFeeder> m_feeder;
};

// A transport stream of any input, all of it encoded anew.
class Transcoder final : public TsInput {
  public:
    Transcoder(std::unique_ptr<MediaInput> encoded, bool live)
        : m_encoded(std::move(encoded)), m_live(live) {}
    Result<void> prepare() override { return m_encoded->prepare(); }
    Result<void> start() override { return m_encoded->start(); }
    [[nodiscard]] int fd() const override { return m_encoded->fd(); }
    Result<State> read(std::vector<std::uint8_t> &into) override { return m_encoded->read(into); }
    [[nodiscard]] bool live() const override { return m_live; }
    [[nodiscard]] bool encodes() const override { return true; }
    void hold_to(base::BitRate rate) override { m_encoded->hold_to(rate); }

  private:
    std::unique_ptr<MediaInput> m_encoded;
    bool m_live;
};

class TestInput final : public TsInput {
  public:
    TestInput(std::unique_ptr<GstPipeline> pipeline, const EncodePlan &plan)
        : m_pipeline(std::move(pipeline)), m_plan(plan) {}
    Result<void> prepare() override { return m_pipeline->pause(); }
    Result<void> start() override { return m_pipeline->play(); }
    [[nodiscard]] int fd() const override { return m_pipeline->fd(); }
    Result<State> read(std::vector<std::uint8_t> &into) override { return m_pipeline->read(into); }
    [[nodiscard]] bool live() const override { return true; }
    [[nodiscard]] bool encodes() const override { return true; }
    void hold_to(base::BitRate rate) override {
        m_pipeline->set_picture_rate(std::min(m_plan.video_kbps, picture_kbps(rate, m_plan)));
    }

  private:
    std::unique_ptr<GstPipeline> m_pipeline;
    EncodePlan m_plan;
};

// Into each picture, when it is made. Luma comes first in I420 and NV12, in lines of whole words.
GstPadProbeReturn put_time(GstPad *, GstPadProbeInfo *info, gpointer of) {
    const auto &picture = *static_cast<const PictureFormat *>(of);
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    GstMapInfo map{};
    if (gst_buffer_map(buffer, &map, GST_MAP_READWRITE) == FALSE)
        return GST_PAD_PROBE_OK;
    const auto width = static_cast<std::size_t>(picture.width);
    const auto height = static_cast<std::size_t>(picture.height);
    const std::size_t stride = (width + 3) / 4 * 4;
    if (map.size >= stride * height * 3 / 2)
        draw_time_code({map.data, map.size}, width, height, stride, base::SystemClock{}.now());
    gst_buffer_unmap(buffer, &map);
    return GST_PAD_PROBE_OK;
}

void add_time_code(_GstElement *video, const PictureFormat &picture) {
    GstElement *element = gst_bin_get_by_name(GST_BIN(video), "made");
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, put_time, new PictureFormat(picture),
                      [](gpointer of) { delete static_cast<PictureFormat *>(of); });
    gst_object_unref(pad);
    gst_object_unref(element);
}

} // namespace

Result<std::unique_ptr<TsInput>> open_media_file(const std::string &path,
                                                 const StreamTerms &terms) {
    auto pipeline = TRY(GstPipeline::make(path));
    _GstElement *source = TRY(pipeline->add("filesrc"));
    g_object_set(source, "location", path.c_str(), nullptr);
    auto out = std::make_unique<MediaInput>(std::move(pipeline), terms, nullptr);
    TRY(out->attach(source));
    return out;
}

Result<std::unique_ptr<TsInput>> open_media_stream(int fd, std::string name,
                                                   std::vector<std::uint8_t> head,
                                                   const StreamTerms &terms) {
    auto pipeline = TRY(GstPipeline::make(std::move(name)));
    _GstElement *source = TRY(pipeline->add("appsrc"));
    auto bytes = bytes_of(fd, {}, pipeline->input());
    auto feeder = std::make_unique<GstFeeder>(*pipeline, source, std::move(bytes), std::move(head));
    auto out = std::make_unique<MediaInput>(std::move(pipeline), terms, std::move(feeder));
    TRY(out->attach(source));
    return out;
}

Result<std::unique_ptr<TsInput>> open_transcoder(std::unique_ptr<TsInput> from, std::string name,
                                                 std::vector<std::uint8_t> head, base::Millis skip,
                                                 const StreamTerms &terms) {
    const bool live = from->live();
    auto pipeline = TRY(GstPipeline::make(std::move(name)));
    _GstElement *source = TRY(pipeline->add("appsrc"));
    auto feeder = std::make_unique<GstFeeder>(*pipeline, source, std::move(from), std::move(head));
    auto out = std::make_unique<MediaInput>(std::move(pipeline), terms, std::move(feeder));
    out->branches().encode_all();
    out->branches().leave_out_first(skip);
    TRY(out->attach(source));
    return std::make_unique<Transcoder>(std::move(out), live);
}

Result<std::unique_ptr<TsInput>> open_test_input(const StreamTerms &terms) {
    auto pipeline = TRY(GstPipeline::make("test:"));
    const EncodePlan plan = plan_encoding(terms.max_rate, terms.max_gop_s, {1280, 720, 25, 1});
    const VideoEncoder encoder = TRY(video_encoder(terms));
    const std::string clock = gst_has_element("clockoverlay")
                                  ? "clockoverlay time-format=\"%H:%M:%S\" font-desc=\"Sans 36\" ! "
                                    "timeoverlay halignment=right font-desc=\"Sans 36\" ! "
                                  : "";
    _GstElement *video = TRY(pipeline->add_described(fmt::format(
        "videotestsrc is-live=true pattern=smpte horizontal-speed=2 ! "
        "video/x-raw,format={},width={},height={},framerate={}/{} ! {}queue name=made ! "
        "{} ! queue",
        encoder.hardware ? "NV12" : "I420", plan.picture.width, plan.picture.height,
        plan.picture.fps_numerator, plan.picture.fps_denominator, clock,
        encoder_chain(encoder, plan, encoder.codec == "h264" ? "superfast" : "ultrafast"))));
    add_time_code(video, plan.picture);
    GstPad *pad = gst_element_get_static_pad(video, "src");
    mark_key_frames(pad);
    gst_object_unref(pad);
    TRY(pipeline->add_described(fmt::format(
        "audiotestsrc is-live=true freq=440 volume=0.1 samplesperbuffer=1024 ! "
        "audio/x-raw,rate=48000,channels={} ! queue ! {} ! queue",
        plan.audio_channels, sound_chain(choose_sound_codec(terms.codecs), aac_encoder(), plan))));
    return std::make_unique<TestInput>(std::move(pipeline), plan);
}

} // namespace media
