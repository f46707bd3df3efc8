// relay-serve's main loop: ingest children below, the live store in the middle, the workers above.
#pragma once

#include "base/control_clock.hpp"
#include "relay/child.hpp"
#include "relay/feed_client.hpp"
#include "relay/keeper.hpp"
#include "relay/live_event.hpp"
#include "relay/poster_desk.hpp"
#include "relay/sessions.hpp"
#include "relay/spool.hpp"
#include "relay/srt_out.hpp"
#include "relay/tally.hpp"
#include "relay/upgrade.hpp"

#include <list>
#include <set>

namespace relay {

/// What the program wants of a run.
struct ServeOptions {
    bool once = false;                                ///< end after the first event's end
    int ready_fd = -1;                                ///< gets a newline when all is listening
    std::function<void(const wire::Json &)> on_event; ///< a record of what happens; may be empty
    int stop_fd = -1;                                 ///< readable: stop
    std::function<std::optional<int>()> stop_signal;  ///< SIGHUP: reload, SIGUSR2: upgrade
    /// Reads the configuration anew.
    std::function<base::Result<RelayConfig>()> configuration;
    sigset_t child_mask{}; ///< the signal mask that children get
    OwnCommand command;    ///< how to start this program again
    int take_over = -1;    ///< state of the program whose place this one takes, see keep_state()
    bool rehearse = false; ///< with that: only see whether it could
};

/// Names of the doors that viewers come in by, where they are handed over.
inline constexpr const char *k_plain_door = "http";
inline constexpr const char *k_secure_door = "https";
inline constexpr const char *k_admin_door = "admin";

/// Runs the relay until it is stopped. The value is the exit code.
[[nodiscard]] base::Result<int> serve(const RelayConfig &config, const ServeOptions &options);

/// When the retention of @p entry ends.
[[nodiscard]] base::UtcTime forgotten_at(const wire::FeedEntry &entry);

/// How often ingest children are to tell of media when there is so much to do (see
/// ViewerCounters::load()) and they were told @p last: at once for a few viewers, rarely for many,
/// whose every batch costs a system call each. What it was stays until the load is twice, so that
/// two do not take turns.
[[nodiscard]] wire::IngestPace pace_for(std::int64_t load,
                                        const std::optional<wire::IngestPace> &last);

/// One carrier's ingest: its child, its intake, and when it may be started again.
struct Ingest {
    std::string carrier;
    IngestConfig config;
    std::uint64_t run = 0;
    std::optional<Child> child;
    std::optional<Intake> intake;
    base::SteadyTime started{};
    bool short_of_memory = false; ///< some of its extents could not be made
};

/// The single thread that writes. See serve().
class Hub {
  public:
    Hub(RelayConfig config, RelayKeys keys, ServeOptions options);
    ~Hub();
    Hub(const Hub &) = delete;
    Hub &operator=(const Hub &) = delete;

    /// @p lock: of the data folder.
    [[nodiscard]] base::Result<int> run(base::FileLock lock);
    /// The same in place of a former program, which held the lock.
    [[nodiscard]] base::Result<int> take_over();

  private:
    /// What is handed over beside the hub's own members.
    struct Handover {
        struct Listener {
            std::string door; ///< http, https or admin
            int fd = -1;
        };
        int lock = -1;
        int spool_lock = -1;
        std::vector<Listener> listeners;
        FeedState feed;
        Reporter::Left left;
        std::vector<ConnectionState> connections;
    };
    struct Upgrade {
        std::optional<Rehearsal> rehearsal; ///< nothing: it was good
        base::SteadyTime until;             ///< of this step
    };

    [[nodiscard]] int serve();
    [[nodiscard]] base::Result<void> find_programs();
    [[nodiscard]] base::Result<void>
    start_workers(const std::vector<Handover::Listener> &former = {});
    [[nodiscard]] base::Result<void> start_conversations(FeedState state, Reporter::Left left);

    void carry(Carry &c, Handover &other);
    void carry_events(Carry &c);
    void carry_ingest(Carry &c);
    void same_addresses(Carry &c);
    [[nodiscard]] LiveEvent *taken_event(const wire::FeedEntry &entry, const std::string &tag,
                                         bool recorded);
    [[nodiscard]] bool is_shown(const Event &event) const;
    void adopt(std::vector<ConnectionState> connections);
    [[nodiscard]] Handover present() const;
    void begin_upgrade();
    [[nodiscard]] base::Result<void> rehearse();
    void tick_upgrade();
    void hand_over();
    [[nodiscard]] base::Error become_next(Handover other);
    [[nodiscard]] base::Error become_next_with(Handover &all);
    void take_updates();
    void apply(const wire::FeedEntry &entry);
    void apply_all(const FeedState &state);
    void tell_children(const wire::IngestMessage &message);
    void withdraw(const base::Id &reservation, std::string_view reason);
    void rebuild_board();

