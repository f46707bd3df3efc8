// The SRT-out child: one SRT address, the viewers who fetch events there, and the parent that tells
// it of both.
#pragma once

#include "base/clock.hpp"
#include "base/message_socket.hpp"
#include "media/srt_listener.hpp"
#include "relay/pull_media.hpp"
#include "relay/pull_table.hpp"

#include <atomic>
#include <functional>
#include <mutex>

namespace relay {

/// Waits for the parent's PullSetup on @p parent, then serves it. @p confine is called when all
/// sockets are open, before a viewer is accepted; its failure ends it. Returns when the parent is
/// gone or @p stop_fd is readable.
[[nodiscard]] base::Result<void> run_pull(base::MessageSocket &parent, int stop_fd,
                                          const std::function<base::Result<void>()> &confine);

/// Runs in the main thread; libsrt's threads only read what it publishes.
class PullServer {
  public:
    [[nodiscard]] static base::Result<std::unique_ptr<PullServer>>
    open(const wire::PullSetup &setup, base::MessageSocket &parent);
    /// As run_pull().
    [[nodiscard]] base::Result<void> run(int stop_fd);

  private:
    struct Session {
        std::int64_t number = 0;
        std::int64_t event = 0;
        media::SrtSocket socket;
        std::int64_t position = -1; ///< -1: no media seen yet
        std::int64_t sent = 0;      ///< bytes that the parent has not heard of
        std::int64_t moves = 0;     ///< likewise
        int moves_of_late = 0;
        base::SteadyTime moved_at{};
        std::optional<base::SteadyTime> ending{}; ///< has all; since then the last of it goes out
    };
    enum class Outcome { stay, gone, slow };

    PullServer(base::MessageSocket &parent, media::SrtPoll poll)
        : m_parent(parent), m_poll(std::move(poll)) {}
    media::SrtAnswer on_offer(const media::SrtOffer &offer); // libsrt's thread
    base::Result<void> hear();
    base::Result<void> take(const wire::PullMessage &message, std::vector<base::Fd> &fds);
    void publish();
    void accept_all();
    void serve(base::SteadyTime now);
    Outcome pump(Session &session, const PullMedia &media, base::SteadyTime now);
    void report(base::SteadyTime now);
    void account(Session &session);
    void farewell(Session &session, bool slow);
    void tell(const wire::PullMessage &message);
    void close_if(const std::function<bool(const Session &)> &which);

    base::MessageSocket &m_parent;
    media::SrtPoll m_poll;
    std::map<std::int64_t, wire::PullEvent> m_events;
    std::map<std::int64_t, PullMedia> m_media;
    std::vector<Session> m_sessions;
    std::deque<std::string> m_outbox;
    std::int64_t m_next = 0;
    base::SteadyTime m_reported{};
    std::atomic<std::shared_ptr<const PullTable>> m_table{std::make_shared<const PullTable>()};
    std::mutex m_mutex; ///< for m_refused
    std::map<std::string, std::int64_t, std::less<>> m_refused;
    std::unique_ptr<media::SrtListener> m_listener; // last: its thread uses what stands above
};

} // namespace relay
