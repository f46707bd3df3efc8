#include "media/gst_pipeline.hpp"

#include "base/log.hpp"
#include "media/encoder_choice.hpp"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <sys/eventfd.h>

namespace media {

using base::Errc;
using base::Error;
using base::fail_hint;
using base::Result;

namespace {

constexpr std::size_t k_read_bytes = 65'536;
constexpr guint k_sink_buffers = 256; // of 1316 bytes
constexpr guint k_table_ticks = 9000; // 100 ms at 90 kHz: how long a new viewer waits for PAT, PMT

constexpr const char *k_plugins_hint =
    "install gstreamer1.0-plugins-{base,good,bad,ugly}, gstreamer1.0-libav and gstreamer1.0-x";

Errc code_of(const GError *error) {
    if (error->domain == GST_RESOURCE_ERROR) {
        if (error->code == GST_RESOURCE_ERROR_NOT_FOUND)
            return Errc::no_input;
        return error->code == GST_RESOURCE_ERROR_NOT_AUTHORIZED ? Errc::not_permitted : Errc::io;
    }
    if (error->domain == GST_STREAM_ERROR)
        return error->code == GST_STREAM_ERROR_CODEC_NOT_FOUND ? Errc::unavailable : Errc::bad_data;
    if (error->domain == GST_CORE_ERROR && error->code == GST_CORE_ERROR_MISSING_PLUGIN)
        return Errc::unavailable;
    return Errc::bad_data;
}

GstFlowReturn on_sample(GstAppSink * /*sink*/, gpointer wake) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(GPOINTER_TO_INT(wake), &one, sizeof one);
    return GST_FLOW_OK;
}
void on_end(GstAppSink *sink, gpointer wake) {
    on_sample(sink, wake);
}

// Wakes the reader for each message; the message itself stays on the bus.
GstBusSyncReply on_message(GstBus * /*bus*/, GstMessage *message, gpointer wake) {
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR) {
        gst_message_unref(message);
        return GST_BUS_DROP; // nobody reads the others: the bus would only grow
    }
    on_sample(nullptr, wake);
    return GST_BUS_PASS;
}

} // namespace

Result<void> start_gstreamer() {
    static const std::optional<Error> failure = []() -> std::optional<Error> {
        GError *error = nullptr;
        if (gst_init_check(nullptr, nullptr, &error) != FALSE)
            return std::nullopt;
        const std::string cause = error != nullptr ? error->message : "unknown cause";
        g_clear_error(&error);
        return Error{Errc::unavailable, "start GStreamer: " + cause};
    }();
    if (failure)
        return std::unexpected(*failure);
    return {};
}

bool gst_has_element(const char *factory) {
    GstElementFactory *found = gst_element_factory_find(factory);
    if (found != nullptr)
        gst_object_unref(found);
    return found != nullptr;
}

Result<std::unique_ptr<GstPipeline>> GstPipeline::make(std::string input) {
    TRY(start_gstreamer());
    std::unique_ptr<GstPipeline> out(new GstPipeline(std::move(input)));
    TRY(out->build());
    return out;
}

Result<void> GstPipeline::build() {
    m_wake = base::Fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (!m_wake)
        return base::fail_errno("open", "eventfd");
    m_pipeline = gst_pipeline_new(nullptr);
    gst_object_ref_sink(m_pipeline);
    const gpointer wake = GINT_TO_POINTER(m_wake.get());
    GstBus *bus = gst_element_get_bus(m_pipeline);
    gst_bus_set_sync_handler(bus, on_message, wake, nullptr);
    gst_object_unref(bus);

    m_mux = TRY(add("mpegtsmux"));
    gst_object_set_name(GST_OBJECT(m_mux), "mux");
    g_object_set(m_mux, "alignment", 7, "pat-interval", k_table_ticks, "pmt-interval",
                 k_table_ticks, nullptr);
    m_sink = TRY(add("appsink"));
    g_object_set(m_sink, "sync", FALSE, "max-buffers", k_sink_buffers, "wait-on-eos", FALSE,
                 nullptr);
    GstAppSinkCallbacks callbacks{};
    callbacks.eos = on_end;
    callbacks.new_sample = on_sample;
    gst_app_sink_set_callbacks(GST_APP_SINK(m_sink), &callbacks, wake, nullptr);
    if (gst_element_link(m_mux, m_sink) == FALSE)
        return base::fail(Errc::bug, "{}: mpegtsmux does not link to appsink", m_input);
    return {};
}

GstPipeline::~GstPipeline() {
    if (m_pipeline == nullptr)
        return;
    gst_element_set_state(m_pipeline, GST_STATE_NULL);
    GstBus *bus = gst_element_get_bus(m_pipeline);
    gst_bus_set_sync_handler(bus, nullptr, nullptr, nullptr);
    gst_object_unref(bus);
    gst_object_unref(m_pipeline);
}

Result<GstElement *> GstPipeline::add(const char *factory) {
    GstElement *element = gst_element_factory_make(factory, nullptr);
    if (element == nullptr)
        return fail_hint(Errc::unavailable, k_plugins_hint, "{}: GStreamer has no element '{}'",
                         m_input, factory);
    gst_bin_add(GST_BIN(m_pipeline), element); // takes the floating reference
    return element;
}

