// What the API does to a reservation that is there already, one handler per route.
#include "control/api.hpp"
#include "control/documents.hpp"
#include "control/handler.hpp"
#include "control/transact.hpp"

namespace control {

using base::UtcTime;
using ledger::Booking;
using ledger::Role;
using ledger::Transaction;
using wire::JsonObject;

namespace {

// Whether If-Match, a list of entity tags or *, names that revision.
bool matches(std::string_view tags, std::int64_t revision) {
    const std::string now = entity_tag(revision);
    while (!tags.empty()) {
        const std::size_t comma = std::min(tags.find(','), tags.size());
        std::string_view tag = tags.substr(0, comma);
        tags.remove_prefix(std::min(comma + 1, tags.size()));
        tag.remove_prefix(std::min(tag.find_first_not_of(" \t"), tag.size()));
        tag = tag.substr(0, tag.find_last_not_of(" \t") + 1);
        if (tag == "*" || tag == now)
            return true;
    }
    return false;
}

} // namespace

Outcome<Booking> Api::own_booking(Transaction &t, const Call &call) {
    const auto id = base::Id::parse(call.names.front());
    auto found = id ? TRY(t.booking(*id)) : std::nullopt;
    // One answer for "does not exist" and "is not yours", so that ids cannot be probed.
    if (!found || (call.caller.role != Role::operator_ && found->owner != call.caller.name))
        return refuse(404, "not_found", "you have no such reservation",
                      "resv-request list shows yours");
    return *std::move(found);
}

// The reservation, and fresh settings where it is booked. They are sealed to its owner, also when
// an operator asked.
Outcome<Answer> Api::booked(Transaction &t, Booking b, UtcTime now, int status) {
    const resv::State state = resv::state_at(b.life, now);
    auto owner = TRY(t.party_by_name(b.owner));
    if ((state != resv::State::booked && state != resv::State::active) || !servable(b, m_config))
        owner.reset(); // who has no use for settings
    if (owner) {
        ++b.settings_serial;
        TRY(t.put_settings_serial(b.id, b.settings_serial));
    }
    Answer answer{.status = status, .body = {}, .revision = b.revision};
    answer.make_body = [this, b = std::move(b), owner = std::move(owner), now] {
        JsonObject out;
        if (owner)
            out["settings"] = wire::to_json(settings_of(b, *owner, m_config, m_keys, now));
        out["reservation"] = wire::to_json(reservation_of(b, m_config, now));
        return wire::compact_json(out);
    };
    return answer;
}

Outcome<Answer> Api::change(const Call &call, const Change &change) {
    return once(call, [&](Transaction &t, UtcTime now) -> Outcome<Answer> {
        Booking b = TRY(own_booking(t, call));
        return booked(t, TRY(change(t, std::move(b), now)), now, 200);
    });
}

Outcome<Answer> Api::change_to(const Call &call, const wire::ReservationChange &asked,
                               const Change &change) {
    return this->change(call, [&](Transaction &t, Booking b, UtcTime now) -> Outcome<Booking> {
        auto request = wire::changed(b.request, asked);
        auto changed = change(t, b, now);
        if (!changed)
            return std::unexpected(m_offers.add(changed.error().problem,
                                                {.to = call.caller.name, .change_of = b.id},
                                                {.request = request}, now));
        return changed;
    });
}

Outcome<Answer> Api::commit(const Call &call) {
    TRY(check_unread(call.request));
    return change_to(call, {}, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.commit(t, std::move(b), {now, call.caller});
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
    wire::ReservationChange longer;
    longer.end = *end;
    return change_to(call, longer, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.extend(t, std::move(b), *end, {now, call.caller});
    });
}

Outcome<Answer> Api::amend(const Call &call) {
    const auto asked = wire::read_change(TRY(body_of(call.request)), "change");
    if (!asked)
        return invalid(asked.error());
    const auto tags = call.request.header("If-Match");
    if (!tags)
        return refuse(428, "if_match_missing", "a PATCH needs If-Match",
                      "send the ETag of the answer that showed the reservation");
    return change(call, [&](Transaction &t, Booking b, UtcTime now) -> Outcome<Booking> {
        if (!matches(*tags, b.revision))
            return refuse(
                412, "stale",
                fmt::format("it was changed meanwhile, and is at revision {}", b.revision),
                "look at it again, then change it");
        wire::ReservationChange to = *asked;
        const Offers::For taker{.to = call.caller.name, .change_of = b.id};
        if (asked->offer)
            to = wire::change_to(TRY(m_offers.open(*asked->offer, taker, now)).request);
        const auto request = wire::changed(b.request, to);
        auto changed = m_desk.change(t, std::move(b), to, {now, call.caller});
        if (!changed)
            return std::unexpected(
                m_offers.add(changed.error().problem, taker, {.request = request}, now));
        return changed;
    });
}

Outcome<Answer> Api::cancel(const Call &call) {
    TRY(check_unread(call.request));
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.cancel(t, std::move(b), {now, call.caller});
    });
}

Outcome<Answer> Api::end(const Call &call) {
    TRY(check_unread(call.request));
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.end(t, std::move(b), {now, call.caller});
    });
}

Outcome<Answer> Api::revoke(const Call &call) {
    TRY(check_unread(call.request));
    return change(call, [&](Transaction &t, Booking b, UtcTime now) {
        return m_desk.revoke(t, std::move(b), {now, call.caller});
    });
}

Outcome<Answer> Api::settings(const Call &call) {
    const wire::Json body = TRY(body_of(call.request));
    struct Asked {
        bool renew = false, preflight = false;
    };
    const auto asked = [&]() -> base::Result<Asked> {
        auto in = TRY(wire::ObjectReader::of(body, "settings"));
        Asked out;
        out.renew = TRY(in.boolean_or("new_generation", false));
        out.preflight = TRY(in.boolean_or("preflight", false));
        TRY(in.finish());
        if (out.renew && out.preflight)
            return base::fail(base::Errc::bad_data,
                              "settings.preflight: not beside new_generation");
        return out;
    }();
    if (!asked)
        return invalid(asked.error());
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
        if (asked->preflight)
            return m_desk.preflight(t, std::move(b), {now, call.caller});
        if (asked->renew)
            return m_desk.new_generation(t, std::move(b), {now, call.caller});
        return b;
    });
}

Outcome<Answer> Api::history(const Call &call) {
    const auto entries =
        TRY(examine(m_ledger, [&](Transaction &t) -> Outcome<std::vector<ledger::HistoryEntry>> {
            return TRY(t.history(TRY(own_booking(t, call)).id));
        }));
    wire::JsonArray list;
    for (const ledger::HistoryEntry &entry : entries)
        list.push_back(TRY(record_of(entry)));
    return json(JsonObject{{"history", std::move(list)}});
}

} // namespace control
