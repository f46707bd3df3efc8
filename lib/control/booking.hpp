// The rules of booking, each within one transaction of the ledger.
#pragma once

#include "control/config.hpp"
#include "control/history.hpp"
#include "control/places.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"
#include "resv/alternatives.hpp"
#include "wire/change.hpp"
#include "wire/slot_list.hpp"

namespace control {

/// The state after @p action; 409 wrong_state.
[[nodiscard]] Outcome<resv::State> step(const ledger::Booking &booking, resv::Action action,
                                        base::UtcTime now);

/// How something is booked, beside what is asked for.
struct Manner {
    /// Its start is then the next that the channel's grid has from now on, and there is no lead-in;
    /// the start in the request does not matter.
    std::optional<AtOnce> at_once{};
    std::optional<base::Id> series{}; ///< that it is part of
    bool alternatives = true;         ///< its refusal has them
};

/// Judges requests and carries them out (booking.cpp, changing.cpp, verbs.cpp, menu.cpp). Stateless
/// beside the configuration; thread-safe.
class Desk {
  public:
    explicit Desk(const Config &config);

    /// A booking, or a hold when the request says so, for @p owner. 422: the times, names or rate
    /// cannot be (codes too_late, beyond_horizon, too_short, too_long, unknown_channel,
    /// unknown_carrier, carrier_not_at_relay, over_max_rate …). 409 overlap or no_capacity: with
    /// every resource that falls short, and up to five alternatives, still without offers.
    [[nodiscard]] Outcome<ledger::Booking> book(ledger::Transaction &t, const std::string &owner,
                                                const wire::ReservationRequest &request,
                                                const Act &act, const Manner &manner = {}) const;
    // The refusals of the next three name what fell short and have alternatives too: as changes of
    // this reservation, which is judged as if it took nothing.

    /// Turns a hold into a booking; 410 hold_expired, 409 overlap or no_capacity: its place is
    /// not free any more (the clock was set back, or the configuration holds less).
    [[nodiscard]] Outcome<ledger::Booking> commit(ledger::Transaction &t, ledger::Booking booking,
                                                  const Act &act) const;
    /// Moves the end later, when everything is free until then. The same end again changes nothing.
    [[nodiscard]] Outcome<ledger::Booking> extend(ledger::Transaction &t, ledger::Booking booking,
                                                  base::UtcTime end, const Act &act) const;
    /// Changes what was asked for, all or nothing. What it has it keeps; only what it wants beyond
    /// that must be free. Without a channel named it stays on its own if it can. A booking stays at
    /// its relay (409 other_relay), which knows it by then; what is active keeps its start,
    /// channel, carriers and disclosure (409 wrong_state), for it is on the air.
    [[nodiscard]] Outcome<ledger::Booking> change(ledger::Transaction &t, ledger::Booking booking,
                                                  const wire::ReservationChange &change,
                                                  const Act &act) const;
    [[nodiscard]] Outcome<ledger::Booking> cancel(ledger::Transaction &t, ledger::Booking booking,
                                                  const Act &act) const;
    [[nodiscard]] Outcome<ledger::Booking> end(ledger::Transaction &t, ledger::Booking booking,
                                               const Act &act) const;
    /// Withdraws it, live or not yet: the relay cuts its publisher at once.
    [[nodiscard]] Outcome<ledger::Booking> revoke(ledger::Transaction &t, ledger::Booking booking,
                                                  const Act &act) const;
    /// A new ticket; the former one is refused from then on.
    [[nodiscard]] Outcome<ledger::Booking>
    new_generation(ledger::Transaction &t, ledger::Booking booking, const Act &act) const;
    /// Lets it try its line and the relay's ingest from now on for as long as the policy says, at
    /// most until its window opens; instead of an earlier preflight. 409 wrong_state: it is not
    /// booked; window_open: it may publish; no_capacity, over_quota: something it needs is taken,
    /// and there are no alternatives to now.
    [[nodiscard]] Outcome<ledger::Booking> preflight(ledger::Transaction &t,
                                                     ledger::Booking booking, const Act &act) const;
    /// The relay saw its first media at @p at.
    [[nodiscard]] Outcome<ledger::Booking> activate(ledger::Transaction &t, ledger::Booking booking,
                                                    base::UtcTime at, const Act &act) const;
    /// Writes the state that @p booking has reached by itself.
    [[nodiscard]] Outcome<ledger::Booking> settle(ledger::Transaction &t, ledger::Booking booking,
                                                  resv::State state, const Act &act) const;

