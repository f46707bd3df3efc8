#include "wire/sender.hpp"
#include "wire/lists.hpp"

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

// The members that a plan and a hello share.
template <typename T> void put_terms(JsonObject &out, const T &m) {
    out["reservation"] = m.reservation.text();
    out["start"] = base::format_rfc3339(m.window.start);
    out["end"] = base::format_rfc3339(m.window.end);
    out["lead_in_s"] = m.window.lead_in.count();
    out["drain_s"] = m.window.drain.count();
    out["clock_offset_ms"] = m.clock_offset_ms;
    out["max_rate_bps"] = m.max_rate.bps;
    out["codecs"] = to_array(m.codecs);
    out["max_gop_s"] = m.max_gop_s;
}

template <typename T> Result<void> get_terms(ObjectReader &in, T &m) {
    m.reservation = TRY(base::Id::parse(TRY(in.string("reservation", 64))));
    m.window.start = TRY(in.time("start"));
    m.window.end = TRY(in.time("end"));
    m.window.lead_in = base::Seconds{TRY(in.integer("lead_in_s"))};
    m.window.drain = base::Seconds{TRY(in.integer("drain_s"))};
    m.clock_offset_ms =
        TRY(in.integer("clock_offset_ms", std::numeric_limits<std::int64_t>::min()));
    m.max_rate.bps = TRY(in.integer("max_rate_bps", 1));
    m.codecs = TRY(in.strings("codecs", 16));
    m.max_gop_s = TRY(in.integer("max_gop_s", 1, 60));
    return {};
}

struct Write {
    Json operator()(const SenderPlan &m) const {
        JsonObject out{{"type", "plan"}, {"number", m.number}, {"cancelled", m.cancelled}};
        put_terms(out, m);
        JsonArray paths;
        for (const SenderPath &p : m.paths)
            paths.push_back(JsonObject{{"carrier", p.carrier},
                                       {"interface", p.interface},
                                       {"source4", p.source4},
                                       {"source6", p.source6},
                                       {"host", p.relay.host},
                                       {"port", p.relay.port},
                                       {"ticket", p.ticket},
                                       {"passphrase", p.passphrase},
                                       {"pbkeylen", p.pbkeylen},
                                       {"latency_ms", p.latency_ms},
                                       {"fit", p.fit}});
        out["paths"] = std::move(paths);
        out["lines"] = m.lines;
        if (!m.preflight_ticket.empty())
            out["preflight_ticket"] = m.preflight_ticket;
        return out;
    }
    Json operator()(const SenderHello &m) const {
        JsonObject out{{"type", "hello"}, {"preflight", m.preflight}, {"lines", m.lines}};
        put_terms(out, m);
        return out;
    }
    Json operator()(const SenderStatus &m) const {
        return JsonObject{{"type", "status"},
                          {"v", 1},
                          {"plan", m.plan},
                          {"state", m.state},
                          {"carrier", m.carrier},
                          {"interface", m.interface},
                          {"detail", m.detail},
                          {"bytes", m.bytes},
                          {"rate_bps", m.rate_bps},
                          {"rtt_us", m.rtt_us},
                          {"queue_ms", m.queue_ms},
                          {"lost_packets", m.lost_packets},
                          {"retransmitted_packets", m.retransmitted_packets},
                          {"dropped_packets", m.dropped_packets},
                          {"reconnects", m.reconnects},
                          {"use", m.use},
                          {"moves", m.moves},
                          {"paths", to_json(m.paths)}};
    }
    Json operator()(const SenderSource &m) const {
        return JsonObject{{"type", "source"}, {"preflight", m.preflight}, {"use", m.use}};
    }
    Json operator()(const SenderFinish &) const { return JsonObject{{"type", "finish"}}; }
};

