// What the API has for calendars, and for those who are told by webhooks.
#include "control/api.hpp"
#include "control/messenger.hpp"
#include "control/query.hpp"
#include "control/transact.hpp"
#include "ical/calendar.hpp"

#include <algorithm>

namespace control {

using ledger::Transaction;

namespace {

Answer ics(std::string text) {
    return {.status = 200,
            .body = std::move(text),
            .headers = {{"Content-Type", "text/calendar; charset=utf-8"}}};
}

// When anything is taken of `resource`, as few spans as can be.
std::vector<resv::Span> taken_of(const std::vector<resv::Load> &loads, std::string_view resource,
                                 resv::Span window) {
    std::vector<resv::Span> out;
    for (const auto &level : resv::Timetable{loads}.levels(resource, window)) {
        if (level.used == 0)
            continue;
        if (!out.empty() && out.back().to == level.span.from)
            out.back().to = level.span.to;
        else
            out.push_back(level.span);
    }
    return out;
}

} // namespace

Outcome<Answer> Api::webhooks(const Call &) {
    return Answer{
        .status = 200,
        .body = wire::compact_json(wire::JsonObject{{"public_key", webhook_key_text(m_keys)}})};
}

Outcome<Answer> Api::event_ics(const Call &call) {
    const auto b = TRY(examine(m_ledger, [&](Transaction &t) { return own_booking(t, call); }));
    return ics(calendar_of(b, m_config, call.now));
}

Outcome<Answer> Api::freebusy_ics(const Call &call) {
    const FreeBusyQuery query = TRY(read_freebusy_query(call.request));
    if (!m_config.catalogue.channels.contains(query.channel))
        return refuse(422, "unknown_channel",
                      fmt::format("there is no channel '{}'", query.channel));
    const std::string resource = "channel:" + query.channel;
    const auto loads =
        TRY(examine(m_ledger, [&](Transaction &t) -> Outcome<std::vector<resv::Load>> {
            return TRY(t.loads({resource}, query.window, call.now, {}));
        }));
    std::vector<resv::Load> closed;
    for (const auto &[name, m] : m_config.maintenance)
        closed.insert(closed.end(), m.loads.begin(), m.loads.end());
    return ics(ical::freebusy_calendar(
        {.uid = fmt::format("{}-{}-{}@slotcast", query.channel, base::unix_ms(query.window.from),
                            base::unix_ms(query.window.to)),
         .stamp = call.now,
         .window = query.window,
         .busy = taken_of(loads, resource, query.window),
         .unavailable = taken_of(closed, resource, query.window)}));
}

} // namespace control
