// What happens to each stream that GStreamer finds in an input: passed on, encoded, or left out.
#pragma once

#include "base/result.hpp"
#include "media/encoder_choice.hpp"
#include "media/gst_input.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct _GstElement;
struct _GstPad;
struct _GstCaps;

namespace media {

class GstPipeline;

/// Builds one branch from parsebin to the multiplexer for the first video and the first audio. Its
/// methods run in GStreamer's threads; it must outlive the running pipeline.
class GstBranches {
  public:
    GstBranches(GstPipeline &pipeline, StreamTerms terms)
        : m_pipeline(pipeline), m_terms(std::move(terms)) {}

    /// Handles each stream that @p parser, a parsebin, finds.
    void follow(_GstElement *parser);
    /// Handles what @p pad yields; @p caps may say no more than that it is anything.
    [[nodiscard]] base::Result<void> take(_GstPad *pad, const _GstCaps *caps);
    /// Encodes raw pictures or sound of @p caps.
    [[nodiscard]] base::Result<void> encode_raw(_GstPad *pad, const _GstCaps *caps, bool video);

  private:
    struct Decoded {
        GstBranches *owner;
        bool video;
        _GstPad *mux_pad; // the multiplexer's
    };
    void add(_GstPad *pad);
    void no_more();
    [[nodiscard]] base::Result<void> add_stream(_GstPad *pad, const _GstCaps *caps);
    [[nodiscard]] base::Result<void> pass(_GstPad *pad, const char *parser);
    [[nodiscard]] base::Result<void> encode(_GstPad *pad, bool video);
    [[nodiscard]] base::Result<void> encode_decoded(const Decoded &to, _GstPad *pad,
                                                    const _GstCaps *caps);
    [[nodiscard]] base::Result<void> leave_out(_GstPad *pad);
    [[nodiscard]] base::Result<_GstPad *> request_mux_pad();

    GstPipeline &m_pipeline;
    StreamTerms m_terms;
    bool m_has_video = false;
    bool m_has_audio = false;
    std::vector<std::unique_ptr<Decoded>> m_decoded;
};

/// Pushes what a descriptor yields into an appsrc, in a thread of its own, from start() on.
class GstFeeder {
  public:
    GstFeeder(GstPipeline &pipeline, _GstElement *source, int fd, std::vector<std::uint8_t> head);
    ~GstFeeder();
    GstFeeder(const GstFeeder &) = delete;
    GstFeeder &operator=(const GstFeeder &) = delete;
    void start();

  private:
    void run();
    bool push(std::vector<std::uint8_t> bytes);

    GstPipeline &m_pipeline;
    _GstElement *m_source;
    int m_fd;
    std::vector<std::uint8_t> m_head;
    std::atomic<bool> m_stop{false};
    std::thread m_thread;
};

/// Makes the tables precede each key frame that leaves @p pad, the last one before the multiplexer.
void mark_key_frames(_GstPad *pad);

/// The encoder of pictures that @p terms ask for, of those that are installed.
[[nodiscard]] base::Result<VideoEncoder> video_encoder(const StreamTerms &terms);

/// The AAC encoder that is installed.
[[nodiscard]] std::string aac_encoder();

} // namespace media
