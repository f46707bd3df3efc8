// What happens to each stream that GStreamer finds in an input: passed on, encoded, or left out.
#pragma once

#include "base/result.hpp"
#include "media/encoder_choice.hpp"
#include "media/gst_input.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

struct _GstElement;
struct _GstPad;
struct _GstCaps;
struct _GstPadProbeInfo;

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
    /// From now on nothing passes as it is. Before the pipeline runs.
    void encode_all() { m_pass = false; }
    /// The first @p span of each stream that is encoded is left out. Before the pipeline runs.
    void leave_out_first(base::Millis span) { m_skip = span; }
    /// The parser found a stream, whatever it is. Thread-safe.
    [[nodiscard]] bool any() const { return m_any; }
    /// The pictures, or the sound of what has none, are encoded. Thread-safe.
    [[nodiscard]] bool encodes() const { return m_encodes; }
    /// The encoder of the pictures is told a lower or higher rate, so that the whole stays below
    /// @p rate. Thread-safe.
    void hold_to(base::BitRate rate);
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
    void keep_plan(const EncodePlan &plan);

    GstPipeline &m_pipeline;
    StreamTerms m_terms;
    bool m_has_video = false;
    bool m_has_audio = false;
    bool m_pass = true;
    std::atomic<bool> m_any{false};
    std::atomic<bool> m_encodes{false};
    base::Millis m_skip{0};
    std::mutex m_mutex; // what follows
    std::optional<EncodePlan> m_plan;
    std::optional<base::BitRate> m_limit;
    std::vector<std::unique_ptr<Decoded>> m_decoded;
};

/// Makes the tables precede each key frame that leaves @p pad, the last one before the multiplexer.
void mark_key_frames(_GstPad *pad);

/// The encoder of pictures that @p terms ask for, of those that are installed.
[[nodiscard]] base::Result<VideoEncoder> video_encoder(const StreamTerms &terms);

/// The AAC encoder that is installed.
[[nodiscard]] std::string aac_encoder();

} // namespace media
