#include "push/source_detail.hpp"

#include "base/log.hpp"
#include "media/mp4_order.hpp"

#include <poll.h>
#include <unistd.h>

namespace push::detail {

namespace {

using base::Errc;
using base::Result;

constexpr std::size_t k_read_bytes = 65'536;

// Gathers the head of the input; then either passes all of it on, or gives it to GStreamer.
class StreamInput final : public media::TsInput {
  public:
    StreamInput(int fd, base::Fd owned, std::string name, media::StreamTerms terms)
        : m_fd(fd), m_owned(std::move(owned)), m_name(std::move(name)), m_terms(std::move(terms)) {}

    Result<void> prepare() override { return {}; }
    Result<void> start() override {
        m_started = true;
        return {};
    }
    [[nodiscard]] int fd() const override { return m_converter ? m_converter->fd() : m_fd; }

    [[nodiscard]] bool encodes() const override { return m_converter && m_converter->encodes(); }
    void hold_to(base::BitRate rate) override {
        if (m_converter)
            m_converter->hold_to(rate);
    }

    Result<State> read(std::vector<std::uint8_t> &into) override {
        if (m_converter)
            return m_converter->read(into);
        if (!m_started)
            return State::nothing_yet;
        pollfd waiting{m_fd, POLLIN, 0};
        if (::poll(&waiting, 1, 0) <= 0)
            return State::nothing_yet;
        std::vector<std::uint8_t> &to = m_passes ? into : m_head;
        const std::size_t before = to.size();
        to.resize(before + k_read_bytes);
        const ssize_t n = ::read(m_fd, to.data() + before, k_read_bytes);
        to.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            return State::nothing_yet;
        if (n < 0)
            return base::fail_errno("read", m_name);
        if (m_passes)
            return n == 0 ? State::end : State::more;
        return decide(n == 0, into);
    }

  private:
    Result<State> decide(bool whole, std::vector<std::uint8_t> &into) {
        if (whole && m_head.empty())
            return base::fail(Errc::no_input, "{}: the input is empty", m_name);
        switch (judge_head(m_head, whole, m_terms)) {
        case Head::unclear:
            return State::nothing_yet;
        case Head::passes:
            base::log::debug("{}: a transport stream, passed on as it is", m_name);
            m_passes = true;
            into.insert(into.end(), m_head.begin(), m_head.end());
            m_head = {};
            return State::more; // at the end the next read says so again
        case Head::for_gstreamer:
            break;
        }
        const media::Mp4Order order = media::mp4_order(m_head);
        if (order == media::Mp4Order::unclear && !whole && m_head.size() < k_head_bytes)
            return State::nothing_yet;
        if (order == media::Mp4Order::index_last)
            return base::fail_hint(Errc::bad_data,
                                   "name the file, or redirect it: push-stream ID - <FILE; or "
                                   "rewrite it: ffmpeg -i FILE "
                                   "-c copy -movflags +faststart OUT",
                                   "{}: the index of this MP4 file stands behind its media: a pipe "
                                   "cannot go back to it",
                                   m_name);
        m_converter = TRY(media::open_media_stream(m_fd, m_name, std::move(m_head), m_terms));
        TRY(m_converter->prepare());
        TRY(m_converter->start());
        return State::nothing_yet;
    }

    int m_fd;
    base::Fd m_owned;
    std::string m_name;
    media::StreamTerms m_terms;
    std::vector<std::uint8_t> m_head;
    std::unique_ptr<media::TsInput> m_converter;
    bool m_started = false;
    bool m_passes = false;
};

} // namespace

std::unique_ptr<media::TsInput> make_stream_input(int fd, base::Fd owned, std::string name,
                                                  const media::StreamTerms &terms) {
    return std::make_unique<StreamInput>(fd, std::move(owned), std::move(name), terms);
}

} // namespace push::detail
