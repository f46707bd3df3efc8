// Series: what is asked for to recur, and what of it could not be booked.
#pragma once

#include "wire/problem.hpp"
#include "wire/reservation.hpp"

namespace wire {

/// What happens when not every reservation of a series can be booked.
enum class OnClash {
    all_or_nothing, ///< none is
    skip,           ///< the others are
    propose         ///< the others are, and what would do instead is offered
};
[[nodiscard]] std::string_view name(OnClash on_clash);
[[nodiscard]] base::Result<OnClash> parse_on_clash(std::string_view text);

/// Body of POST /v1/series.
struct SeriesRequest {
    ReservationRequest request; ///< the first reservation; not a hold
    std::string repeat;         ///< a rule of RFC 5545, see resv::parse_rrule
    std::string zone;           ///< an IANA name: the wall time stays there
    OnClash on_clash = OnClash::all_or_nothing;
};
[[nodiscard]] Json to_json(const SeriesRequest &request);
[[nodiscard]] base::Result<SeriesRequest> read_series_request(const Json &json, std::string where);

/// One of a series that is not booked: the record `{"type":"clash","v":1,…}`.
struct Clash {
    std::string local; ///< `2027-03-28T18:00:00`, in the zone of the series
    base::UtcTime start;
    Problem problem; ///< as if it had been asked for alone
};
[[nodiscard]] Json to_json(const Clash &clash);
[[nodiscard]] base::Result<Clash> read_clash(const Json &json, std::string where);

} // namespace wire