Result<SenderPlan> read_plan(ObjectReader &in) {
    SenderPlan m;
    TRY(get_terms(in, m));
    m.number = TRY(in.integer("number"));
    m.cancelled = TRY(in.boolean_or("cancelled", false));
    m.lines = TRY(in.integer("lines", 0, 64));
    m.preflight_ticket = TRY(in.optional_string("preflight_ticket", 256)).value_or("");
    for (const Json &item : *TRY(in.array("paths", 8))) {
        auto p = TRY(ObjectReader::of(item, "plan.paths"));
        SenderPath path;
        path.carrier = TRY(p.string("carrier", 32));
        path.interface = TRY(p.string("interface", 16));
        path.source4 = TRY(p.string("source4", 64));
        path.source6 = TRY(p.string("source6", 64));
        path.relay.host = TRY(p.string("host", 64));
        path.relay.port = static_cast<std::uint16_t>(TRY(p.integer("port", 1, 65535)));
        path.ticket = TRY(p.string("ticket", 256));
        path.passphrase = TRY(p.string("passphrase", 79));
        path.pbkeylen = TRY(p.integer("pbkeylen", 16, 32));
        path.latency_ms = TRY(p.integer("latency_ms", 20, 10'000));
        path.fit = TRY(p.boolean_or("fit", true));
        m.paths.push_back(std::move(path));
    }
    return m;
}

Result<SenderPathStatus> read_path_status(ObjectReader &in) {
    SenderPathStatus m;
    m.carrier = TRY(in.string("carrier", 32));
    m.interface = TRY(in.string("interface", 16));
    m.state = TRY(in.string("state", 32));
    m.active = TRY(in.boolean_or("active", false));
    m.rate_bps = TRY(in.integer("rate_bps"));
    m.rtt_us = TRY(in.integer("rtt_us"));
    m.lost_packets = TRY(in.integer("lost_packets"));
    m.retransmitted_packets = TRY(in.integer("retransmitted_packets"));
    return m;
}

Result<SenderStatus> read_status(ObjectReader &in) {
    SenderStatus m;
    m.plan = TRY(in.integer("plan"));
    m.state = TRY(in.string("state", 32));
    m.carrier = TRY(in.string("carrier", 32));
    m.interface = TRY(in.string("interface", 16));
    m.detail = TRY(in.string("detail"));
    m.bytes = TRY(in.integer("bytes"));
    m.rate_bps = TRY(in.integer("rate_bps"));
    m.rtt_us = TRY(in.integer("rtt_us"));
    m.queue_ms = TRY(in.integer("queue_ms"));
    m.lost_packets = TRY(in.integer("lost_packets"));
    m.retransmitted_packets = TRY(in.integer("retransmitted_packets"));
    m.dropped_packets = TRY(in.integer("dropped_packets"));
    m.reconnects = TRY(in.integer("reconnects"));
    m.use = TRY(in.string("use", 32));
    m.moves = TRY(in.integer("moves"));
    for (const Json &item : *TRY(in.array("paths", 8))) {
        auto p = TRY(ObjectReader::of(item, "status.paths"));
        m.paths.push_back(TRY(read_path_status(p)));
    }
    return m;
}

} // namespace

Json to_json(const std::vector<SenderPathStatus> &paths) {
    JsonArray out;
    for (const SenderPathStatus &p : paths)
        out.push_back(JsonObject{{"carrier", p.carrier},
                                 {"interface", p.interface},
                                 {"state", p.state},
                                 {"active", p.active},
                                 {"rate_bps", p.rate_bps},
                                 {"rtt_us", p.rtt_us},
                                 {"lost_packets", p.lost_packets},
                                 {"retransmitted_packets", p.retransmitted_packets}});
    return out;
}

std::string write_message(const SenderMessage &message) {
    return compact_json(std::visit(Write{}, message));
}

Result<SenderMessage> read_message(std::string_view text) {
    const Json json = TRY(parse_json(text, "message"));
    auto in = TRY(ObjectReader::of(json, "message"));
    const std::string type = TRY(in.string("type", 32));
    if (type == "plan")
        return TRY(read_plan(in));
    if (type == "status")
        return TRY(read_status(in));
    if (type == "source") {
        SenderSource m;
        m.preflight = TRY(in.boolean_or("preflight", false));
        m.use = TRY(in.optional_string("use", 32)).value_or("");
        return m;
    }
    if (type == "finish")
        return SenderFinish{};
    if (type == "hello") {
        SenderHello m;
        TRY(get_terms(in, m));
        m.preflight = TRY(in.boolean_or("preflight", false));
        m.lines = TRY(in.integer("lines", 0, 64));
        return m;
    }
    return fail(Errc::protocol, "message.type: '{}' is not known", type);
}

} // namespace wire
