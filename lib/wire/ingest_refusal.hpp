// Why a relay refuses a publisher, and how SRT tells him: by a number.
#pragma once

#include "base/time.hpp"

#include <string>
#include <string_view>

namespace wire {

/// SRT rejection codes that a publisher sees, in the application's range (SRT_REJC_USERDEFINED =
/// 2000 upwards); see relay-serve(8).
enum class IngestRefusal {
    bad_ticket = 2001,  ///< not a ticket, or not control's signature
    wrong_relay = 2002, ///< issued for another relay
    too_early = 2003,   ///< before start - lead_in
    ended = 2004,       ///< after end + drain
    withdrawn = 2005,   ///< cancelled, revoked or superseded by a newer generation
    busy = 2006,        ///< another publisher is live with this ticket
    unknown = 2007,     ///< this relay has not heard of the reservation
    wrong_use = 2008,   ///< neither a publish nor a preflight ticket
    over_rate = 2009,   ///< it was just closed for sending more than was reserved
};
[[nodiscard]] std::string_view name(IngestRefusal refusal);

/// What a publisher sees: the refusal's number; of too_early, which tells by how much, 10000 more
/// than the seconds, rounded up, of 30 days at most.
[[nodiscard]] int refusal_code(IngestRefusal refusal, base::Millis early);
/// The other way: "too_early, by 3m20s", or the name alone. "other" for a code that is none.
[[nodiscard]] std::string refusal_text(int code);
/// Of a refusal_text(), the name.
[[nodiscard]] std::string_view refusal_name(std::string_view text);
/// Whether what refusal_text() says passes by itself, so that the same ticket may be shown again.
/// Not "other".
[[nodiscard]] bool is_passing(std::string_view text);

} // namespace wire
