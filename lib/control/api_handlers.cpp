// What the API does, one handler per route. More: api_service.cpp.
#include "control/api.hpp"

#include "base/log.hpp"
#include "control/documents.hpp"
#include "control/handler.hpp"
#include "control/query.hpp"
#include "control/receipts.hpp"
#include "control/series.hpp"
#include "control/transact.hpp"

#include <set>

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Role;
using ledger::Transaction;
using wire::JsonArray;
using wire::JsonObject;

namespace {

constexpr std::size_t k_max_reports = 1000;
constexpr std::size_t k_max_receipts = 100;

// An end before its start deserves a code of its own; all else about the two, read_request finds.
Outcome<void> check_order(const wire::Json &body) {
    auto in = wire::ObjectReader::of(body, "request");
    if (!in || !in->has("start") || !in->has("end"))
        return {};
    const auto start = in->time("start");
    const auto end = in->time("end");
    if (start && end && *end <= *start)
        return refuse(422, "end_before_start", "end is not after start");
    return {};
}

} // namespace

Outcome<Answer> Api::channels(const Call &) {
    JsonArray list;
    for (const auto &[name, c] : m_config.catalogue.channels) {
        const ChannelPolicy &p = m_config.policy_of(name);
        const auto seconds = [](base::Millis d) { return d.count() / 1000; };
        list.push_back(JsonObject{{"name", name},
                                  {"relay", c.relay},
                                  {"viewers", c.viewers},
                                  {"max_rate_bps", c.max_rate.bps},
                                  {"grid_s", seconds(p.grid)},
                                  {"min_duration_s", seconds(p.min_duration)},
                                  {"max_duration_s", seconds(p.max_duration)},
                                  {"horizon_s", seconds(p.horizon)},
                                  {"lead_in_s", seconds(p.lead_in)},
                                  {"drain_s", seconds(p.drain)},
                                  {"grace_s", seconds(p.grace)}});
    }
    return json(JsonObject{{"channels", std::move(list)}});
}

Outcome<Answer> Api::carriers(const Call &) {
    JsonArray list;
    for (const auto &[name, c] : m_config.catalogue.carriers)
        list.push_back(JsonObject{{"name", name},
                                  {"type", wire::name(m_config.carriers.at(name).type())},
                                  {"lines", c.lines},
                                  {"capacity_bps", c.capacity.bps}});
    return json(JsonObject{{"carriers", std::move(list)}});
}

Outcome<Answer> Api::availability(const Call &call) {
    Desk::Wish wish = TRY(read_wish(call.request));
    if (call.caller.role == Role::distributor)
        wish.owner = call.caller.name;
    const auto slots = TRY(m_desk.slots(m_ledger, wish, call.now));
    return Answer{.body = wire::compact_json(slots)};
}

Outcome<Answer> Api::list(const Call &call) {
    const std::string owner = call.caller.role == Role::operator_ ? "" : call.caller.name;
    const auto found = TRY(examine(m_ledger, [&](Transaction &t) -> Outcome<std::vector<Booking>> {
        return TRY(t.bookings(owner));
    }));
    JsonArray list;
    for (const Booking &b : found)
        list.push_back(wire::to_json(reservation_of(b, m_config, call.now)));
    return json(JsonObject{{"reservations", std::move(list)}});
}

Outcome<Answer> Api::show(const Call &call) {
    std::optional<wire::SignedReceipt> receipt;
    const Booking b = TRY(examine(m_ledger, [&](Transaction &t) -> Outcome<Booking> {
        Booking found = TRY(own_booking(t, call));
        receipt = TRY(receipt_of(t, found));
        return found;
    }));
    wire::Reservation shown = reservation_of(b, m_config, call.now);
    shown.receipt = std::move(receipt);
    Answer answer = json(JsonObject{{"reservation", wire::to_json(shown)}});
    answer.revision = b.revision;
    return answer;
}

Outcome<Answer> Api::book(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    TRY(check_order(body));
    const auto asked = wire::read_asked(body, "request");
    if (!asked)
        return invalid(asked.error());
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        const std::string &owner = call.caller.name;
        auto request = asked->request;
        Manner manner;
        if (asked->at_once)
            manner.at_once = AtOnce{asked->duration};
        if (asked->offer) {
            const auto offered = TRY(m_offers.open(*asked->offer, {.to = owner}, now));
            request = offered.request;
            request.hold = asked->hold.value_or(request.hold);
            if (offered.at_once)
                manner.at_once = AtOnce{};
            manner.series = offered.series;
            if (manner.series)
                TRY(check_series_goes_on(t, *manner.series, now));
        }
        auto b = m_desk.book(t, owner, request, {now, call.caller}, manner);
        if (!b)
            return std::unexpected(
                m_offers.add(b.error().problem, {.to = owner},
                             {request, manner.at_once.has_value(), manner.series}, now));
        return booked(t, *std::move(b), now, 201);
    });
}

Outcome<Answer> Api::reports(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    std::vector<wire::Report> reports;
    std::vector<wire::SignedReceipt> receipts;
    const auto read = [&]() -> base::Result<void> {
        auto in = TRY(wire::ObjectReader::of(body, "reports"));
        for (const wire::Json &item : *TRY(in.array("reports", k_max_reports)))
            reports.push_back(TRY(wire::read_report(item, "reports")));
        if (in.has("receipts"))
            for (const wire::Json &item : *TRY(in.array("receipts", k_max_receipts)))
                receipts.push_back(TRY(wire::read_receipt(item, "receipts")));
        return in.finish();
    }();
    if (!read)
        return invalid(read.error());
    std::set<base::Id> ids;
    for (const wire::Report &report : reports)
        ids.insert(report.reservation);
    for (const wire::SignedReceipt &r : receipts)
        ids.insert(r.receipt.reservation);
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        std::map<base::Id, Booking> found; // all read in order first: see Transaction::lock
        for (const base::Id &id : ids)
            if (auto b = TRY(t.booking(id)); b && b->relay == call.caller.name)
                found.emplace(id, *std::move(b));
        for (const wire::Report &report : reports) {
            const auto b = found.find(report.reservation);
            if (b == found.end())
                continue; // nothing of this relay's: nothing to note
            TRY(t.put(ledger::StoredReport{.relay = call.caller.name,
                                           .reservation = report.reservation,
                                           .event = report.event,
                                           .at = report.at,
                                           .bytes = report.bytes,
                                           .received = now}));
            if (report.event != "first_media")
                continue;
            const auto done = m_desk.activate(t, b->second, report.at, {now, call.caller});
            if (done)
                b->second = *done;
            if (!done && done.error().problem.status != 409)
                return std::unexpected(done.error());
            if (!done)
                base::log::warning("relay {} has media of {}: {}", call.caller.name,
                                   report.reservation.text(), done.error().problem.detail);
        }
        for (const wire::SignedReceipt &r : receipts) {
            const auto b = found.find(r.receipt.reservation);
            if (b == found.end())
                return refuse(404, "not_found", "this relay has no such reservation");
            b->second = TRY(keep_receipt(t, std::move(b->second), r, {now, call.caller}));
        }
        return json(JsonObject{});
    });
}

} // namespace control
