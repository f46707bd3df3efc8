#include "media/gst_device.hpp"

#include "media/gst_branch.hpp"
#include "media/gst_pipeline.hpp"

#include <array>
#include <gst/gst.h>
#include <optional>

namespace media {

using base::Errc;
using base::Result;
using Kind = DeviceSource::Kind;

std::string_view device_element(Kind kind) {
    switch (kind) {
    case Kind::rtsp:
        return "rtspsrc";
    case Kind::v4l2:
        return "v4l2src";
    case Kind::alsa:
        return "alsasrc";
    case Kind::pulse:
        return "pulsesrc";
    }
    return {};
}

std::string device_caps(const DeviceSource &source) {
    if (source.kind != Kind::v4l2 || (source.width == 0 && source.fps_numerator == 0))
        return {};
    std::string what;
    if (source.width > 0)
        what += fmt::format(",width={},height={}", source.width, source.height);
    if (source.fps_numerator > 0)
        what += fmt::format(",framerate={}/{}", source.fps_numerator, source.fps_denominator);
    std::string out;
    for (const std::string_view type :
         {"video/x-raw", "image/jpeg", "video/x-h264", "video/x-h265"})
        out += fmt::format("{}{}{}", out.empty() ? "" : ";", type, what);
    return out;
}

namespace {

using CapsPtr = std::unique_ptr<GstCaps, decltype(&gst_caps_unref)>;
using PadPtr = std::unique_ptr<GstPad, decltype(&gst_object_unref)>;

constexpr guint k_rtsp_latency_ms = 200;
constexpr guint64 k_rtsp_patience_us = 5'000'000;

class DeviceInput final : public TsInput {
  public:
    DeviceInput(std::unique_ptr<GstPipeline> pipeline, const StreamTerms &terms)
        : m_branches(*pipeline, terms), m_pipeline(std::move(pipeline)) {}

    Result<void> attach(const DeviceSource &source);

    Result<void> prepare() override { return m_pipeline->pause(); }
    Result<void> start() override { return m_pipeline->play(); }
    [[nodiscard]] int fd() const override { return m_pipeline->fd(); }
    Result<State> read(std::vector<std::uint8_t> &into) override { return m_pipeline->read(into); }
    [[nodiscard]] bool live() const override { return true; }
    [[nodiscard]] bool encodes() const override { return m_branches.encodes(); }
    void hold_to(base::BitRate rate) override { m_branches.hold_to(rate); }

  private:
    Result<void> attach_rtsp(GstElement *element, const DeviceSource &source);
    Result<void> attach_v4l2(GstElement *element, const DeviceSource &source);
    void add_rtp(GstPad *pad);

    // They end from the last to the first: the pipeline's threads call the branches.
    GstBranches m_branches;
    std::unique_ptr<GstPipeline> m_pipeline;
};

Result<void> DeviceInput::attach(const DeviceSource &source) {
    GstElement *element = TRY(m_pipeline->add(std::string(device_element(source.kind)).c_str()));
    if (source.kind == Kind::rtsp)
        return attach_rtsp(element, source);
    if (!source.name.empty())
        g_object_set(element, "device", source.name.c_str(), nullptr);
    if (source.kind == Kind::v4l2)
        return attach_v4l2(element, source);
    if (source.kind == Kind::pulse)
        g_object_set(element, "client-name", "push-stream", nullptr);
    const PadPtr pad{gst_element_get_static_pad(element, "src"), gst_object_unref};
    const CapsPtr raw{gst_caps_new_empty_simple("audio/x-raw"), gst_caps_unref};
    return m_branches.take(pad.get(), raw.get());
}

Result<void> DeviceInput::attach_v4l2(GstElement *element, const DeviceSource &source) {
    if (const std::string caps = device_caps(source); !caps.empty()) {
        GstElement *filter = TRY(m_pipeline->add("capsfilter"));
        const CapsPtr wanted{gst_caps_from_string(caps.c_str()), gst_caps_unref};
        g_object_set(filter, "caps", wanted.get(), nullptr);
        gst_element_link(element, filter);
        element = filter;
    }
    const PadPtr pad{gst_element_get_static_pad(element, "src"), gst_object_unref};
    const CapsPtr anything{gst_caps_new_any(), gst_caps_unref}; // what it is shows when it runs
    return m_branches.take(pad.get(), anything.get());
}

Result<void> DeviceInput::attach_rtsp(GstElement *element, const DeviceSource &source) {
    gst_util_set_object_arg(G_OBJECT(element), "protocols", source.udp ? "udp+udp-mcast" : "tcp");
    g_object_set(element, "location", source.name.c_str(), "latency", k_rtsp_latency_ms,
                 "tcp-timeout", k_rtsp_patience_us, "timeout", k_rtsp_patience_us, nullptr);
    if (!source.user.empty())
        g_object_set(element, "user-id", source.user.c_str(), "user-pw", source.password.c_str(),
                     nullptr);
    g_signal_connect(element, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer self) {
                         static_cast<DeviceInput *>(self)->add_rtp(pad);
                     }),
                     this);
    return {};
}

// A stream of the camera: what is within its packets is found as in a file.
void DeviceInput::add_rtp(GstPad *pad) {
    const CapsPtr anything{gst_caps_new_any(), gst_caps_unref};
    if (auto done = m_branches.take(pad, anything.get()); !done)
        m_pipeline->fail(std::move(done).error());
}

} // namespace

Result<std::unique_ptr<TsInput>>
open_devices(std::string name, std::span<const DeviceSource> sources, const StreamTerms &terms) {
    auto pipeline = TRY(GstPipeline::make(std::move(name)));
    auto out = std::make_unique<DeviceInput>(std::move(pipeline), terms);
    for (const DeviceSource &source : sources)
        TRY(out->attach(source));
    return out;
}

} // namespace media