    /// The menu: free starts for the programme's @p duration within @p menu.
    struct Wish {
        std::string owner; ///< whose quota counts; empty: nobody's
        resv::Span menu;
        base::Millis duration{0};
        base::BitRate rate;
        std::optional<std::int64_t> viewers;
        std::optional<std::string> channel;
        std::vector<std::string> carriers; ///< empty: each carrier by itself
    };
    /// 409 over_quota: its owner may have nothing more, or not in any month of the menu.
    [[nodiscard]] Outcome<wire::SlotList> slots(ledger::Ledger &ledger, const Wish &wish,
                                                base::UtcTime now) const;

  private:
    /// Of what is no resource: 422 bad_password_hash, no_notifications.
    [[nodiscard]] static Outcome<void> check_words(const wire::ReservationRequest &request);
    [[nodiscard]] Outcome<std::vector<Place>>
    open_places(const wire::ReservationRequest &request, base::UtcTime now,
                const std::optional<AtOnce> &at_once) const;
    /// What an alternative has to keep of a reservation that is there already.
    struct Keeps {
        std::optional<base::Id> id;  ///< takes nothing meanwhile
        std::string relay;           ///< empty: none
        bool place = false;          ///< start, channel and carriers
        base::Millis longer_than{0}; ///< it is there to get more time
        bool at_once = false;        ///< its start, or one that leaves time to take the offer
    };
    [[nodiscard]] std::vector<resv::Way> ways(const ledger::Booking &refused, base::UtcTime now,
                                              const Keeps &keeps) const;
    [[nodiscard]] Outcome<std::vector<wire::Alternative>>
    alternatives(ledger::Transaction &t, const ledger::Booking &refused, base::UtcTime now,
                 const Keeps &keeps) const;
    /// `missing` as a refusal of what `before` was to become, with alternatives.
    [[nodiscard]] Outcome<ledger::Booking> refuse_change(ledger::Transaction &t,
                                                         const ledger::Booking &before,
                                                         const ledger::Booking &wanted,
                                                         const std::vector<resv::Shortage> &missing,
                                                         base::UtcTime now) const;
    /// Where @p wanted could be instead of @p before, its present channel first; @p stays: only
    /// there.
    [[nodiscard]] Outcome<std::vector<Place>> places_for(const ledger::Booking &before,
                                                         const ledger::Booking &wanted, bool stays,
                                                         base::UtcTime now) const;
    /// Puts @p wanted where it fits, beside all but @p before.
    [[nodiscard]] Outcome<ledger::Booking> move(ledger::Transaction &t,
                                                const ledger::Booking &before,
                                                ledger::Booking wanted, bool stays,
                                                base::UtcTime now) const;
    [[nodiscard]] Outcome<ledger::Booking> alter(ledger::Transaction &t, std::string_view verb,
                                                 ledger::Booking booking,
                                                 const wire::ReservationChange &change, bool stays,
                                                 const Act &act) const;
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
    /// Of @p starts those that the quota of @p owner (empty: nobody) leaves a programme of
    /// @p duration, as maximal spans; 409 over_quota when it leaves none.
    [[nodiscard]] Outcome<std::vector<resv::Span>>
    allowed_starts(ledger::Transaction &t, const std::string &owner, resv::Span starts,
                   base::Millis duration, base::UtcTime now) const;
    /// The ticket gets another id and a higher generation: the former one is void, and so is the
    /// ticket of a preflight.
    static void renew_ticket(ledger::Booking &booking);
    [[nodiscard]] std::unexpected<Refusal>
    refuse_short(const std::vector<resv::Shortage> &shortages) const;
    /// The booking after @p action, called @p verb, which changes its state alone.
    [[nodiscard]] Outcome<ledger::Booking> finish(ledger::Transaction &t, ledger::Booking booking,
                                                  resv::Action action, std::string_view verb,
                                                  const Act &act) const;
    /// Keeps what @p act, called @p verb, made of @p before; null: it is new.
    [[nodiscard]] Outcome<ledger::Booking> save(ledger::Transaction &t, std::string_view verb,
                                                const Act &act, const ledger::Booking *before,
                                                ledger::Booking booking) const;

    const Config &m_config;
    resv::Capacity m_capacity;
};

} // namespace control
