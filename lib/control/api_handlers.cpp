// What the API does, one handler per route. More: api_service.cpp.
#include "control/api.hpp"

#include "base/log.hpp"
#include "control/documents.hpp"
#include "control/enrolment.hpp"
#include "control/query.hpp"
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

Answer json(const wire::Json &value, int status = 200) {
    return {.status = status, .body = wire::compact_json(value)};
}

// The body as one JSON object.
Outcome<wire::Json> body_of(const net::Request &request) {
    auto parsed = wire::parse_json(request.body, "body");
    if (!parsed)
        return refuse(400, "bad_json", parsed.error().message);
    return *std::move(parsed);
}

// A member that is malformed is the asker's mistake in content, not in form.
std::unexpected<Refusal> invalid(const base::Error &error) {
    return refuse(422, "invalid_request", error.message, error.hint);
}

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
                                  {"type", wire::name(m_config.carriers.at(name).type)},
                                  {"lines", c.lines},
                                  {"capacity_bps", c.capacity.bps}});
    return json(JsonObject{{"carriers", std::move(list)}});
}

Outcome<Answer> Api::availability(const Call &call) {
    const Desk::Wish wish = TRY(read_wish(call.request));
    const auto slots =
        TRY(examine(m_ledger, [&](Transaction &t) { return m_desk.slots(t, wish, call.now); }));
    JsonArray list;
    for (const wire::Slot &slot : slots)
        list.push_back(wire::to_json(slot));
    return json(JsonObject{{"slots", std::move(list)}});
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

Outcome<Booking> Api::own_booking(Transaction &t, const Call &call) {
    const auto id = base::Id::parse(call.names.front());
    auto found = id ? TRY(t.booking(*id)) : std::nullopt;
    // One answer for "does not exist" and "is not yours", so that ids cannot be probed.
    if (!found || (call.caller.role != Role::operator_ && found->owner != call.caller.name))
        return refuse(404, "not_found", "you have no such reservation",
                      "resv-request list shows yours");
    return *std::move(found);
}

Outcome<Answer> Api::show(const Call &call) {
    const Booking b = TRY(examine(m_ledger, [&](Transaction &t) { return own_booking(t, call); }));
    return json(JsonObject{{"reservation", wire::to_json(reservation_of(b, m_config, call.now))}});
}

// The reservation, and fresh settings where it is booked. They are sealed to its owner, also when
// an operator asked.
Outcome<Answer> Api::booked(Transaction &t, Booking b, UtcTime now, int status) {
    JsonObject out;
    const resv::State state = resv::state_at(b.life, now);
    const auto owner = TRY(t.party_by_name(b.owner));
    if ((state == resv::State::booked || state == resv::State::active) && owner &&
        servable(b, m_config)) {
        ++b.settings_serial;
        TRY(m_desk.keep(t, b));
        out["settings"] = wire::to_json(settings_of(b, *owner, m_config, m_keys, now));
    }
    out["reservation"] = wire::to_json(reservation_of(b, m_config, now));
    return json(out, status);
}

Outcome<Answer> Api::change(const Call &call, const Change &change) {
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        Booking b = TRY(own_booking(t, call));
        return booked(t, TRY(change(t, std::move(b), now)), now, 200);
    });
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
        if (asked->offer) {
            request = TRY(m_offers.open(*asked->offer, owner, now));
            request.hold = asked->hold.value_or(request.hold);
        }
        auto b = m_desk.book(t, owner, request, now);
        if (!b)
            return std::unexpected(m_offers.add(b.error().problem, owner, request, now));
        return booked(t, *std::move(b), now, 201);
    });
}

Outcome<Answer> Api::commit(const Call &call) {
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.commit(t, std::move(b), now);
    });
}

Outcome<Answer> Api::extend(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    const auto end = [&]() -> base::Result<UtcTime> {
        auto in = TRY(wire::ObjectReader::of(body, "extend"));
        const UtcTime value = TRY(in.time("end"));
        TRY(in.finish());
        return value;
    }();
    if (!end)
        return invalid(end.error());
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.extend(t, std::move(b), *end, now);
    });
}

Outcome<Answer> Api::cancel(const Call &call) {
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.cancel(t, std::move(b), now);
    });
}

Outcome<Answer> Api::end(const Call &call) {
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.end(t, std::move(b), now);
    });
}

Outcome<Answer> Api::settings(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    const auto renew = [&]() -> base::Result<bool> {
        auto in = TRY(wire::ObjectReader::of(body, "settings"));
        const bool value = TRY(in.boolean_or("new_generation", false));
        TRY(in.finish());
        return value;
    }();
    if (!renew)
        return invalid(renew.error());
    return change(call, [&](Transaction &t, Booking b, UtcTime now) -> Outcome<Booking> {
        const resv::State state = resv::state_at(b.life, now);
        if (state != resv::State::booked && state != resv::State::active)
            return refuse(409, "wrong_state",
                          fmt::format("it is {} and has no settings", resv::name(state)),
                          state == resv::State::held ? "commit it first" : "");
        if (!servable(b, m_config))
            return refuse(409, "not_servable",
                          "its channel, relay or carrier is no longer configured",
                          "ask who runs this control");
        if (*renew)
            return m_desk.new_generation(t, std::move(b));
        return b;
    });
}

Outcome<Answer> Api::enrol(const Call &call) {
    const auto request = wire::read_enrol_request(TRY(body_of(call.request)), "enrol");
    if (!request)
        return invalid(request.error());
    const auto key = seal::public_key_from_text(request->sign_key);
    if (!key)
        return refuse(422, "bad_key", "sign_key is not a public key");
    TRY(verify_self_signed(call.request, *key, call.now));
    // The token makes it repeatable, so strangers leave nothing in the table of answers.
    const auto answer = TRY(transact(
        m_ledger, [&](Transaction &t) { return control::enrol(t, m_keys, *request, call.now); }));
    base::log::info("enrolled {} as {}: key {}", answer.name, answer.role,
                    seal::key_id(*key).text());
    return json(wire::to_json(answer));
}

Outcome<Answer> Api::reports(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    std::vector<wire::Report> reports;
    const auto read = [&]() -> base::Result<void> {
        auto in = TRY(wire::ObjectReader::of(body, "reports"));
        for (const wire::Json &item : *TRY(in.array("reports", k_max_reports)))
            reports.push_back(TRY(wire::read_report(item, "reports")));
        return in.finish();
    }();
    if (!read)
        return invalid(read.error());
    std::set<base::Id> ids;
    for (const wire::Report &report : reports)
        ids.insert(report.reservation);
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
            const auto done = m_desk.activate(t, b->second, report.at, now);
            if (done)
                b->second = *done;
            if (!done && done.error().problem.status != 409)
                return std::unexpected(done.error());
            if (!done)
                base::log::warning("relay {} has media of {}: {}", call.caller.name,
                                   report.reservation.text(), done.error().problem.detail);
        }
        return json(JsonObject{});
    });
}

} // namespace control
