// One viewer's connection: requests in, answers out, never blocking.
#pragma once

#include "relay/live_cursor.hpp"
#include "relay/router.hpp"

#include <optional>

namespace relay {

/// Of connections with TLS; atomics.
struct TlsCounters {
    std::atomic<std::int64_t> agreed{0};
    std::atomic<std::int64_t> failed{0};    ///< no agreement, in time or at all
    std::atomic<std::int64_t> in_kernel{0}; ///< of those agreed: the kernel encrypts
};

/// A connection between two programs, of which the first one stopped and the second one goes on.
/// What waits for media or a password is asked again.
struct ConnectionState {
    int fd = -1; ///< owned by who goes on with it
    Origin origin;
    std::string in;                             ///< bytes of requests, the first one whole or not
    std::string out;                            ///< of an answer, still to be sent
    std::vector<Slice> media;                   ///< what follows that
    bool close_after = false;                   ///< the answer is the last one
    std::optional<base::Id> event;              ///< whose media it is
    std::optional<LiveCursor::Place> live = {}; ///< a viewer of live.ts
    bool tunnelled = false;                     ///< its TLS is a TlsTerminator's
    // Not handed over:
    Transport *secure = nullptr; ///< of one with TLS
    bool greeting = false;       ///< which is not agreed on yet
    void carry(Carry &c);
};

/// Not thread-safe; of one worker, which calls it when its socket is ready, when media came, and
/// when its deadline passed.
class Connection {
  public:
    /// What it waits for.
    enum class Need {
        read,     ///< the socket to be readable
        write,    ///< the socket to be writable
        media,    ///< media of event() (the socket only to notice that the viewer left)
        password, ///< password_checked()
        turn,     ///< to be called again soon, after the others
        close,    ///< nothing: close it
    };
    /// What it needs of its worker.
    struct World {
        const Router *router = nullptr;
        LatencyRecord *latency = nullptr;
        std::atomic<std::int64_t> *bytes_out = nullptr;
        TlsCounters *tls = nullptr;
        Fanout *fanout = nullptr;
        bool closing = false; ///< every answer is the last one of its connection
        /// Has a password checked; false when there are too many.
        std::function<bool(std::uint64_t connection, EventPtr event, seal::Secret password)> check;
    };

    Connection(Transport transport, std::uint64_t number, Origin origin, const World &world,
               base::SteadyTime now);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    [[nodiscard]] Need readable(base::SteadyTime now);
    [[nodiscard]] Need writable(base::SteadyTime now);
    /// The event has a new snapshot, or it is this one's turn again. @p newest: that of event().
    [[nodiscard]] Need media(base::SteadyTime now, const Snapshot &newest);
    [[nodiscard]] Need password_checked(bool right, base::SteadyTime now);
    [[nodiscard]] Need check_deadline(base::SteadyTime now);
    /// World::closing is true from now on: who waits for a request or for media is at the end, who
    /// is being answered gets the rest.
    [[nodiscard]] Need wind_up(base::SteadyTime now);

    /// How another program goes on with it. Its media is that of an event for which @p is_shown, or
    /// it is the rest of what there is.
    [[nodiscard]] ConnectionState state(const std::function<bool(const Event &)> &is_shown);
    /// Goes on with @p state, before anything else; its event is @p event.
    [[nodiscard]] Need resume(ConnectionState state, const EventPtr &event, base::SteadyTime now);

    /// Another worker goes on with it, under the number that it has there. Not while it waits for a
    /// password.
    void move_to(const World &world, std::uint64_t number) {
        m_world = &world;
        m_number = number;
    }

    /// It will be given media soon: among many, nothing of it is in the caches.
    void prefetch() const {
        constexpr std::size_t k_line = 64;
        for (std::size_t at = 0; at < k_hot_bytes; at += k_line)
            __builtin_prefetch(reinterpret_cast<const char *>(this) + at);
    }
    [[nodiscard]] int fd() const { return m_transport.fd(); }
    [[nodiscard]] Need need() const { return m_need; }
    /// Whose media it waits for or sends live, or null.
    [[nodiscard]] const Event *event() const { return m_event.get(); }
    /// A viewer of live.ts.
    [[nodiscard]] bool is_live() const { return m_live.has_value(); }

  private:
    static constexpr std::size_t k_hot_bytes = 192;
    enum class Flow { done, blocked, failed };
    [[nodiscard]] Need set(Need need);
    [[nodiscard]] Need greet(base::SteadyTime now);
    [[nodiscard]] Need process(base::SteadyTime now);
    [[nodiscard]] Need begin(Reply reply, bool head_only, base::SteadyTime now);
    [[nodiscard]] Need proceed(base::SteadyTime now);
    [[nodiscard]] Need finished(base::SteadyTime now);
    [[nodiscard]] Need end(base::SteadyTime now);
    [[nodiscard]] Need pump_live(base::SteadyTime now);
    [[nodiscard]] Need pump_live(base::SteadyTime now, const Snapshot &snapshot);
    [[nodiscard]] Flow send_text(std::string_view text, std::size_t &at, bool more);
    [[nodiscard]] Flow send_media();
    void detach();

    // First what a viewer of live.ts needs for each part of the media: see prefetch().
    Transport m_transport;
    Need m_need = Need::read;
    bool m_greeting;       ///< TLS is not agreed on yet
    bool m_ending = false; ///< only its end is still to be told
    bool m_sending = false;
    bool m_close_after = false;
    base::SteadyTime m_deadline;
    const World *m_world;
    // A viewer of live.ts, or one whose request waits for media.
    EventPtr m_event;
    std::optional<LiveCursor> m_live;
    std::optional<Awaited> m_awaited;

    std::uint64_t m_number;
    Origin m_origin;
    HttpReader m_reader;
    std::string m_in;
    HttpRequest m_request;
    // The answer being sent: the head, then a text or media.
    std::string m_head;
    std::size_t m_head_at = 0;
    Reply m_reply;
    std::size_t m_text_at = 0;
    std::size_t m_media_at = 0;
};

} // namespace relay
