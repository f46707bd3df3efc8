#include "media/gst_branch.hpp"

#include "base/log.hpp"
#include "media/encode_plan.hpp"
#include "media/gst_pipeline.hpp"

#include <gst/gst.h>
#include <string_view>

namespace media {

using base::Errc;
using base::fail;
using base::Result;

namespace {

using PadPtr = std::unique_ptr<GstPad, decltype(&gst_object_unref)>;
using CapsPtr = std::unique_ptr<GstCaps, decltype(&gst_caps_unref)>;

PadPtr static_pad(GstElement *element, const char *name) {
    return {gst_element_get_static_pad(element, name), gst_object_unref};
}

CapsPtr caps_of(GstPad *pad) {
    GstCaps *caps = gst_pad_get_current_caps(pad);
    if (caps == nullptr)
        caps = gst_pad_query_caps(pad, nullptr);
    return {caps, gst_caps_unref};
}

Result<void> link(GstPad *from, GstPad *to, std::string_view input) {
    if (const GstPadLinkReturn linked = gst_pad_link(from, to); linked != GST_PAD_LINK_OK)
        return fail(Errc::bad_data, "{}: {} does not link to {}", input,
                    GST_OBJECT_NAME(GST_OBJECT_PARENT(from)),
                    GST_OBJECT_NAME(GST_OBJECT_PARENT(to)));
    return {};
}

// Deep enough for streams that are badly interleaved, bounded all the same.
Result<GstElement *> add_queue(GstPipeline &pipeline) {
    GstElement *queue = TRY(pipeline.add("queue"));
    g_object_set(queue, "max-size-buffers", 0U, "max-size-bytes", 32U << 20U, "max-size-time",
                 5 * GST_SECOND, nullptr);
    return queue;
}

// Which codec name of the reservation these caps are, and the parser that makes them fit for a TS.
struct Passed {
    const char *codec;
    const char *parser;
};
std::optional<Passed> passable(const GstStructure *s) {
    const std::string_view name = gst_structure_get_name(s);
    if (name == "video/x-h264")
        return Passed{"h264", "h264parse"};
    if (name == "video/x-h265")
        return Passed{"h265", "h265parse"};
    const GValue *version = gst_structure_get_value(s, "mpegversion"); // a list of them is 2 and 4
    if (name == "audio/mpeg" && version != nullptr &&
        (!G_VALUE_HOLDS_INT(version) || g_value_get_int(version) == 2 ||
         g_value_get_int(version) == 4))
        return Passed{"aac", "aacparse"};
    if (name == "audio/x-opus")
        return Passed{"opus", "opusparse"};
    return std::nullopt;
}

PictureFormat picture_of(const GstCaps *caps) {
    PictureFormat out;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gst_structure_get_int(s, "width", &out.width);
    gst_structure_get_int(s, "height", &out.height);
    gst_structure_get_fraction(s, "framerate", &out.fps_numerator, &out.fps_denominator);
    gint pixel_width = 1;
    gint pixel_height = 1;
    if (gst_structure_get_fraction(s, "pixel-aspect-ratio", &pixel_width, &pixel_height) != FALSE &&
        pixel_height > 0)
        out.width = static_cast<int>(std::int64_t{out.width} * pixel_width / pixel_height);
    return out;
}

std::string video_chain(const EncodePlan &plan, const VideoEncoder &encoder) {
    const std::string_view format = encoder.hardware ? "NV12" : "I420";
    const std::string_view preset = encoder.codec == "h264" ? "veryfast" : "ultrafast";
    return fmt::format(
        "deinterlace ! videoconvert ! videoscale ! videorate skip-to-first=true ! "
        "video/x-raw,format={},width={},height={},framerate={}/{},pixel-aspect-ratio=1/1 ! {}",
        format, plan.picture.width, plan.picture.height, plan.picture.fps_numerator,
        plan.picture.fps_denominator, encoder_chain(encoder, plan, preset));
}

std::string audio_chain(const EncodePlan &plan, std::string_view codec) {
    return fmt::format("audioconvert ! audioresample ! audio/x-raw,rate=48000,channels={} ! {}",
                       plan.audio_channels, sound_chain(codec, aac_encoder(), plan));
}

// mpegtsmux repeats PAT and PMT before the picture that follows this event. Sent ahead of each key
// frame, so that a viewer or a segment that begins there has nothing of the picture before.
GstPadProbeReturn mark_key_frame(GstPad *pad, GstPadProbeInfo *info, gpointer /*data*/) {
    const GstBuffer *buffer = gst_pad_probe_info_get_buffer(info);
    if (buffer == nullptr || GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
        return GST_PAD_PROBE_OK;
    gst_pad_push_event(
        pad,
        gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                             gst_structure_new("GstForceKeyUnit", "timestamp", G_TYPE_UINT64,
                                               GST_CLOCK_TIME_NONE, "stream-time", G_TYPE_UINT64,
                                               GST_CLOCK_TIME_NONE, "running-time", G_TYPE_UINT64,
                                               GST_CLOCK_TIME_NONE, "all-headers", G_TYPE_BOOLEAN,
                                               TRUE, "count", G_TYPE_UINT, 0U, nullptr)));
    return GST_PAD_PROBE_OK;
}

// How much of a stream is left out, and where it began.
struct Skip {
    GstClockTime span = 0;
    GstClockTime first = GST_CLOCK_TIME_NONE;
};

GstPadProbeReturn skip_buffer(GstPad * /*pad*/, GstPadProbeInfo *info, gpointer data) {
    auto &skip = *static_cast<Skip *>(data);
    const GstBuffer *buffer = gst_pad_probe_info_get_buffer(info);
    if (buffer == nullptr || !GST_BUFFER_PTS_IS_VALID(buffer))
        return GST_PAD_PROBE_OK;
    if (skip.first == GST_CLOCK_TIME_NONE)
        skip.first = GST_BUFFER_PTS(buffer);
    return GST_BUFFER_PTS(buffer) < skip.first + skip.span ? GST_PAD_PROBE_DROP
                                                           : GST_PAD_PROBE_REMOVE;
}

void skip_first(GstPad *pad, base::Millis span) {
    auto *skip = new Skip{.span = static_cast<GstClockTime>(span.count()) * GST_MSECOND};
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, skip_buffer, skip,
                      [](gpointer data) { delete static_cast<Skip *>(data); });
}

} // namespace

