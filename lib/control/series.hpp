// Series of reservations: booked in one transaction, each of them an ordinary one then.
#pragma once

#include "control/booking.hpp"
#include "ical/recurrence.hpp"
#include "wire/series.hpp"

namespace control {

/// When @p request falls: at most as often as the policy allows, none beyond the furthest horizon
/// but one. 422 bad_repeat: the rule, the zone, or what they come to.
[[nodiscard]] Outcome<std::vector<ical::Occurrence>>
occurrences_of(const wire::SeriesRequest &request, const Config &config, base::UtcTime now);

struct SeriesBooked {
    ledger::Series series;
    std::vector<ledger::Booking> bookings; ///< by their start
    std::vector<wire::Clash> clashes; ///< for `propose` the first 20 with alternatives, no offers
};

/// Books @p request for @p owner on each of @p occurrences, in @p t: each of them passes what a
/// single one does, beside those booked before it. 409 series_clash: none of it, since one cannot
/// be, or all cannot; with all that fell short. What is wrong with one for another reason than time
/// and place is wrong with all: 422 as Desk::book.
[[nodiscard]] Outcome<SeriesBooked> book_series(const Desk &desk, ledger::Transaction &t,
                                                const std::string &owner,
                                                const wire::SeriesRequest &request,
                                                const std::vector<ical::Occurrence> &occurrences,
                                                const Act &act);

/// Cancels what of it is still held or booked, and answers all of it. 409 wrong_state: nothing is,
/// and nothing was cancelled before.
[[nodiscard]] Outcome<std::vector<ledger::Booking>>
cancel_series(const Desk &desk, ledger::Transaction &t, const base::Id &series, const Act &act);

/// Whether anything can become part of @p series: 410 series_gone when of it something was
/// cancelled and nothing is still to come.
[[nodiscard]] Outcome<void> check_series_goes_on(ledger::Transaction &t, const base::Id &series,
                                                 base::UtcTime now);

[[nodiscard]] wire::Json to_json(const ledger::Series &series);

} // namespace control
