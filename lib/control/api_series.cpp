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

namespace {

JsonObject document_of(const ledger::Series &series, const std::vector<Booking> &bookings,
                       const Config &config, UtcTime now) {
    JsonArray reservations;
    for (const Booking &b : bookings)
        reservations.push_back(wire::to_json(reservation_of(b, config, now)));
    return {{"series", control::to_json(series)}, {"reservations", std::move(reservations)}};
}

void sort_by_start(std::vector<Booking> &bookings) {
    std::ranges::sort(bookings, {}, [](const Booking &b) { return b.life.window.start; });
}

} // namespace

// As for single ones: fresh settings, sealed to the owner. Hundreds of them take long: not in the
// transaction, which others wait for.
Outcome<Answer> Api::booked(Transaction &t, ledger::Series series, std::vector<Booking> bookings,
                            JsonArray clashes, UtcTime now) {
    sort_by_start(bookings);
    auto owner = TRY(t.party_by_name(series.owner));
    if (owner)
        for (Booking &b : bookings)
            if (servable(b, m_config)) {
                ++b.settings_serial;
                TRY(t.put_settings_serial(b.id, b.settings_serial));
            }
    Answer answer{.status = 201, .body = {}};
    answer.make_body = [this, series = std::move(series), bookings = std::move(bookings),
                        clashes = std::move(clashes), owner = std::move(owner), now] {
        JsonArray settings;
        for (const Booking &b : bookings)
            if (owner && servable(b, m_config))
                settings.push_back(wire::to_json(settings_of(b, *owner, m_config, m_keys, now)));
        JsonObject out = document_of(series, bookings, m_config, now);
        out["settings"] = std::move(settings);
        out["clashes"] = clashes;
        return wire::compact_json(out);
    };
    return answer;
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
        return this->booked(t, std::move(booked.series), std::move(booked.bookings),
                            std::move(clashes), now);
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
        sort_by_start(bookings);
        return json(document_of(series, bookings, m_config, call.now));
    });
}

Outcome<Answer> Api::cancel_series(const Call &call) {
    TRY(check_unread(call.request));
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        const ledger::Series series = TRY(own_series(t, call));
        auto bookings = TRY(control::cancel_series(m_desk, t, series.id, {now, call.caller}));
        sort_by_start(bookings);
        return json(document_of(series, bookings, m_config, now));
    });
}

} // namespace control
