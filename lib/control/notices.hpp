// What others are told of a reservation that names them: written with the change, sent later.
#pragma once

#include "control/config.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"

namespace control {

enum class Event { booked, changed, cancelled, started };
/// `reservation.booked` …
[[nodiscard]] std::string_view name(Event event);

/// What others are told when @p before (null: it is new) became @p after, if anything: a hold is
/// nobody's business, nor is the quiet end of what took place, or a place that nobody came for.
[[nodiscard]] std::optional<Event> event_between(const ledger::Booking *before,
                                                 const ledger::Booking &after);

/// Whether @p request names only such as this control can reach: 422 no_notifications.
[[nodiscard]] Outcome<void> check_notify(const Config &config,
                                         const wire::ReservationRequest &request);

/// Puts into the outbox, for each address that @p booking names, that @p event happened to it.
/// Call it after the booking was put, in the same transaction, once for each of its revisions.
[[nodiscard]] base::Result<void> notify(ledger::Transaction &t, Event event,
                                        const ledger::Booking &booking, const Config &config,
                                        base::UtcTime now);

/// What they are told, and no more: the member `data` of a webhook.
struct Told {
    base::Id id;
    resv::State state = resv::State::booked;
    std::int64_t revision = 0;
    std::string title;
    base::UtcTime start;
    base::UtcTime end;
    std::string viewer_url;
};
[[nodiscard]] wire::Json to_json(const Told &told);
[[nodiscard]] base::Result<Told> read_told(const wire::Json &json, std::string where);
[[nodiscard]] Told told_of(const ledger::Booking &booking, const Config &config, base::UtcTime now);

} // namespace control
