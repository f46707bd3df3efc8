// What an ingest child says, checked: a child faces strangers and may have been taken over, so not
// one of its numbers is believed. Pure: messages in, events and answers out.
#pragma once

#include "relay/extent.hpp"
#include "relay/store.hpp"
#include "wire/ingest.hpp"

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <variant>

namespace relay {

/// What a checked message means to the hub.
struct StreamOpened {
    std::int64_t stream = 0;
    base::Id reservation;
    std::uint32_t generation = 0;
    std::string instance;
    unsigned path = 0;
    std::string peer;
};
struct PartReady {
    std::int64_t stream = 0;
    base::Id reservation;
    ExtentPtr extent;
    std::int64_t position = 0; ///< bytes of the stream before it
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
    std::int64_t received_us = 0;
    std::vector<StreamCut> cuts;
    std::vector<StreamUnit> units{};
    std::vector<wire::IngestRun> runs{}; ///< of a numbered stream: they make up its bytes
};
struct StreamStats {
    std::int64_t stream = 0;
    base::Id reservation;
    wire::IngestStats numbers;
};
struct StreamClosed {
    std::int64_t stream = 0;
    base::Id reservation;
    std::string reason;
};
struct PreflightOpened {
    std::int64_t stream = 0;
    base::Id reservation;
    std::string peer;
};
struct PreflightClosed {
    base::Id reservation;
    wire::IngestPreflightDone what;
};
struct Refused {
    wire::IngestRefused what;
};
using IntakeEvent = std::variant<std::monostate, StreamOpened, PartReady, StreamStats, StreamClosed,
                                 PreflightOpened, PreflightClosed, Refused>;

/// One child's streams. Not thread-safe.
class Intake {
  public:
    /// A message for the child, with the extent whose descriptor goes along.
    struct Outgoing {
        wire::IngestMessage message;
        ExtentPtr extent;
    };
    using MakeExtent = std::function<base::Result<ExtentPtr>()>;

    explicit Intake(MakeExtent make) : m_make(std::move(make)) {}

    /// Notes what the child is told of who may publish.
    void admit(const base::Id &reservation) { m_admitted.insert(reservation); }
    void withdraw(const base::Id &reservation) { m_admitted.erase(reservation); }

    /// Checks one message at @p now_us (CLOCK_MONOTONIC). An error (protocol) means that the child
    /// lies or is broken: end it. That this machine has no memory or descriptor for an extent is
    /// none: see give_owed().
    [[nodiscard]] base::Result<IntakeEvent> handle(const wire::IngestMessage &message,
                                                   std::int64_t now_us);

    /// Makes the extents that could not be made when they were asked for. Call it a few times a
    /// second. The error is the machine's: some are still owed.
    base::Result<void> give_owed();

    /// What is to be sent to the child, oldest first.
    std::deque<Outgoing> outbox;

    /// The streams that are open, with their reservations: of a child that died, for instance.
    [[nodiscard]] std::vector<std::pair<std::int64_t, base::Id>> open_streams() const;

    /// Streams and what is to be sent.
    void carry(Carry &c);

  private:
    struct Stream {
        base::Id reservation;
        std::map<std::int64_t, ExtentPtr> extents; ///< by number: the present one and the next
        std::int64_t given = 0;                    ///< extents given so far
        std::int64_t owed = 0;                     ///< asked for and not yet given
        std::int64_t current = 0;                  ///< number of the extent being filled
        std::int64_t offset = 0;                   ///< filled so far
        std::int64_t position = 0;                 ///< bytes of the stream so far
        bool numbered = false;                     ///< its parts have runs
        std::int64_t last_cut = -1;
        std::int64_t last_unit = -1;
        std::int64_t received_us = 0;
    };
    using Outcome = base::Result<IntakeEvent>;
    Outcome on(const wire::IngestOpened &m, std::int64_t now_us);
    Outcome on(const wire::IngestNeedExtent &m, std::int64_t now_us);
    Outcome on(const wire::IngestPart &m, std::int64_t now_us);
    Outcome on(const wire::IngestStats &m, std::int64_t now_us);
    Outcome on(const wire::IngestClosed &m, std::int64_t now_us);
    Outcome on(const wire::IngestPreflight &m, std::int64_t now_us);
    Outcome on(const wire::IngestPreflightDone &m, std::int64_t now_us);
    Outcome on(const wire::IngestRefused &m, std::int64_t now_us);
    template <typename M> Outcome on(const M &, std::int64_t);
    base::Result<void> give_owed(std::int64_t number, Stream &stream);
    base::Result<void> is_fresh(std::int64_t stream);
    base::Result<void> move_on(Stream &stream, const wire::IngestPart &part);
    base::Result<Stream *> find(std::int64_t stream);

    MakeExtent m_make;
    std::map<std::int64_t, Stream> m_streams;
    std::map<std::int64_t, base::Id> m_preflights; ///< streams that are measured and discarded
    std::set<base::Id> m_admitted;
    std::int64_t m_highest = -1;
};

} // namespace relay
