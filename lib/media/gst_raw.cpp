// Inputs whose media the user describes: raw pictures or sound by their caps, and pipelines.
#include "media/gst_branch.hpp"
#include "media/gst_feeder.hpp"
#include "media/gst_input.hpp"
#include "media/gst_pipeline.hpp"

#include <gst/gst.h>
#include <optional>

namespace media {

using base::Errc;
using base::fail_hint;
using base::Result;

namespace {

using CapsPtr = std::unique_ptr<GstCaps, decltype(&gst_caps_unref)>;
using PadPtr = std::unique_ptr<GstPad, decltype(&gst_object_unref)>;

constexpr const char *k_caps_hint =
    "such as video/x-raw,format=I420,width=1280,height=720,framerate=25/1 or "
    "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved";

Result<CapsPtr> parse_caps(const std::string &text) {
    TRY(start_gstreamer());
    CapsPtr caps{gst_caps_from_string(text.c_str()), gst_caps_unref};
    const auto refuse = [&](std::string_view why) {
        return fail_hint(Errc::usage, k_caps_hint, "--caps '{}': {}", text, why);
    };
    if (!caps)
        return refuse("these are no caps");
    if (gst_caps_get_size(caps.get()) != 1 || gst_caps_is_fixed(caps.get()) == FALSE)
        return refuse("each value must be one");
    const GstStructure *s = gst_caps_get_structure(caps.get(), 0);
    const auto lacks = [s](const char *field) {
        return gst_structure_has_field(s, field) == FALSE;
    };
    const std::string_view name = gst_structure_get_name(s);
    if (name == "video/x-raw") {
        for (const char *field : {"format", "width", "height", "framerate"})
            if (lacks(field))
                return refuse(fmt::format("{} is missing", field));
    } else if (name == "audio/x-raw") {
        for (const char *field : {"format", "rate", "channels"})
            if (lacks(field))
                return refuse(fmt::format("{} is missing", field));
        if (lacks("layout"))
            gst_caps_set_simple(caps.get(), "layout", G_TYPE_STRING, "interleaved", nullptr);
    } else {
        return refuse("only raw media is told by them; anything else is recognised without");
    }
    return caps;
}

// Media that needs no parsebin: one branch for each pad.
class DescribedInput final : public TsInput {
  public:
    DescribedInput(std::unique_ptr<GstPipeline> pipeline, StreamTerms terms)
        : m_branches(*pipeline, std::move(terms)), m_pipeline(std::move(pipeline)) {}

    Result<void> feed_raw(int fd, base::Fd owned, const GstCaps *caps);
    Result<void> follow(const std::vector<GstPad *> &pads);

    Result<void> prepare() override { return m_pipeline->pause(); }
    Result<void> start() override {
        TRY(m_pipeline->play());
        if (m_feeder)
            TRY(m_feeder->start());
        return {};
    }
    [[nodiscard]] int fd() const override { return m_pipeline->fd(); }
    Result<State> read(std::vector<std::uint8_t> &into) override { return m_pipeline->read(into); }
    [[nodiscard]] bool live() const override { return m_pipeline->live(); }
    [[nodiscard]] bool encodes() const override { return m_branches.encodes(); }
    void hold_to(base::BitRate rate) override { m_branches.hold_to(rate); }

