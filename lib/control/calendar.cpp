#include "control/calendar.hpp"

#include "control/documents.hpp"

#include <algorithm>

namespace control {

using base::UtcTime;
using ledger::Booking;
using wire::JsonArray;
using wire::JsonObject;

namespace {

constexpr std::size_t k_most = 20'000;

std::string_view name_of(Viewer::Kind kind) {
    switch (kind) {
    case Viewer::Kind::distributor:
        return "distributor";
    case Viewer::Kind::operator_:
        return "operator";
    case Viewer::Kind::anybody:
        break;
    }
    return "anybody";
}

JsonObject span_json(resv::Span span) {
    return {{"from", base::format_rfc3339(span.from)}, {"to", base::format_rfc3339(span.to)}};
}

bool may_see(const Viewer &viewer, const Booking &b) {
    return viewer.kind == Viewer::Kind::operator_ ||
           (viewer.kind == Viewer::Kind::distributor && b.owner == viewer.name);
}

// What there is of everything.
void add_capacity(JsonObject &out, const Config &config) {
    JsonObject channels;
    for (const auto &[name, c] : config.catalogue.channels)
        channels[name] = JsonObject{
            {"relay", c.relay}, {"viewers", c.viewers}, {"max_rate_bps", c.max_rate.bps}};
    JsonObject carriers;
    for (const auto &[name, c] : config.catalogue.carriers)
        carriers[name] = JsonObject{{"type", wire::name(config.carriers.at(name).type())},
                                    {"lines", c.lines},
                                    {"capacity_bps", c.capacity.bps}};
    JsonObject relays;
    for (const auto &[name, r] : config.catalogue.relays)
        relays[name] = JsonObject{
            {"streams", r.streams}, {"ingest_bps", r.ingest.bps}, {"egress_bps", r.egress.bps}};
    out["channels"] = std::move(channels);
    out["carriers"] = std::move(carriers);
    out["relays"] = std::move(relays);
}

JsonObject maintenance(const Config &config, resv::Span span) {
    JsonObject out;
    for (const auto &[name, m] : config.maintenance) {
        if (!m.span.overlaps(span))
            continue;
        JsonObject one = span_json(m.span);
        one["resource"] = m.resource;
        if (m.units)
            one["units"] = *m.units;
        out[name] = std::move(one);
    }
    return out;
}

// When @p resource is taken at all, as few spans as say it: where one reservation ends and the next
// begins is nobody's business.
JsonArray busy_spans(const resv::Timetable &taken, std::string_view resource, resv::Span within) {
    std::vector<resv::Span> spans;
    for (const auto &level : taken.levels(resource, within)) {
        if (level.used == 0)
            continue;
        if (!spans.empty() && spans.back().to == level.span.from)
            spans.back().to = level.span.to;
        else
            spans.push_back(level.span);
    }
    JsonArray out;
    for (const resv::Span &span : spans)
        out.push_back(span_json(span));
    return out;
}

// How much of each countable resource is taken, by everybody together.
JsonObject load(const resv::Timetable &taken, const Config &config, resv::Span within) {
    JsonObject out;
    for (const auto &[resource, units] : resv::capacity_of(config.catalogue)) {
        if (resource.starts_with("channel:"))
            continue;
        JsonArray levels;
        for (const auto &level : taken.levels(resource, within)) {
            if (level.used == 0)
                continue;
            JsonObject one = span_json(level.span);
            one["used"] = level.used;
            levels.push_back(std::move(one));
        }
        if (!levels.empty())
            out[resource] = std::move(levels);
    }
    return out;
}

} // namespace

Outcome<JsonObject> calendar(ledger::Transaction &t, const Config &config, const Viewer &viewer,
                             resv::Span span, UtcTime now) {
    const auto found = TRY(t.within(span, now, k_most + 1));
    if (found.size() > k_most)
        return refuse(422, "too_much",
                      fmt::format("there are more than {} reservations in that time", k_most),
                      "ask for a shorter time");
    JsonObject bookings;
    std::vector<resv::Load> others;
    for (const Booking &b : found) {
        const bool seen = may_see(viewer, b);
        if (seen)
            bookings[b.id.text()] = wire::to_json(reservation_of(b, config, now));
        if (!seen)
            for (const resv::Demand &d : demands_of(b))
                others.push_back({d.resource, resv::occupied(b.life.window), d.units});
    }
    const resv::Timetable taken_by_others{others};
    JsonObject busy;
    for (const auto &[name, c] : config.catalogue.channels)
        if (auto spans = busy_spans(taken_by_others, "channel:" + name, span); !spans.empty())
            busy[name] = std::move(spans);
    JsonObject out{{"type", "calendar"}, {"v", 1}};
    for (auto &[key, value] : span_json(span))
        out[key] = value;
    out["role"] = name_of(viewer.kind);
    if (!viewer.name.empty())
        out["name"] = viewer.name;
    add_capacity(out, config);
    out["bookings"] = std::move(bookings);
    out["busy"] = std::move(busy);
    std::vector<std::string> resources;
    for (const auto &[resource, units] : resv::capacity_of(config.catalogue))
        resources.push_back(resource);
    // Also of preflights, whose bookings may be later.
    out["load"] = load(TRY(t.taken(resources, span, now, {})), config, span);
    out["maintenance"] = maintenance(config, span);
    return out;
}

} // namespace control