void mark_key_frames(GstPad *pad) {
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, mark_key_frame, nullptr, nullptr);
}

Result<VideoEncoder> video_encoder(const StreamTerms &terms) {
    return choose_video_encoder(terms.encoder, terms.codecs, [](std::string_view element) {
        return gst_has_element(std::string(element).c_str());
    });
}

std::string aac_encoder() {
    for (const char *name : {"fdkaacenc", "avenc_aac"})
        if (gst_has_element(name))
            return name;
    return "voaacenc";
}

void GstBranches::follow(GstElement *parser) {
    g_signal_connect(parser, "pad-added", G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                         static_cast<GstBranches *>(self)->add(pad);
                     }),
                     this);
    g_signal_connect(parser, "no-more-pads", G_CALLBACK(+[](GstElement *, gpointer self) {
                         static_cast<GstBranches *>(self)->no_more();
                     }),
                     this);
}

void GstBranches::add(GstPad *pad) {
    m_any = true;
    const CapsPtr caps = caps_of(pad);
    if (auto done = add_stream(pad, caps.get()); !done)
        m_pipeline.fail(std::move(done).error());
}

void GstBranches::no_more() {
    if (!m_has_video && !m_has_audio)
        m_pipeline.fail({Errc::bad_data, m_pipeline.input() + ": there is no video or sound in it",
                         "ffprobe shows what the input is"});
}

Result<void> GstBranches::take(GstPad *pad, const GstCaps *caps) {
    m_any = true;
    if (gst_caps_is_any(caps) == FALSE && gst_caps_is_empty(caps) == FALSE)
        return add_stream(pad, caps);
    GstElement *parser = TRY(m_pipeline.add("parsebin"));
    follow(parser);
    TRY(link(pad, static_pad(parser, "sink").get(), m_pipeline.input()));
    gst_element_sync_state_with_parent(parser);
    return {};
}

Result<void> GstBranches::encode_raw(GstPad *pad, const GstCaps *caps, bool video) {
    m_any = true;
    (video ? m_has_video : m_has_audio) = true;
    GstPad *mux_pad = TRY(request_mux_pad());
    return encode_decoded({this, video, mux_pad}, pad, caps);
}

Result<void> GstBranches::add_stream(GstPad *pad, const GstCaps *caps) {
    if (gst_caps_is_empty(caps) != FALSE || gst_caps_is_any(caps) != FALSE)
        return leave_out(pad);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const std::string_view name = gst_structure_get_name(s);
    const bool video = name.starts_with("video/") || name.starts_with("image/");
    const bool audio = name.starts_with("audio/");
    if ((!video && !audio) || (video && m_has_video) || (audio && m_has_audio))
        return leave_out(pad);
    (video ? m_has_video : m_has_audio) = true;
    const auto as_it_is = passable(s);
    if (as_it_is && m_pass && m_terms.allows(as_it_is->codec)) {
        base::log::debug("{}: {} passes as it is", m_pipeline.input(), as_it_is->codec);
        return pass(pad, as_it_is->parser);
    }
    const std::string_view codec =
        video ? TRY(video_encoder(m_terms)).codec : choose_sound_codec(m_terms.codecs);
    base::log::info("{}: {} is encoded to {}", m_pipeline.input(), name, codec_title(codec));
    return encode(pad, video);
}

