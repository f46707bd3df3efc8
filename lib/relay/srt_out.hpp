// relay-serve's side of its SRT-out child: what it is told of events and media, and what it says,
// checked, for it faces strangers.
#pragma once

#include "relay/child.hpp"
#include "relay/live_event.hpp"
#include "relay/metrics.hpp"
#include "wire/pull.hpp"

namespace relay {

/// Not thread-safe; of the hub. Viewers who come here take places of their event as those of
/// live.ts do, and what they get is counted with it.
class SrtOut {
  public:
    struct World {
        conf::Address listen;
        int program;
        ChildIdentity identity;
        sigset_t mask;
        const seal::Secret *viewer_key;
        Metrics *metrics;
        std::function<void(const std::string &reason)> on_end; ///< of the child
    };
    explicit SrtOut(World world) : m_world(std::move(world)) {}
    ~SrtOut();
    SrtOut(const SrtOut &) = delete;
    SrtOut &operator=(const SrtOut &) = delete;

    /// To be polled for what the child says; -1: there is none now.
    [[nodiscard]] int fd() const { return m_child ? m_child->fd() : -1; }
    void readable();
    /// After each look at the world: starts the child when it is not there, at most once a second,
    /// and tells it what is new at @p now, control's time.
    void tick(const std::map<base::Id, LiveEvent> &events, base::UtcTime now);

    /// The child and its viewers, who keep their places of @p events. Call look() before.
    void carry(Carry &c, const std::map<base::Id, LiveEvent> &events);

    // What these are made of, for the tests.
    /// Notes how all events are.
    void look(const std::map<base::Id, LiveEvent> &events, base::UtcTime now);
    /// Notes what is new of the media that the child's viewers want.
    void feed();
    /// Checks one message of the child. An error (protocol) means that it lies or is broken.
    [[nodiscard]] base::Result<void> take(const wire::PullMessage &message);
    /// What is to be sent to the child, oldest first.
    std::deque<std::pair<wire::PullMessage, base::Fd>> outbox;

  private:
    struct Known {
        std::int64_t number = 0;
        EventPtr event;
        EntryPtr entry; ///< that `told` was made of
        wire::PullEvent told;
        std::int64_t viewers = 0; ///< sessions
        // What of its media the child has; nothing while there are no viewers.
        SnapshotPtr seen;
        std::int64_t sent_to = -1;
        std::map<ExtentPtr, std::int64_t> extents;
        bool end_told = false;
    };
    struct Session {
        std::int64_t event = 0;
        bool entered = false; ///< has a place; else it was told to go
    };
    void start();
    void end(std::string_view why);
    void flush();
    void send(const wire::PullMessage &message, base::Fd fd = {});
    void tell(const base::Id &id, const EventPtr &event, base::UtcTime now);
    void feed(Known &known);
    [[nodiscard]] base::Result<std::int64_t> number_of(Known &known, const ExtentPtr &extent);
    void starve(Known &known);
    void forget(std::map<base::Id, Known>::iterator known);
    [[nodiscard]] Known *find(std::int64_t number);
    [[nodiscard]] base::Result<void> hear();
    [[nodiscard]] base::Result<void> on(const wire::PullOpened &m);
    [[nodiscard]] base::Result<void> on(const wire::PullSent &m);
    [[nodiscard]] base::Result<void> on(const wire::PullClosed &m);
    [[nodiscard]] base::Result<void> on(const wire::PullRefused &m) const;

    World m_world;
    std::optional<Child> m_child;
    base::SteadyTime m_started{};
    base::SteadyTime m_looked{};
    std::optional<base::SteadyTime> m_stuck_since;
    std::map<base::Id, Known> m_known;
    std::map<std::int64_t, Session> m_sessions;
    std::int64_t m_highest = -1; ///< session of this child
    std::int64_t m_next_event = 0;
    std::int64_t m_next_extent = 0;
};

} // namespace relay
