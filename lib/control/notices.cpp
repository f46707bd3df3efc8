#include "control/notices.hpp"

#include "control/documents.hpp"
#include "wire/notify.hpp"

namespace control {

using base::Result;
using resv::State;
using wire::NotifyTarget;

std::string_view name(Event event) {
    switch (event) {
    case Event::booked:
        return "reservation.booked";
    case Event::changed:
        return "reservation.changed";
    case Event::cancelled:
        return "reservation.cancelled";
    case Event::started:
        break;
    }
    return "reservation.started";
}

std::optional<Event> event_between(const ledger::Booking *before, const ledger::Booking &after) {
    const State state = after.life.state;
    if (before == nullptr || before->life.state == State::held)
        return state == State::booked ? std::optional{Event::booked} : std::nullopt;
    if (state == State::cancelled || state == State::revoked)
        return Event::cancelled;
    if (state == State::active && before->life.state == State::booked)
        return Event::started;
    const bool same = before->life.window == after.life.window &&
                      before->channel == after.channel && before->request == after.request;
    return same ? std::nullopt : std::optional{Event::changed};
}

Outcome<void> check_notify(const Config &config, const wire::ReservationRequest &request) {
    for (const std::string &text : request.notify) {
        const NotifyTarget target = TRY(wire::parse_notify(text));
        const bool mail = target.kind == NotifyTarget::Kind::mail;
        if (mail ? !config.notify.mail.has_value() : !config.notify.webhooks.has_value())
            return refuse(422, "no_notifications",
                          fmt::format("this control sends no {}, to {}",
                                      mail ? "e-mail" : "webhooks", wire::shown(target)),
                          "book without that notify, or ask who runs this control");
    }
    return {};
}

Told told_of(const ledger::Booking &b, const Config &config, base::UtcTime now) {
    const wire::Reservation r = reservation_of(b, config, now);
    return {.id = r.id,
            .state = r.state,
            .revision = r.revision,
            .title = r.title,
            .start = r.window.start,
            .end = r.window.end,
            .viewer_url = r.viewer_url};
}

wire::Json to_json(const Told &t) {
    return wire::JsonObject{{"id", t.id.text()},
                            {"state", resv::name(t.state)},
                            {"revision", t.revision},
                            {"title", t.title},
                            {"start", base::format_rfc3339(t.start)},
                            {"end", base::format_rfc3339(t.end)},
                            {"viewer_url", t.viewer_url}};
}

Result<Told> read_told(const wire::Json &json, std::string where) {
    auto in = TRY(wire::ObjectReader::of(json, std::move(where)));
    Told out;
    out.id = TRY(base::Id::parse(TRY(in.string("id"))));
    out.state = TRY(resv::parse_state(TRY(in.string("state"))));
    out.revision = TRY(in.integer("revision"));
    out.title = TRY(in.string("title"));
    out.start = TRY(in.time("start"));
    out.end = TRY(in.time("end"));
    out.viewer_url = TRY(in.string("viewer_url"));
    return out;
}

Result<void> notify(ledger::Transaction &t, Event event, const ledger::Booking &b,
                    const Config &config, base::UtcTime now) {
    if (b.request.notify.empty())
        return {};
    const std::string body = wire::compact_json(to_json(told_of(b, config, now)));
    for (const std::string &target : b.request.notify)
        TRY(t.put(ledger::Notice{.id = new_id(now),
                                 .reservation = b.id,
                                 .revision = b.revision,
                                 .target = target,
                                 .event = std::string(name(event)),
                                 .body = body,
                                 .created = now,
                                 .due = now}));
    return {};
}

} // namespace control