Result<GstElement *> GstPipeline::add_bin(const std::string &description) {
    GError *error = nullptr;
    GstElement *bin = gst_parse_bin_from_description_full(description.c_str(), TRUE, nullptr,
                                                          GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (bin == nullptr || error != nullptr) {
        const std::string cause = error != nullptr ? error->message : "unknown cause";
        g_clear_error(&error);
        if (bin != nullptr)
            gst_object_unref(bin);
        return fail_hint(Errc::unavailable, k_plugins_hint, "{}: {}", m_input, cause);
    }
    gst_bin_add(GST_BIN(m_pipeline), bin);
    return bin;
}

Result<GstElement *> GstPipeline::add_described(const std::string &description) {
    GstElement *bin = TRY(add_bin(description));
    if (gst_element_link(bin, m_mux) == FALSE)
        return base::fail(Errc::bug, "{}: '{}' does not link to mpegtsmux", m_input, description);
    return bin;
}

void GstPipeline::adopt(GstElement *bin) {
    gst_bin_add(GST_BIN(m_pipeline), bin);
}

Result<void> GstPipeline::pass_stream(GstElement *bin) {
    gst_element_unlink(m_mux, m_sink);
    gst_bin_remove(GST_BIN(m_pipeline), m_mux);
    m_mux = nullptr;
    if (gst_element_link(bin, m_sink) == FALSE)
        return base::fail(Errc::bug, "{}: the pipeline does not link to appsink", m_input);
    return {};
}

Result<void> GstPipeline::change_state(int state) {
    const GstStateChangeReturn done =
        gst_element_set_state(m_pipeline, static_cast<GstState>(state));
    if (auto error = failure())
        return std::unexpected(std::move(*error));
    m_live = m_live || done == GST_STATE_CHANGE_NO_PREROLL;
    if (done == GST_STATE_CHANGE_FAILURE)
        return base::fail(Errc::unavailable, "{}: GStreamer could not start", m_input);
    return {};
}
Result<void> GstPipeline::pause() {
    return change_state(GST_STATE_PAUSED);
}
Result<void> GstPipeline::play() {
    return change_state(GST_STATE_PLAYING);
}

Result<TsInput::State> GstPipeline::read(std::vector<std::uint8_t> &into) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(m_wake.get(), &count, sizeof count);
    std::size_t got = 0;
    while (got < k_read_bytes) {
        GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(m_sink), 0);
        if (sample == nullptr)
            break;
        GstMapInfo map;
        GstBuffer *buffer = gst_sample_get_buffer(sample);
        if (buffer != nullptr && gst_buffer_map(buffer, &map, GST_MAP_READ) != FALSE) {
            into.insert(into.end(), map.data, map.data + map.size);
            got += map.size;
            gst_buffer_unmap(buffer, &map);
        }
        gst_sample_unref(sample);
    }
    if (got > 0) {
        wake(); // there may be more, or an error behind it
        return TsInput::State::more;
    }
    if (auto error = failure())
        return std::unexpected(std::move(*error));
    return gst_app_sink_is_eos(GST_APP_SINK(m_sink)) != FALSE ? TsInput::State::end
                                                              : TsInput::State::nothing_yet;
}

// NOLINTNEXTLINE(readability-make-member-function-const): the pipeline changes
void GstPipeline::set_picture_rate(int kbps) {
    GstElement *encoder =
        gst_bin_get_by_name(GST_BIN(m_pipeline), std::string(k_encoder_name).c_str());
    if (encoder == nullptr)
        return;
    g_object_set(encoder, "bitrate", static_cast<guint>(kbps), nullptr);
    gst_object_unref(encoder);
}

bool GstPipeline::at_rest() const {
    struct Look {
        const GstElement *mux, *sink;
        bool works;
    } look{.mux = m_mux, .sink = m_sink, .works = false};
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(m_pipeline));
    const GstIteratorResult done = gst_iterator_foreach(
        all,
        [](const GValue *item, gpointer data) {
            auto *element = static_cast<GstElement *>(g_value_get_object(item));
            const Look &of = *static_cast<Look *>(data);
            if (element == of.mux || element == of.sink)
                return;
            gst_element_foreach_pad(
                element,
                [](GstElement *, GstPad *pad, gpointer to) -> gboolean {
                    static_cast<Look *>(to)->works |=
                        gst_pad_get_task_state(pad) == GST_TASK_STARTED;
                    return TRUE;
                },
                data);
        },
        &look);
    gst_iterator_free(all);
    return done == GST_ITERATOR_DONE && !look.works;
}

void GstPipeline::fail(Error error) {
    {
        const std::lock_guard lock(m_mutex);
        if (!m_failure)
            m_failure = std::move(error);
    }
    wake();
}

void GstPipeline::wake() const {
    on_sample(nullptr, GINT_TO_POINTER(m_wake.get()));
}

std::optional<Error> GstPipeline::failure() {
    GstBus *bus = gst_element_get_bus(m_pipeline);
    GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    gst_object_unref(bus);
    const std::lock_guard lock(m_mutex);
    if (message != nullptr) {
        if (!m_failure)
            m_failure = explain(message);
        gst_message_unref(message);
    }
    return m_failure;
}

Error GstPipeline::explain(GstMessage *message) const {
    GError *error = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error(message, &error, &debug);
    Error out{code_of(error),
              fmt::format("{}: {}: {}", m_input, GST_OBJECT_NAME(message->src), error->message)};
    if (debug != nullptr)
        base::log::debug("{}", debug);
    if (out.code == Errc::unavailable)
        out.hint = k_plugins_hint;
    else if (out.code == Errc::bad_data)
        out.hint = "ffprobe shows what the input is; ffmpeg may be able to repair it";
    g_clear_error(&error);
    g_free(debug);
    return out;
}

} // namespace media
