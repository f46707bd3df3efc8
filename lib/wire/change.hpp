// What of a reservation is to change: the body of PATCH /v1/reservations/ID.
#pragma once

#include "wire/reservation.hpp"

namespace wire {

/// What is absent stays as it is. A new start alone moves the programme and keeps its length.
struct ReservationChange {
    std::optional<base::UtcTime> start;
    std::optional<base::UtcTime> end;
    std::optional<base::Millis> duration; ///< instead of the end; whole seconds
    std::optional<base::BitRate> rate;
    std::optional<std::string> title;
    std::optional<std::int64_t> viewers;
    std::optional<std::string> channel;
    std::vector<std::string> carriers; ///< empty: as they are
    std::optional<resv::Disclosure> disclosure;
    std::optional<std::string> password_hash;       ///< exactly with disclosure password
    std::optional<std::vector<std::string>> notify; ///< all of them
    /// Alternative::offer of a refusal that was about this reservation; nothing else beside it.
    std::optional<std::string> offer;
};
[[nodiscard]] Json to_json(const ReservationChange &change);
/// bad_data: malformed, unknown, or nothing to change.
[[nodiscard]] base::Result<ReservationChange> read_change(const Json &json, std::string where);

/// The change that leads to @p request, whatever is there now.
[[nodiscard]] ReservationChange change_to(const ReservationRequest &request);

/// @p request with @p change: perhaps none that can be, see read_request().
[[nodiscard]] ReservationRequest changed(ReservationRequest request,
                                         const ReservationChange &change);

} // namespace wire
