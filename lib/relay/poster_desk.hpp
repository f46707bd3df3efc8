// Pictures of the events, each made by a process of its own: it decodes what strangers send.
#pragma once

#include "base/clock.hpp"
#include "relay/event.hpp"
#include "relay/process.hpp"

namespace relay {

/// The hub's; not thread-safe. Makes a picture of an event when somebody asked for it lately, of
/// each at most every ten seconds, and one at a time. A process that takes longer than ten seconds
/// is ended.
class PosterDesk {
  public:
    /// @p program: of open_child_program("relay-poster").
    PosterDesk(base::Fd program, const ChildIdentity &identity, sigset_t mask)
        : m_program(std::move(program)), m_identity(identity), m_mask(mask) {}

    /// Goes on with what runs and begins what is due. True when an event has an answer that its
    /// viewers wait for. Call it a few times a second.
    [[nodiscard]] bool tick(const std::vector<EventPtr> &events, base::SteadyTime now);

    /// Ends what runs. Who asked for that picture is still to be given one.
    void abandon() { m_job.reset(); }

    /// Processes started so far.
    [[nodiscard]] std::int64_t started() const { return m_started; }

  private:
    struct Job {
        EventPtr event;
        base::Fd picture;
        Process process;
        base::SteadyTime until;
    };
    [[nodiscard]] base::Result<Job> begin(const EventPtr &event, const std::vector<Slice> &media,
                                          base::SteadyTime now);
    [[nodiscard]] bool finish(base::SteadyTime now);

    base::Fd m_program;
    ChildIdentity m_identity;
    sigset_t m_mask;
    std::optional<Job> m_job;
    std::int64_t m_started = 0;
    bool m_broken = false; ///< the last one could not be started, which was said
};

/// The media that a picture of the newest key frame is made of; empty when there is none.
[[nodiscard]] std::vector<Slice> poster_media(const Event &event);

/// The JPEG in @p bytes when it is one: from SOI to EOI, with a frame header whose size is at most
/// 1280 x 720. It comes from a process that may have been taken over.
[[nodiscard]] bool is_poster(std::string_view bytes);

} // namespace relay
