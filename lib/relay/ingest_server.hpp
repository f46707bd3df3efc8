// The ingest child: one SRT address, its publishers, and the parent that it reports to.
#pragma once

#include "base/message_socket.hpp"
#include "media/srt_listener.hpp"
#include "relay/ingest_echo.hpp"
#include "relay/ingest_session.hpp"

#include <mutex>

namespace relay {

/// Refusals by reason since they were last told. Thread-safe: libsrt's thread notes them.
class RefusalLog {
  public:
    void note(std::string_view reason, std::string peer);
    /// What to tell now; at most ten messages a second.
    [[nodiscard]] std::vector<wire::IngestRefused> take(base::SteadyTime now);

  private:
    std::mutex m_mutex;
    std::map<std::string, wire::IngestRefused, std::less<>> m_by_reason;
    media::Bucket m_allowance{10, 10};
};

/// How long packets may gather before they are read, when media may wait for so long to be told of:
/// to be woken for each costs several times what it costs to take it in.
[[nodiscard]] base::Millis nap_for(base::Millis part_age);

/// Runs in the main thread; libsrt's threads and the echo's only read what it publishes.
class IngestServer {
  public:
    /// Listens as @p setup says. @p parent and @p clock outlive the server.
    [[nodiscard]] static base::Result<std::unique_ptr<IngestServer>>
    open(const wire::IngestSetup &setup, base::MessageSocket &parent, const base::Clock &clock);

    /// Serves until the parent is gone (success) or @p stop_fd is readable. protocol when the
    /// parent sends what is no message, or what does not fit.
    [[nodiscard]] base::Result<void> run(int stop_fd);

  private:
    IngestServer(base::MessageSocket &parent, const base::Clock &clock, AdmissionKeys keys,
                 media::SrtPoll poll)
        : m_parent(parent), m_clock(clock), m_control(clock), m_keys(std::move(keys)),
          m_poll(std::move(poll)) {}

    using TablePointer = std::shared_ptr<const AdmissionTable>;
    // Only the main thread changes the table; readers keep the one they hold. Each new one costs a
    // copy, so that the changes of many messages go into one.
    template <typename Change> void change_table(Change change) {
        if (!m_draft)
            m_draft = std::make_shared<AdmissionTable>(*m_table.load());
        change(*m_draft);
        if (!m_hearing)
            publish_table();
    }
    void publish_table();
    media::SrtAnswer on_offer(const media::SrtOffer &offer); // libsrt's thread

    // From the parent.
    base::Result<void> hear();
    base::Result<void> hear_some();
    base::Result<void> take(const wire::IngestMessage &message, std::vector<base::Fd> &fds);
    base::Result<void> take_extent(const wire::IngestExtent &extent, std::vector<base::Fd> &fds);
    void admit(const wire::IngestAdmit &terms);

    // Publishers.
    void accept_all();
    void begin(media::SrtSocket socket, const Admitted &admitted);
    void read(IngestSession &session);
    void unwatch(IngestSession &session);
    void end(std::int64_t stream, std::string_view reason);
    [[nodiscard]] IngestSession *by_handle(int handle);
    [[nodiscard]] IngestSession *by_stream(std::int64_t stream);

    // To the parent.
    void housekeep();
    void enforce(base::SteadyTime now);
    void tell_parts(base::SteadyTime now);
    [[nodiscard]] base::Millis patience() const;
    void tell(const wire::IngestMessage &message);
    base::Result<void> send_outbox();

    base::MessageSocket &m_parent;
    const base::Clock &m_clock;
    base::ControlClock m_control;
    const AdmissionKeys m_keys;
    media::SrtPoll m_poll;
    std::atomic<TablePointer> m_table{std::make_shared<const AdmissionTable>()};
    std::shared_ptr<AdmissionTable> m_draft; ///< changes that are not published yet; or null
    bool m_hearing = false;
    bool m_more_due = false; ///< a publisher had its share of this turn
    RefusalLog m_refusals;
    std::vector<std::unique_ptr<IngestSession>> m_sessions;
    base::Millis m_part_age{
        wire::IngestPace{}.part_ms}; // the longest that media waits to be told of
    std::deque<std::string> m_outbox;
    std::int64_t m_last_stream = 0;
    base::SteadyTime m_last_stats{};
    std::optional<IngestEcho> m_echo;
    std::unique_ptr<media::SrtListener> m_listener; // last: its thread uses what stands above
};

/// Waits for the parent's IngestSetup on @p parent, then serves it. @p confine is called when all
/// sockets are open, before a publisher is accepted; its failure ends it. Returns when the parent
/// is gone or @p stop_fd is readable.
[[nodiscard]] base::Result<void> run_ingest(base::MessageSocket &parent, int stop_fd,
                                            const base::Clock &clock,
                                            const std::function<base::Result<void>()> &confine);

} // namespace relay
