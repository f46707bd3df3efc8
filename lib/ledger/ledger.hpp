// Durable reservations behind an interface: in memory for tests, SQLite on disk.
#pragma once

#include "ledger/records.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace ledger {

/// What can be done within one transaction. Valid only while the work runs. Errors are the
/// store's own (io, bad_data, try_again); "not there" is an empty optional. An error without a text
/// is one that the ledger deals with itself: pass it on, do not tell anybody.
class Transaction {
  public:
    virtual ~Transaction() = default;

    /// Names what this work judges by what others have put (resources of loads(); "quota:NAME" …):
    /// until its end no other work that names one of them runs beside it. Call it once, before
    /// reading what is judged, and read the bookings that it puts before its first put, by id:
    /// works that wait for each other cost time. Single bookings, tokens and parties need no lock:
    /// what was read of them and then put is not changed by others in between.
    [[nodiscard]] virtual base::Result<void> lock(const std::vector<std::string> &names,
                                                  base::UtcTime now) = 0;

    [[nodiscard]] virtual base::Result<std::optional<Booking>> booking(const base::Id &id) = 0;
    /// All of @p owner (empty: of everybody), oldest first.
    [[nodiscard]] virtual base::Result<std::vector<Booking>> bookings(const std::string &owner) = 0;
    /// Those that take something within @p span at @p now, by start, then id: at most @p most, the
    /// first.
    [[nodiscard]] virtual base::Result<std::vector<Booking>>
    within(resv::Span span, base::UtcTime now, std::size_t most) = 0;
    /// Those of @p series, by id.
    [[nodiscard]] virtual base::Result<std::vector<Booking>>
    bookings_of(const base::Id &series) = 0;
    /// Writes a new @p series; those that its bookings name are there.
    [[nodiscard]] virtual base::Result<void> put(const Series &series) = 0;
    [[nodiscard]] virtual base::Result<std::optional<Series>> series(const base::Id &id) = 0;
    /// Writes @p booking with what it takes; @p demands is empty when it takes nothing (any more).
    /// Replaces a former one of the same id. Its preflight takes demands_of_preflight() of them.
    [[nodiscard]] virtual base::Result<void> put(const Booking &booking,
                                                 const std::vector<resv::Demand> &demands) = 0;
    /// The same for one that is new: there is none of its id.
    [[nodiscard]] virtual base::Result<void> add(const Booking &booking,
                                                 const std::vector<resv::Demand> &demands) {
        return put(booking, demands);
    }
    /// Writes the serial of the newest settings of @p id, which is there, and nothing else.
    [[nodiscard]] virtual base::Result<void> put_settings_serial(const base::Id &id,
                                                                 std::int64_t serial) = 0;
    /// Adds to a history. Entries are never changed, nor forgotten.
    [[nodiscard]] virtual base::Result<void> put(const HistoryEntry &entry) = 0;
    /// The history of @p id, in order.
    [[nodiscard]] virtual base::Result<std::vector<HistoryEntry>> history(const base::Id &id) = 0;
    using HistoryReader = std::function<base::Result<void>(const HistoryEntry &)>;
    /// All histories, by reservation and sequence, until @p read fails.
    [[nodiscard]] virtual base::Result<void> each_history(const HistoryReader &read) = 0;

    /// What is taken of @p resources (each named once) within @p span at @p now: expired holds take
    /// nothing, and @p except is left out.
    [[nodiscard]] virtual base::Result<std::vector<resv::Load>>
    loads(const std::vector<std::string> &resources, resv::Span span, base::UtcTime now,
          const std::optional<base::Id> &except) = 0;
    /// The sum of loads() over time within @p span: quicker than they are. In a read it may know of
    /// what was written since that began.
    [[nodiscard]] virtual base::Result<resv::Timetable>
    taken(const std::vector<std::string> &resources, resv::Span span, base::UtcTime now,
          const std::optional<base::Id> &except) {
        return resv::Timetable{TRY(loads(resources, span, now, except))};
    }
    /// What @p owner has at @p now: reservations still to end, and the programme time of those that
    /// start within @p month: ended ones and no-shows count, what expired or was cancelled or
    /// revoked does not. @p except is left out.
    [[nodiscard]] virtual base::Result<resv::Usage>
    usage(const std::string &owner, resv::Span month, base::UtcTime now,
          const std::optional<base::Id> &except) = 0;
    /// Those whose written state still occupies something and may be due for a change by @p now: a
    /// hold that expired, a window that opened.
    [[nodiscard]] virtual base::Result<std::vector<Booking>> due(base::UtcTime now) = 0;

    /// How many holds there are at @p now.
    [[nodiscard]] virtual base::Result<std::int64_t> holds(base::UtcTime now) = 0;

    /// A serial of @p relay's feed above all former ones.
    [[nodiscard]] virtual base::Result<std::int64_t> next_feed_serial(const std::string &relay) = 0;
    /// The bookings of @p relay with a feed serial above @p after, by serial.
    [[nodiscard]] virtual base::Result<std::vector<Booking>> changed(const std::string &relay,
                                                                     std::int64_t after) = 0;

