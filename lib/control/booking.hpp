// The rules of booking, each within one transaction of the ledger.
#pragma once

#include "control/config.hpp"
#include "control/places.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"
#include "resv/alternatives.hpp"

namespace control {

/// Judges requests and carries them out (booking.cpp, verbs.cpp, menu.cpp). Stateless beside the
/// configuration; thread-safe.
class Desk {
  public:
    explicit Desk(const Config &config);

    /// A booking, or a hold when the request says so, for @p owner. 422: the times, names or rate
    /// cannot be (codes too_late, beyond_horizon, too_short, too_long, unknown_channel,
    /// unknown_carrier, carrier_not_at_relay, over_max_rate …). 409 overlap or no_capacity: with
    /// every resource that falls short, and up to five alternatives, still without offers.
    [[nodiscard]] Outcome<ledger::Booking> book(ledger::Transaction &t, const std::string &owner,
                                                const wire::ReservationRequest &request,
                                                base::UtcTime now) const;
    /// Turns a hold into a booking; 410 hold_expired, 409 overlap or no_capacity: its place is
    /// not free any more (the clock was set back, or the configuration holds less).
    [[nodiscard]] Outcome<ledger::Booking> commit(ledger::Transaction &t, ledger::Booking booking,
                                                  base::UtcTime now) const;
    /// Moves the end later, when everything is free until then. The same end again changes nothing.
    [[nodiscard]] Outcome<ledger::Booking> extend(ledger::Transaction &t, ledger::Booking booking,
                                                  base::UtcTime end, base::UtcTime now) const;
    [[nodiscard]] Outcome<ledger::Booking> cancel(ledger::Transaction &t, ledger::Booking booking,
                                                  base::UtcTime now) const;
    [[nodiscard]] Outcome<ledger::Booking> end(ledger::Transaction &t, ledger::Booking booking,
                                               base::UtcTime now) const;
    /// A new ticket; the former one is refused from then on.
    [[nodiscard]] Outcome<ledger::Booking> new_generation(ledger::Transaction &t,
                                                          ledger::Booking booking) const;
    /// The relay saw its first media at @p at.
    [[nodiscard]] Outcome<ledger::Booking> activate(ledger::Transaction &t, ledger::Booking booking,
                                                    base::UtcTime at, base::UtcTime now) const;
    /// Writes the state that @p booking has reached by itself.
    [[nodiscard]] Outcome<ledger::Booking> settle(ledger::Transaction &t, ledger::Booking booking,
                                                  resv::State state) const;

    /// Writes what only control sees of @p booking (its settings' serial): no new revision.
    [[nodiscard]] Outcome<void> keep(ledger::Transaction &t, const ledger::Booking &booking) const;

    /// The menu: free starts for the programme's @p duration within @p menu.
    struct Wish {
        resv::Span menu;
        base::Millis duration{0};
        base::BitRate rate;
        std::optional<std::int64_t> viewers;
        std::optional<std::string> channel;
        std::vector<std::string> carriers; ///< empty: each carrier by itself
    };
    [[nodiscard]] Outcome<std::vector<wire::Slot>> slots(ledger::Transaction &t, const Wish &wish,
                                                         base::UtcTime now) const;

  private:
    [[nodiscard]] Outcome<std::vector<Place>> open_places(const wire::ReservationRequest &request,
                                                          base::UtcTime now) const;
    [[nodiscard]] std::vector<resv::Way> ways(const ledger::Booking &refused,
                                              base::UtcTime now) const;
    [[nodiscard]] Outcome<std::vector<wire::Alternative>>
    alternatives(ledger::Transaction &t, const ledger::Booking &refused, base::UtcTime now) const;
    /// What is taken of @p resources, by others and by maintenance, within @p span.
    [[nodiscard]] Outcome<resv::Timetable> taken(ledger::Transaction &t,
                                                 const std::vector<std::string> &resources,
                                                 resv::Span span, base::UtcTime now,
                                                 const std::optional<base::Id> &except = {}) const;
    /// What it takes of what there is a bound to: without a quota its owner has none.
    [[nodiscard]] std::vector<resv::Demand> bounded(const ledger::Booking &booking) const;
    /// Whether its owner may have it, as far as that is a sum: 409 over_quota.
    [[nodiscard]] Outcome<void> check_quota(ledger::Transaction &t, const ledger::Booking &booking,
                                            base::UtcTime now) const;
    [[nodiscard]] std::unexpected<Refusal>
    refuse_short(const std::vector<resv::Shortage> &shortages) const;
    [[nodiscard]] Outcome<void> check_free(ledger::Transaction &t, const ledger::Booking &booking,
                                           resv::Span span, base::UtcTime now) const;
    [[nodiscard]] Outcome<ledger::Booking> save(ledger::Transaction &t,
                                                ledger::Booking booking) const;

    const Config &m_config;
    resv::Capacity m_capacity;
};

} // namespace control