Result<GstPad *> GstBranches::request_mux_pad() {
    GstPad *pad = gst_element_request_pad_simple(m_pipeline.mux(), "sink_%d");
    if (pad == nullptr)
        return fail(Errc::bug, "{}: mpegtsmux gives no pad", m_pipeline.input());
    gst_object_unref(pad); // the multiplexer keeps it
    return pad;
}

Result<void> GstBranches::pass(GstPad *pad, const char *parser_name) {
    GstElement *queue = TRY(add_queue(m_pipeline));
    GstElement *parser = TRY(m_pipeline.add(parser_name));
    const bool video = std::string_view{parser_name}.starts_with("h26");
    if (video)
        g_object_set(parser, "config-interval", -1, nullptr); // parameter sets at each key frame
    GstPad *mux_pad = TRY(request_mux_pad());
    gst_element_link(queue, parser);
    const PadPtr out = static_pad(parser, "src");
    if (video)
        mark_key_frames(out.get());
    TRY(link(out.get(), mux_pad, m_pipeline.input()));
    gst_element_sync_state_with_parent(parser);
    gst_element_sync_state_with_parent(queue);
    return link(pad, static_pad(queue, "sink").get(), m_pipeline.input());
}

Result<void> GstBranches::encode(GstPad *pad, bool video) {
    GstElement *queue = TRY(add_queue(m_pipeline));
    GstElement *decoder = TRY(m_pipeline.add("decodebin"));
    GstPad *mux_pad = TRY(request_mux_pad()); // now, so that the multiplexer waits for it
    m_decoded.push_back(std::make_unique<Decoded>(Decoded{this, video, mux_pad}));
    g_signal_connect(decoder, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *decoded, gpointer data) {
                         const auto &to = *static_cast<Decoded *>(data);
                         const CapsPtr caps = caps_of(decoded);
                         if (auto done = to.owner->encode_decoded(to, decoded, caps.get()); !done)
                             to.owner->m_pipeline.fail(std::move(done).error());
                     }),
                     m_decoded.back().get());
    gst_element_link(queue, decoder);
    gst_element_sync_state_with_parent(decoder);
    gst_element_sync_state_with_parent(queue);
    return link(pad, static_pad(queue, "sink").get(), m_pipeline.input());
}

Result<void> GstBranches::encode_decoded(const Decoded &to, GstPad *pad, const GstCaps *caps) {
    if (gst_pad_is_linked(to.mux_pad) != FALSE)
        return leave_out(pad);
    const EncodePlan plan = plan_encoding(m_terms.max_rate, m_terms.max_gop_s,
                                          to.video ? picture_of(caps) : PictureFormat{});
    const std::string text = to.video ? video_chain(plan, TRY(video_encoder(m_terms)))
                                      : audio_chain(plan, choose_sound_codec(m_terms.codecs));
    base::log::debug("{}: {}", m_pipeline.input(), text);
    GstElement *chain = TRY(m_pipeline.add_bin(text));
    const PadPtr out = static_pad(chain, "src");
    if (to.video)
        mark_key_frames(out.get());
    TRY(link(out.get(), to.mux_pad, m_pipeline.input()));
    if (m_skip > base::Millis{0})
        skip_first(pad, m_skip);
    if (to.video)
        keep_plan(plan);
    gst_element_sync_state_with_parent(chain);
    return link(pad, static_pad(chain, "sink").get(), m_pipeline.input());
}

void GstBranches::keep_plan(const EncodePlan &plan) {
    std::optional<base::BitRate> limit;
    {
        const std::lock_guard lock(m_mutex);
        m_plan = plan;
        limit = m_limit;
    }
    m_encodes = true;
    if (limit)
        hold_to(*limit);
}

void GstBranches::hold_to(base::BitRate rate) {
    const std::lock_guard lock(m_mutex);
    m_limit = rate;
    if (m_plan)
        m_pipeline.set_picture_rate(picture_kbps(std::min(rate, m_terms.max_rate), *m_plan));
}

// Subtitles, second languages: swallowed, so that they stop nothing.
Result<void> GstBranches::leave_out(GstPad *pad) {
    GstElement *sink = TRY(m_pipeline.add("fakesink"));
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_element_sync_state_with_parent(sink);
    return link(pad, static_pad(sink, "sink").get(), m_pipeline.input());
}

} // namespace media