    [[nodiscard]] virtual base::Result<std::optional<Party>>
    party_by_key(const seal::KeyId &key) = 0;
    [[nodiscard]] virtual base::Result<std::optional<Party>>
    party_by_name(const std::string &name) = 0;
    [[nodiscard]] virtual base::Result<std::vector<Party>> parties() = 0;
    /// Writes @p party; replaces the one of the same name, whose key is then unknown.
    [[nodiscard]] virtual base::Result<void> put(const Party &party) = 0;
    /// Forgets the party of that name, whose key is then unknown.
    [[nodiscard]] virtual base::Result<void> remove_party(const std::string &name) = 0;

    [[nodiscard]] virtual base::Result<std::optional<FormerKey>>
    former_key(const seal::KeyId &key) = 0;
    /// All that are kept of the party @p name (empty: of everybody), the first to end first.
    [[nodiscard]] virtual base::Result<std::vector<FormerKey>>
    former_keys(const std::string &name) = 0;
    /// Writes @p key; replaces the one of the same id.
    [[nodiscard]] virtual base::Result<void> put(const FormerKey &key) = 0;

    [[nodiscard]] virtual base::Result<std::optional<Token>> token(const seal::Hash256 &hash) = 0;
    [[nodiscard]] virtual base::Result<void> put(const Token &token) = 0;

    [[nodiscard]] virtual base::Result<std::optional<StoredAnswer>>
    answer(const std::string &by, const std::string &key) = 0;
    [[nodiscard]] virtual base::Result<void> put(const StoredAnswer &answer) = 0;
    using MakeAnswer = std::function<StoredAnswer()>;
    /// The same for what @p make makes, the answer of @p by and @p key, which takes long and asks
    /// nothing of the ledger: another thread may do it, after this work and before write() returns.
    [[nodiscard]] virtual base::Result<void>
    put_answer(const std::string & /*by*/, const std::string & /*key*/, MakeAnswer make) {
        const MakeAnswer mine = std::move(make);
        return put(mine());
    }

    [[nodiscard]] virtual base::Result<void> put(const StoredReport &report) = 0;

    /// The outbox. Writes @p notice; replaces the one of the same id.
    [[nodiscard]] virtual base::Result<void> put(const Notice &notice) = 0;
    /// When the next one is due; nothing when there is none. One that waits for an earlier one of
    /// the same reservation to the same target is not due.
    [[nodiscard]] virtual base::Result<std::optional<base::UtcTime>> next_notice() = 0;
    /// Up to @p most of those due at @p now, the longest due first, as they are then: one attempt
    /// more, and due at @p until again. Nobody else is given them before that.
    [[nodiscard]] virtual base::Result<std::vector<Notice>>
    claim_notices(base::UtcTime now, base::UtcTime until, std::size_t most) = 0;
    [[nodiscard]] virtual base::Result<void> forget_notice(const base::Id &id) = 0;

    /// The id of control's own signing key, kept to find that another one took its place.
    [[nodiscard]] virtual base::Result<std::optional<seal::KeyId>> signing_key() = 0;
    [[nodiscard]] virtual base::Result<void> put_signing_key(const seal::KeyId &id) = 0;

    /// Forgets answers made before @p before, what reservations took whose window closed before it
    /// (not the reservations), former keys that were good until before it and are not revoked, and
    /// tokens that expired before @p now.
    [[nodiscard]] virtual base::Result<void> prune(base::UtcTime before, base::UtcTime now) = 0;
};

/// Whose answer to which idempotency key.
struct AnswerKey {
    std::string by;
    std::string key;
    auto operator<=>(const AnswerKey &) const = default;
};

/// What is called until this dies; see Ledger::watch.
class Watch {
  public:
    virtual ~Watch() = default;
};

/// Thread-safe.
class Ledger {
  public:
    using Work = std::function<base::Result<void>(Transaction &)>;

    virtual ~Ledger() = default;

    /// Runs @p work, alone as far as lock() asks, and returns when what it wrote is durable. When
    /// @p work or the store fails, nothing of it is kept and the error is returned. io: disk full
    /// or broken; try_again: another process keeps the ledger locked, or the database is away;
    /// bad_data: the ledger is damaged.
    ///
    /// @p work may run several times: when others were faster, and when the database went away
    /// before it said whether the first run was kept. So it first looks for what it did already (an
    /// answer stored under its idempotency key, a state that is reached).
    [[nodiscard]] virtual base::Result<void> write(const Work &work) = 0;
    /// The same for @p work that will ask for the answer of @p about: a database that is far away
    /// is asked once for those of many works.
    [[nodiscard]] virtual base::Result<void> write_once(const Work &work,
                                                        const AnswerKey & /*about*/) {
        return write(work);
    }

    /// Runs @p work, which only reads, on one snapshot, and returns when all it saw is durable.
    [[nodiscard]] virtual base::Result<void> read(const Work &work) = 0;
    /// The same without that: for what nobody is told of.
    [[nodiscard]] virtual base::Result<void> peek(const Work &work) { return read(work); }

    /// Calls @p changed, from another thread, when feeds may have new entries that another process
    /// made, within about a second; null when no other process can. One at a time.
    [[nodiscard]] virtual std::unique_ptr<Watch> watch(const std::function<void()> & /*changed*/) {
        return nullptr;
    }
};

/// One that forgets everything at its end.
[[nodiscard]] std::unique_ptr<Ledger> make_memory_ledger();

} // namespace ledger