    void start_child(Ingest &ingest);
    void end_child(Ingest &ingest, std::string_view why);
    void read_child(Ingest &ingest);
    static void give_owed(Ingest &ingest);
    void tick_load(base::SteadyTime now);
    void tick_pace();
    [[nodiscard]] base::Result<void> read_messages(Ingest &ingest);
    void on(Ingest &ingest, const StreamOpened &e);
    void session_ended(const StreamKey &key, std::string_view reason);
    void close_stream(const StreamKey &key, std::string_view reason);
    void on(Ingest &ingest, const PartReady &e);
    void on(Ingest &ingest, const StreamStats &e);
    void on(Ingest &ingest, const StreamClosed &e);
    void on(Ingest &ingest, const PreflightOpened &e);
    void on(Ingest &ingest, const PreflightClosed &e);
    void on(Ingest &ingest, const Refused &e);
    static void on(Ingest &, std::monostate) {}

    [[nodiscard]] Store::Options options_for(const wire::FeedEntry &entry);
    void keep_recording(const LiveEvent &live);
    void tick_posters(base::SteadyTime now);
    void tick_spool(base::SteadyTime now);
    void close_recordings();
    void wind_up();
    [[nodiscard]] base::Result<void> load_tallies();
    void keep_tallies();
    void tick_receipts(base::UtcTime now, base::SteadyTime steady);
    void give_receipt(const base::Id &reservation, base::UtcTime at);

    void tick();
    void tell_news(const base::Id &reservation, LiveEvent &live);
    void record(std::string_view type, wire::JsonObject fields);
    void poll_once();
    void reload();
    void reload_certificate();
    [[nodiscard]] LiveEvent *find(const base::Id &reservation);
    [[nodiscard]] base::Result<void> start_srt_out();

    RelayConfig m_config;
    std::int64_t m_budget; ///< of memory for all media
    RelayKeys m_keys;
    ServeOptions m_options;
    std::optional<base::FileLock> m_lock; ///< of the data folder
    std::optional<Upgrade> m_upgrade;     ///< that is under way
    std::list<Process> m_terminators;     ///< of former programs' connections with TLS
    base::Fd m_program;
    ChildIdentity m_identity;
    base::SystemClock m_machine;
    base::ControlClock m_clock{m_machine};
    Metrics m_metrics;
    AddressLimit m_addresses;
    Board m_board;
    Egress m_egress;
    Router m_router;
    std::optional<PosterDesk> m_posters;
    std::unique_ptr<Spool> m_spool; ///< null: nothing is recorded
    std::optional<base::SteadyTime> m_swept;
    std::map<base::Id, wire::FeedEntry> m_admitted; ///< what the children were told
    std::map<base::Id, LiveEvent> m_events;
    std::map<base::Id, StreamKey> m_preflights; ///< the newest of each reservation
    std::vector<std::unique_ptr<Ingest>> m_ingest;
    base::SteadyTime m_load_taken{};
    std::int64_t m_load_bytes = 0;          ///< that all events had given out then
    std::optional<wire::IngestPace> m_pace; ///< what the children were told; nothing: nothing
    base::Fd m_srt_out_program;
    std::unique_ptr<SrtOut> m_srt_out; ///< null: not configured
    base::Fd m_updated;                ///< eventfd: m_updates has something
    std::mutex m_mutex;                ///< for m_updates
    std::vector<FeedClient::Update> m_updates;
    Sessions m_sessions;
    Tallies m_tallies;
    bool m_heard = false; ///< control's feed, since the start
    base::SteadyTime m_tallies_kept{};
    base::SteadyTime m_ticked{};
    bool m_new_media = false;
    bool m_once_done = false;
    // Threads last: they are joined before what they use goes.
    std::unique_ptr<net::TlsIdentity> m_tls; ///< null: no HTTPS
    std::unique_ptr<PasswordDesk> m_desk;
    std::unique_ptr<Crew> m_crew;
    std::unique_ptr<Keeper> m_keeper;
    std::unique_ptr<Reporter> m_reporter;
    std::unique_ptr<FeedClient> m_feed;
};

} // namespace relay
