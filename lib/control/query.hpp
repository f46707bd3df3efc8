// Queries of the API, read strictly.
#pragma once

#include "control/booking.hpp"
#include "net/http_server.hpp"

namespace control {

/// 400 bad_request when @p request has any parameter.
[[nodiscard]] Outcome<void> check_no_query(const net::Request &request);

/// The parameters of GET /v1/availability. 400: missing, malformed or unknown; 422: they contradict
/// each other.
[[nodiscard]] Outcome<Desk::Wish> read_wish(const net::Request &request);

/// The parameters of GET /v1/freebusy.ics.
struct FreeBusyQuery {
    std::string channel;
    resv::Span window;
};
[[nodiscard]] Outcome<FreeBusyQuery> read_freebusy_query(const net::Request &request);

/// The parameters of a relay's feed: what is after this serial, waiting so long.
struct FeedQuery {
    std::int64_t after = 0;
    base::Seconds wait{0};
};
[[nodiscard]] Outcome<FeedQuery> read_feed_query(const net::Request &request);

/// The time that the calendar is asked for, at most 62 days.
[[nodiscard]] Outcome<resv::Span> read_calendar_query(const net::Request &request);

} // namespace control
