// The one owner of a GStreamer pipeline: media in, a transport stream out. GStreamer's own headers
// stay inside gst_*.cpp.
#pragma once

#include "base/fd.hpp"
#include "media/ts_input.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct _GstElement;
struct _GstMessage;

namespace media {

/// A pipeline that ends in `mpegtsmux ! appsink`. GStreamer's threads only put things into it; one
/// thread of ours makes, starts, reads and destroys it. Every error becomes one base::Error that
/// names the input, the element and its cause.
class GstPipeline {
  public:
    /// @p input is for error texts. Starts GStreamer when it was not. unavailable: a plugin is not
    /// installed.
    [[nodiscard]] static base::Result<std::unique_ptr<GstPipeline>> make(std::string input);
    ~GstPipeline();
    GstPipeline(const GstPipeline &) = delete;
    GstPipeline &operator=(const GstPipeline &) = delete;

    /// Makes an element of @p factory and adds it. Thread-safe; the pipeline owns it. One that is
    /// added to a running pipeline must be brought to its state by the caller.
    [[nodiscard]] base::Result<_GstElement *> add(const char *factory);
    /// The same for a bin of a gst-launch description, with its open ends as pads `sink` and `src`.
    [[nodiscard]] base::Result<_GstElement *> add_bin(const std::string &description);
    /// add_bin() and a link from it to the multiplexer.
    [[nodiscard]] base::Result<_GstElement *> add_described(const std::string &description);
    /// Takes over a bin that was made elsewhere.
    void adopt(_GstElement *bin);
    /// What @p bin yields is a transport stream already: no multiplexer.
    [[nodiscard]] base::Result<void> pass_stream(_GstElement *bin);
    [[nodiscard]] _GstElement *mux() const { return m_mux; }
    [[nodiscard]] const std::string &input() const { return m_input; }

    [[nodiscard]] base::Result<void> pause();
    [[nodiscard]] base::Result<void> play();
    /// It has a source that does not wait for anybody; known after pause().
    [[nodiscard]] bool live() const { return m_live; }
    [[nodiscard]] int fd() const { return m_wake.get(); }
    [[nodiscard]] base::Result<TsInput::State> read(std::vector<std::uint8_t> &into);

    /// No thread takes in media, or will any more.
    [[nodiscard]] bool at_rest() const;

    /// Tells the encoder of the pictures (k_encoder_name) its rate. Thread-safe.
    void set_picture_rate(int kbps);

    /// The pipeline cannot go on: read() returns @p error. From any thread; the first one counts.
    void fail(base::Error error);

  private:
    explicit GstPipeline(std::string input) : m_input(std::move(input)) {}
    [[nodiscard]] base::Result<void> build();
    [[nodiscard]] base::Result<void> change_state(int state);
    [[nodiscard]] std::optional<base::Error> failure();
    [[nodiscard]] base::Error explain(_GstMessage *message) const;
    void wake() const;

    std::string m_input;
    _GstElement *m_pipeline = nullptr; // owned
    _GstElement *m_mux = nullptr;      // the pipeline's
    _GstElement *m_sink = nullptr;     // the pipeline's
    bool m_live = false;
    base::Fd m_wake;
    std::mutex m_mutex;
    std::optional<base::Error> m_failure;
};

/// Starts GStreamer when it was not; unavailable when it does not.
[[nodiscard]] base::Result<void> start_gstreamer();

/// True when GStreamer has an element of that name.
[[nodiscard]] bool gst_has_element(const char *factory);

} // namespace media
