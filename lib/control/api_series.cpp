// What the API does with series.
#include "control/api.hpp"
#include "control/documents.hpp"
#include "control/handler.hpp"
#include "control/series.hpp"
#include "control/transact.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Transaction;
using wire::JsonArray;
using wire::JsonObject;

// As for single ones: fresh settings, sealed to the owner.
Outcome<JsonObject> Api::series_answer(Transaction &t, const ledger::Series &series,
                                       std::vector<Booking> bookings, UtcTime now,
                                       bool with_settings) {
    std::ranges::sort(bookings, {}, [](const Booking &b) { return b.life.window.start; });
    JsonArray reservations;
    JsonArray settings;
    const auto owner = TRY(t.party_by_name(series.owner));
    for (Booking &b : bookings) {
        if (with_settings && owner && servable(b, m_config)) {
            ++b.settings_serial;
            TRY(t.put_settings_serial(b.id, b.settings_serial));
            settings.push_back(wire::to_json(settings_of(b, *owner, m_config, m_keys, now)));
        }
        reservations.push_back(wire::to_json(reservation_of(b, m_config, now)));
    }
    JsonObject out{{"series", control::to_json(series)}, {"reservations", std::move(reservations)}};
    if (with_settings)
        out["settings"] = std::move(settings);
    return out;
}

Outcome<Answer> Api::book_series(const Call &call) {
    const auto asked = wire::read_series_request(TRY(body_of(call.request)), "series");
    if (!asked)
        return invalid(asked.error());
    const auto occurrences = occurrences_of(*asked, m_config, call.now);
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        const Act act{now, call.caller};
        auto booked =
            TRY(control::book_series(m_desk, t, call.caller.name, *asked, TRY(occurrences), act));
        JsonArray clashes;
        for (wire::Clash &clash : booked.clashes) {
            clash.problem = m_offers.add(
                std::move(clash.problem), {.to = call.caller.name},
                {.request = asked->request, .at_once = false, .series = booked.series.id}, now);
            clashes.push_back(wire::to_json(clash));
        }
        auto out = TRY(series_answer(t, booked.series, std::move(booked.bookings), now, true));
        out["clashes"] = std::move(clashes);
        return json(out, 201);
    });
}

// One answer for "does not exist" and "is not yours", as for single ones.
Outcome<ledger::Series> Api::own_series(Transaction &t, const Call &call) {
    const auto id = base::Id::parse(call.names.front());
    auto found = id ? TRY(t.series(*id)) : std::nullopt;
    if (!found || (call.caller.role != ledger::Role::operator_ && found->owner != call.caller.name))
        return refuse(404, "not_found", "you have no such series", "resv-request list shows yours");
    return *std::move(found);
}

Outcome<Answer> Api::show_series(const Call &call) {
    return examine(m_ledger, [&](Transaction &t) -> Outcome<Answer> {
        const ledger::Series series = TRY(own_series(t, call));
        auto bookings = TRY(t.bookings_of(series.id));
        return json(TRY(series_answer(t, series, std::move(bookings), call.now, false)));
    });
}

Outcome<Answer> Api::cancel_series(const Call &call) {
    TRY(check_unread(call.request));
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        const ledger::Series series = TRY(own_series(t, call));
        auto bookings = TRY(control::cancel_series(m_desk, t, series.id, {now, call.caller}));
        return json(TRY(series_answer(t, series, std::move(bookings), now, false)));
    });
}

} // namespace control
