#include "media/gst_feeder.hpp"

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

class Bytes final : public TsInput {
  public:
    Bytes(int fd, base::Fd owned, std::string name)
        : m_owned(std::move(owned)), m_fd(fd), m_name(std::move(name)) {}
    base::Result<void> prepare() override { return {}; }
    base::Result<void> start() override { return {}; }
    [[nodiscard]] int fd() const override { return m_fd; }
    base::Result<State> read(std::vector<std::uint8_t> &into) override {
        pollfd waiting{m_fd, POLLIN, 0};
        if (::poll(&waiting, 1, 0) <= 0)
            return State::nothing_yet;
        const std::size_t before = into.size();
        into.resize(before + k_piece);
        const ssize_t n = ::read(m_fd, into.data() + before, k_piece);
        into.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            return State::nothing_yet;
        if (n < 0)
            return base::fail_errno("read", m_name);
        return n == 0 ? State::end : State::more;
    }

  private:
    base::Fd m_owned;
    int m_fd;
    std::string m_name;
};
} // namespace

std::unique_ptr<TsInput> bytes_of(int fd, base::Fd owned, std::string name) {
    return std::make_unique<Bytes>(fd, std::move(owned), std::move(name));
}

GstFeeder::GstFeeder(GstPipeline &pipeline, GstElement *source, std::unique_ptr<TsInput> from,
                     std::vector<std::uint8_t> head)
    : m_pipeline(pipeline), m_source(source), m_from(std::move(from)), m_head(std::move(head)) {
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

base::Result<void> GstFeeder::start() {
    if (m_head.empty())
        TRY(m_from->start());
    m_thread = std::thread([this] { run(); });
    return {};
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
        std::vector<std::uint8_t> piece;
        const auto state = m_from->read(piece);
        if (!state) {
            m_pipeline.fail(state.error());
            return;
        }
        if (!piece.empty() && !push(std::move(piece)))
            return; // the pipeline stopped; its error says why
        if (*state == TsInput::State::end) {
            gst_app_src_end_of_stream(GST_APP_SRC(m_source));
            return;
        }
        if (*state == TsInput::State::nothing_yet) {
            pollfd waiting{m_from->fd(), POLLIN, 0};
            ::poll(&waiting, 1, k_look_ms);
        }
    }
}

} // namespace media
