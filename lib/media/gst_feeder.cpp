#include "media/gst_branch.hpp"
#include "media/gst_pipeline.hpp"

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <poll.h>
#include <unistd.h>

namespace media {

namespace {
constexpr std::size_t k_piece = 65'536;
constexpr guint64 k_ahead = 1U << 20U; // what may wait inside GStreamer
constexpr int k_look_ms = 100;         // how soon a stop is seen
} // namespace

GstFeeder::GstFeeder(GstPipeline &pipeline, GstElement *source, int fd,
                     std::vector<std::uint8_t> head)
    : m_pipeline(pipeline), m_source(source), m_fd(fd), m_head(std::move(head)) {
    gst_object_ref(m_source);
    g_object_set(source, "format", GST_FORMAT_BYTES, "block", TRUE, "max-bytes", k_ahead, nullptr);
}

GstFeeder::~GstFeeder() {
    m_stop = true;
    gst_element_set_locked_state(m_source, TRUE);
    gst_element_set_state(m_source, GST_STATE_NULL); // wakes a push that waits
    if (m_thread.joinable())
        m_thread.join();
    gst_object_unref(m_source);
}

void GstFeeder::start() {
    m_thread = std::thread([this] { run(); });
}

bool GstFeeder::push(std::vector<std::uint8_t> bytes) {
    auto *kept = new std::vector<std::uint8_t>(std::move(bytes)); // the buffer's to delete
    GstBuffer *buffer = gst_buffer_new_wrapped_full(
        GST_MEMORY_FLAG_READONLY, kept->data(), kept->size(), 0, kept->size(), kept,
        [](gpointer data) { delete static_cast<std::vector<std::uint8_t> *>(data); });
    return gst_app_src_push_buffer(GST_APP_SRC(m_source), buffer) == GST_FLOW_OK;
}

void GstFeeder::run() {
    if (!m_head.empty() && !push(std::move(m_head)))
        return;
    while (!m_stop) {
        pollfd waiting{m_fd, POLLIN, 0};
        if (::poll(&waiting, 1, k_look_ms) <= 0)
            continue;
        std::vector<std::uint8_t> piece(k_piece);
        const ssize_t n = ::read(m_fd, piece.data(), piece.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            m_pipeline.fail(base::fail_errno("read", m_pipeline.input()).error());
            return;
        }
        if (n == 0) {
            gst_app_src_end_of_stream(GST_APP_SRC(m_source));
            return;
        }
        piece.resize(static_cast<std::size_t>(n));
        if (!push(std::move(piece)))
            return; // the pipeline stopped; its error says why
    }
}

} // namespace media
