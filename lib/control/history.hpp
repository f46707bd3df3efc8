// The history of a reservation: what was done to it, when and by whom, as a chain of hashes.
#pragma once

#include "ledger/records.hpp"
#include "wire/json.hpp"

#include <map>

namespace control {

/// When something is done, and by whom.
struct Act {
    base::UtcTime now;
    std::string name = "control"; ///< of a party, or control itself
    std::string role = "control";
    std::string key{}; ///< the id of the key that signed; empty: control's own doing

    /// By control itself.
    Act(base::UtcTime at) : now(at) {} // NOLINT(*-explicit-*)
    Act(base::UtcTime at, const ledger::Party &by);
};

/// The entry that says that @p act, called @p verb, made @p after of @p before (null: it is new);
/// @p after then names it as its last. The entry holds what is otherwise, all of it for a new one,
/// and @p more, which the booking does not have.
[[nodiscard]] ledger::HistoryEntry next_entry(std::string_view verb, const Act &act,
                                              const ledger::Booking *before, ledger::Booking &after,
                                              const wire::JsonObject &more = {});

/// The entry as it is told: the record `{"type":"history","v":1,…,"hash"}`. bad_data: it is none.
[[nodiscard]] base::Result<wire::Json> record_of(const ledger::HistoryEntry &entry);

/// Follows histories entry by entry, in order of reservation and sequence. Each hash is over the
/// entry, which has the hash of the one before, and the reservation names its last: what was
/// edited, removed, added or put elsewhere does not fit. (Who may write the ledger can make a whole
/// chain anew: only those who kept a hash will see it.)
class HistoryCheck {
  public:
    /// @p bookings: all whose entries will come.
    explicit HistoryCheck(const std::vector<ledger::Booking> &bookings);

    /// bad_data names the first link that is broken.
    [[nodiscard]] base::Result<void> add(const ledger::HistoryEntry &entry);
    /// After the last entry.
    [[nodiscard]] base::Result<void> end();
    [[nodiscard]] std::int64_t entries() const { return m_entries; }

  private:
    struct Head {
        std::int64_t length = 0;
        seal::Hash256 hash{};
        bool seen = false;
    };
    [[nodiscard]] base::Result<void> close() const;

    std::map<base::Id, Head> m_heads;
    Head m_now; // of the chain that is being followed
    std::optional<base::Id> m_reservation;
    std::int64_t m_entries = 0;
};

} // namespace control
