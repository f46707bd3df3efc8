// The calendar: channels, carriers and relays over time, as much of them as the one who looks may
// see.
#pragma once

#include "control/config.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"

namespace control {

/// Who looks. Nobody learns more here than by the rest of the API: a distributor sees its own
/// reservations, an operator all, and everybody else's are free or busy without a name.
struct Viewer {
    enum class Kind { anybody, distributor, operator_ };
    Kind kind = Kind::anybody;
    std::string name; ///< a party's; empty: anybody
    auto operator<=>(const Viewer &) const = default;
};

/// The document of calendar.schema.json without its time, which alone would make each a new one.
/// What is taken includes lead-in and drain. 422 too_much: more than 20 000 reservations.
[[nodiscard]] Outcome<wire::JsonObject> calendar(ledger::Transaction &t, const Config &config,
                                                 const Viewer &viewer, resv::Span span,
                                                 base::UtcTime now);

} // namespace control