  private:
    // They end from the last to the first: the pipeline's threads call the branches.
    GstBranches m_branches;
    std::unique_ptr<GstPipeline> m_pipeline;
    std::unique_ptr<GstFeeder> m_feeder;
};

Result<void> DescribedInput::feed_raw(int fd, base::Fd owned, const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    const bool video = gst_structure_has_name(s, "video/x-raw") != FALSE;
    GstElement *source = TRY(m_pipeline->add("appsrc"));
    g_object_set(source, "caps", caps, nullptr);
    GstElement *parser = TRY(m_pipeline->add(video ? "rawvideoparse" : "rawaudioparse"));
    g_object_set(parser, "use-sink-caps", TRUE, nullptr);
    if (gst_element_link(source, parser) == FALSE)
        return fail_hint(Errc::usage, k_caps_hint, "{}: the caps are not taken",
                         m_pipeline->input());
    const PadPtr pad{gst_element_get_static_pad(parser, "src"), gst_object_unref};
    TRY(m_branches.encode_raw(pad.get(), caps, video));
    m_feeder = std::make_unique<GstFeeder>(*m_pipeline, source,
                                           bytes_of(fd, std::move(owned), m_pipeline->input()),
                                           std::vector<std::uint8_t>{});
    return {};
}

Result<void> DescribedInput::follow(const std::vector<GstPad *> &pads) {
    for (GstPad *pad : pads) {
        const CapsPtr caps{gst_pad_query_caps(pad, nullptr), gst_caps_unref};
        TRY(m_branches.take(pad, caps.get()));
    }
    return {};
}

bool is_transport_stream(GstPad *pad) {
    const CapsPtr caps{gst_pad_query_caps(pad, nullptr), gst_caps_unref};
    const CapsPtr ts{gst_caps_from_string("video/mpegts"), gst_caps_unref};
    return gst_caps_is_any(caps.get()) == FALSE && gst_caps_is_empty(caps.get()) == FALSE &&
           gst_caps_is_subset(caps.get(), ts.get()) != FALSE;
}

// A bin of a description that the user wrote. Usage errors are theirs.
Result<GstElement *> parse_bin(const std::string &description) {
    TRY(start_gstreamer());
    GError *error = nullptr;
    GstElement *bin = gst_parse_bin_from_description_full(description.c_str(), FALSE, nullptr,
                                                          GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (bin != nullptr && error == nullptr)
        return bin;
    const std::string cause = error != nullptr ? error->message : "unknown cause";
    const bool missing = error != nullptr && error->code == GST_PARSE_ERROR_NO_SUCH_ELEMENT;
    g_clear_error(&error);
    if (bin != nullptr)
        gst_object_unref(bin);
    return fail_hint(missing ? Errc::unavailable : Errc::usage,
                     "gst-launch-1.0 tries a pipeline, gst-inspect-1.0 lists the elements",
                     "gst: {}", cause);
}

// The pads that the description leaves open, as pads of the bin.
std::vector<GstPad *> open_pads(GstElement *bin) {
    std::vector<GstPad *> out;
    while (GstPad *inner = gst_bin_find_unlinked_pad(GST_BIN(bin), GST_PAD_SRC)) {
        GstPad *pad = gst_ghost_pad_new(nullptr, inner);
        gst_object_unref(inner);
        if (pad == nullptr || gst_element_add_pad(bin, pad) == FALSE)
            break;
        out.push_back(pad);
    }
    return out;
}

} // namespace

Result<void> check_raw_caps(const std::string &caps) {
    TRY(parse_caps(caps));
    return {};
}

Result<std::unique_ptr<TsInput>> open_raw_stream(int fd, base::Fd owned, std::string name,
                                                 const std::string &caps,
                                                 const StreamTerms &terms) {
    const CapsPtr parsed = TRY(parse_caps(caps));
    auto pipeline = TRY(GstPipeline::make(std::move(name)));
    auto out = std::make_unique<DescribedInput>(std::move(pipeline), terms);
    TRY(out->feed_raw(fd, std::move(owned), parsed.get()));
    return out;
}

Result<void> check_user_pipeline(const std::string &description) {
    GstElement *bin = TRY(parse_bin(description));
    const bool open = !open_pads(bin).empty();
    gst_object_unref(bin);
    if (!open)
        return fail_hint(Errc::usage,
                         "leave the end of the pipeline open: gst:'v4l2src ! videoconvert'",
                         "gst: the pipeline has no end to take media from");
    return {};
}

Result<std::unique_ptr<TsInput>> open_user_pipeline(const std::string &description,
                                                    const StreamTerms &terms) {
    auto pipeline = TRY(GstPipeline::make("gst"));
    GstElement *bin = TRY(parse_bin(description));
    pipeline->adopt(bin);
    const std::vector<GstPad *> pads = open_pads(bin);
    GstPipeline &borrowed = *pipeline;
    auto out = std::make_unique<DescribedInput>(std::move(pipeline), terms);
    if (pads.size() == 1 && is_transport_stream(pads.front()))
        TRY(borrowed.pass_stream(bin));
    else
        TRY(out->follow(pads));
    return out;
}

} // namespace media
