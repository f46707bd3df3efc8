// A thread that serves viewers: its own event loop, and nothing of it waits for another.
#pragma once

#include "relay/address_limit.hpp"
#include "relay/connection.hpp"
#include "relay/listener.hpp"
#include "relay/password_desk.hpp"
#include "relay/rota.hpp"

#include <thread>

namespace relay {

/// Counters of all workers; atomics.
struct ViewerCounters {
    std::atomic<std::int64_t> connections{0}; ///< open now
    std::atomic<std::int64_t> accepted{0};
    std::atomic<std::int64_t> turned_away{0};            ///< for want of connections
    std::atomic<std::int64_t> turned_away_of_address{0}; ///< too many of theirs
    std::atomic<std::int64_t> waiting{0};                ///< those that want to hear of media
    std::atomic<std::int64_t> requests_bytes_out{0};
    std::atomic<std::int64_t> egress_bps{0}; ///< of media, lately
    TlsCounters tls;
    /// Between two sends to the same live viewer, smoothed, of the worker that sent last.
    std::atomic<std::int64_t> batch_us{0};

    /// What there is to do, in viewers of 6 Mbit/s.
    [[nodiscard]] std::int64_t load() const {
        constexpr std::int64_t k_one_bps = 6'000'000;
        return std::max(waiting.load(), egress_bps.load() / k_one_bps);
    }
};

/// Where viewers of one kind come in.
struct Door {
    base::Fd listener;
    const net::TlsIdentity *tls = nullptr; ///< null: without TLS
    bool admin = false;                    ///< for metrics and health only
};

class Worker;

/// The workers of a relay and the doors that viewers come in by, which they all watch.
struct Crew {
    Crew(std::vector<Door> ways_in, std::size_t count, std::int64_t share = Rota::k_share);
    ~Crew();
    Crew(const Crew &) = delete;
    Crew &operator=(const Crew &) = delete;

    const std::vector<Door> doors;
    Rota rota;
    std::vector<std::unique_ptr<Worker>> workers; ///< all there before the first of them goes
};

class Worker {
  public:
    /// All of it outlives the worker.
    struct World {
        const Router *router;
        LatencyRecord *latency;
        ViewerCounters *counters;
        PasswordDesk *desk;
        std::size_t max_connections; ///< of all workers
        AddressLimit *addresses;
        Crew *crew;
        std::size_t index; ///< in the crew
        std::size_t pipes = Fanout::k_most_pipes;
        /// What the calling thread has computed so far.
        std::chrono::nanoseconds (*cpu_time)() = thread_time;
    };
    [[nodiscard]] static std::chrono::nanoseconds thread_time();
    /// Without its thread: see go().
    [[nodiscard]] static base::Result<std::unique_ptr<Worker>> make(World world);
    ~Worker();
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    /// There is new media: once for all viewers of this worker. Thread-safe, cheap when nobody
    /// waits.
    void wake();

    /// Ends the thread and begins it again; in between all stays as it is.
    void rest();
    void go();
    /// Nobody comes in any more, and who is here gets the rest of his answer, or of the media that
    /// there is (see Connection::wind_up()). Thread-safe; for ever.
    void wind_up();
    /// While all of the crew rest: its connections (see Connection::state()), and one more of
    /// these.
    [[nodiscard]] std::vector<ConnectionState>
    states(const std::function<bool(const Event &)> &is_shown);
    void adopt(ConnectionState state, const EventPtr &event);

  private:
    struct Slot {
        std::unique_ptr<Connection> connection;
        std::uint32_t interest = 0;
        bool waits = false;    ///< wants to hear of media
        bool gathered = false; ///< counts as one that is to hear of media
        AddressLimit::Place place{};
        std::uint64_t seen = 0; ///< of its event's snapshots, when it last was called for media
    };
    using Slots = std::unordered_map<std::uint64_t, Slot>;
    Worker(base::Fd epoll, base::Fd event, World world);
    void run();
    void dispatch(std::uint64_t number, std::uint32_t events, base::SteadyTime now);
    void accept_from(const Door &door, base::SteadyTime now);
    void hear(bool listen);
    void attend_doors();
    void close_doors(base::SteadyTime now);
    void add(Accepted viewer, const Door &door, AddressLimit::Place place, base::SteadyTime now);
    void settle(std::uint64_t number, Slot &slot, Connection::Need need);
    void let_wait(Slot &slot, bool waits);
    void hear_of_media(base::SteadyTime now);
    void serve_media(base::SteadyTime now);
    [[nodiscard]] int patience_ms(base::SteadyTime now) const;
    void serve_turns(base::SteadyTime now);
    void serve_passwords(base::SteadyTime now);
    void check_deadlines(base::SteadyTime now);
    void poke();
    void clear_event();
    void share_work(base::SteadyTime now);
    void give(const Rota::Relief &relief);
    [[nodiscard]] bool gather(Slots::iterator it);
    [[nodiscard]] Slot release(Slots::iterator it);
    void hand_over(std::vector<Slot> given, std::size_t to) const;
    void take_in(base::SteadyTime now);

    base::Fd m_epoll;
    base::Fd m_event;
    World m_world;
    const std::vector<Door> &m_doors;
    Fanout m_fanout{m_world.pipes};
    Connection::World m_connection_world;
    Slots m_slots;
    std::vector<std::uint64_t> m_turns;
    std::uint64_t m_next; // smaller ones are the worker's own descriptors
    base::SteadyTime m_swept{};
    base::SteadyTime m_served{};                 ///< media, the last time
    std::optional<base::SteadyTime> m_media_due; ///< media that waits for more: until then
    bool m_deaf = false; ///< takes no connections until the next sweep: there was no descriptor
    bool m_turn;         ///< hears the doors
    base::SteadyTime m_measured{};
    std::chrono::nanoseconds m_worked{};
    std::atomic<int> m_waiting{0}; ///< connections that want to hear of media
    std::atomic<bool> m_stop{false};
    std::atomic<bool> m_winds_up{false};
    std::atomic<bool> m_poked{false};
    std::mutex m_mutex; ///< for what follows
    std::vector<std::pair<std::uint64_t, bool>> m_checked;
    std::vector<Slot> m_given; ///< by others of the crew
    std::thread m_thread;
};

} // namespace relay
