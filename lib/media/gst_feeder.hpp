// Brings bytes into a pipeline.
#pragma once

#include "base/fd.hpp"
#include "media/ts_input.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct _GstElement;

namespace media {

class GstPipeline;

/// Pushes what an input yields into an appsrc, in a thread of its own, from start() on. An input
/// without a @p head, of which nothing was read, is started then too.
class GstFeeder {
  public:
    GstFeeder(GstPipeline &pipeline, _GstElement *source, std::unique_ptr<TsInput> from,
              std::vector<std::uint8_t> head);
    ~GstFeeder();
    GstFeeder(const GstFeeder &) = delete;
    GstFeeder &operator=(const GstFeeder &) = delete;
    [[nodiscard]] base::Result<void> start();

  private:
    void run();
    bool push(std::vector<std::uint8_t> bytes);

    GstPipeline &m_pipeline;
    _GstElement *m_source;
    std::unique_ptr<TsInput> m_from; // the thread's, once it runs
    std::vector<std::uint8_t> m_head;
    std::atomic<bool> m_stop{false};
    std::thread m_thread;
};

/// The bytes of a descriptor, whatever they are; @p owned keeps it open.
[[nodiscard]] std::unique_ptr<TsInput> bytes_of(int fd, base::Fd owned, std::string name);

} // namespace media
