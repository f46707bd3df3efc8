#include "wire/ingest.hpp"

#include <array>
#include <utility>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::int64_t k_min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t k_max_extent = std::int64_t{1} << 32; // bytes; ours are some megabytes
constexpr std::int64_t k_max_pts = (std::int64_t{1} << 33) - 1;
constexpr std::int64_t k_max_generation = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t k_max_cuts = 1024; // of one part; more would not fit a message
constexpr std::int64_t k_max_path = 1;
constexpr std::int64_t k_max_sequence = 65'535;
constexpr std::int64_t k_max_packets = 7; // of TS in one payload
constexpr std::int64_t k_day_s = 86'400;

struct Write {
    Json operator()(const IngestSetup &m) const {
        JsonObject out{{"type", "setup"},          {"relay", m.relay},
                       {"carrier", m.carrier},     {"host", m.listen.host},
                       {"port", m.listen.port},    {"control_key", m.control_key},
                       {"group_key", m.group_key}, {"latency_ms", m.latency_ms}};
        if (m.echo)
            out["echo"] = JsonObject{
                {"host", m.echo->at.host}, {"port", m.echo->at.port}, {"key", m.echo->key}};
        return out;
    }
    Json operator()(const IngestClock &m) const {
        return JsonObject{{"type", "clock"}, {"offset_ms", m.offset_ms}};
    }
    Json operator()(const IngestPace &m) const {
        return JsonObject{{"type", "pace"}, {"part_ms", m.part_ms}};
    }
    Json operator()(const IngestAdmit &m) const {
        return JsonObject{{"type", "admit"},
                          {"reservation", m.reservation.text()},
                          {"channel", m.channel},
                          {"start", base::format_rfc3339(m.window.start)},
                          {"end", base::format_rfc3339(m.window.end)},
                          {"lead_in_s", m.window.lead_in.count()},
                          {"drain_s", m.window.drain.count()},
                          {"generation", m.generation},
                          {"max_rate_bps", m.max_rate.bps}};
    }
    Json operator()(const IngestWithdraw &m) const {
        return JsonObject{
            {"type", "withdraw"}, {"reservation", m.reservation.text()}, {"reason", m.reason}};
    }
    Json operator()(const IngestExtent &m) const {
        return JsonObject{
            {"type", "extent"}, {"stream", m.stream}, {"extent", m.extent}, {"bytes", m.bytes}};
    }
    Json operator()(const IngestOpened &m) const {
        return JsonObject{{"type", "opened"},
                          {"stream", m.stream},
                          {"reservation", m.reservation.text()},
                          {"generation", m.generation},
                          {"instance", m.instance},
                          {"path", m.path},
                          {"peer", m.peer}};
    }
    Json operator()(const IngestNeedExtent &m) const {
        return JsonObject{{"type", "need_extent"}, {"stream", m.stream}, {"extent", m.extent}};
    }
    Json operator()(const IngestPart &m) const {
        JsonArray cuts;
        for (const IngestCut &c : m.cuts)
            cuts.push_back(JsonObject{{"position", c.position}, {"pts_90k", c.pts_90k}});
        JsonObject out{{"type", "part"},         {"stream", m.stream},
                       {"extent", m.extent},     {"offset", m.offset},
                       {"bytes", m.bytes},       {"received_us", m.received_us},
                       {"cuts", std::move(cuts)}};
        JsonArray units;
        for (const IngestUnit &u : m.units)
            units.push_back(JsonObject{{"position", u.position}, {"dts_90k", u.dts_90k}});
        if (!units.empty())
            out["units"] = std::move(units);
        JsonArray runs;
        for (const IngestRun &r : m.runs)
            runs.push_back(
                JsonObject{{"sequence", r.sequence}, {"count", r.count}, {"packets", r.packets}});
        if (!runs.empty())
            out["runs"] = std::move(runs);
        return out;
    }
    Json operator()(const IngestStats &m) const {
        return JsonObject{{"type", "stats"},
                          {"stream", m.stream},
                          {"rate_bps", m.rate_bps},
                          {"rtt_us", m.rtt_us},
                          {"lost_packets", m.lost_packets},
                          {"dropped_packets", m.dropped_packets}};
    }
    Json operator()(const IngestClose &m) const {
        return JsonObject{{"type", "close"}, {"stream", m.stream}, {"reason", m.reason}};
    }
    Json operator()(const IngestClosed &m) const {
        return JsonObject{{"type", "closed"}, {"stream", m.stream}, {"reason", m.reason}};
    }
    Json operator()(const IngestRefused &m) const {
        return JsonObject{
            {"type", "refused"}, {"reason", m.reason}, {"peer", m.peer}, {"count", m.count}};
    }
    Json operator()(const IngestPreflight &m) const {
        return JsonObject{{"type", "preflight"},
                          {"stream", m.stream},
                          {"reservation", m.reservation.text()},
                          {"peer", m.peer}};
    }
    Json operator()(const IngestPreflightDone &m) const {
        return JsonObject{{"type", "preflight_done"},
                          {"stream", m.stream},
                          {"reason", m.reason},
                          {"duration_ms", m.duration_ms},
                          {"bytes", m.bytes},
                          {"rtt_us", m.rtt_us},
                          {"lost_packets", m.lost_packets},
                          {"dropped_packets", m.dropped_packets}};
    }
};

Result<base::Id> read_id(ObjectReader &in) {
    auto id = base::Id::parse(TRY(in.string("reservation", 64)));
    if (!id)
        return std::unexpected(std::move(id).error().in(in.where("reservation")));
    return *id;
}

Result<std::uint32_t> read_generation(ObjectReader &in) {
    return static_cast<std::uint32_t>(TRY(in.integer("generation", 0, k_max_generation)));
}

Result<IngestMessage> read_setup(ObjectReader &in) {
    IngestSetup m;
    m.relay = TRY(in.string("relay", 64));
    m.carrier = TRY(in.string("carrier", 32));
    m.listen = TRY(read_endpoint(in));
    if (in.has("echo")) {
        auto echo = TRY(in.object("echo"));
        m.echo.emplace();
        m.echo->at = TRY(read_endpoint(echo));
        m.echo->key = TRY(echo.string("key", 64));
        TRY(echo.finish());
    }
    m.control_key = TRY(in.string("control_key", 64));
    m.group_key = TRY(in.string("group_key", 128));
    m.latency_ms = TRY(in.integer("latency_ms", 20, 10'000));
    return m;
}

Result<IngestMessage> read_clock(ObjectReader &in) {
    IngestClock out;
    out.offset_ms = TRY(in.integer("offset_ms", k_min));
    return out;
}

Result<IngestMessage> read_pace(ObjectReader &in) {
    IngestPace out;
    out.part_ms = TRY(in.integer("part_ms", 1, 1000));
    return out;
}

Result<IngestMessage> read_admit(ObjectReader &in) {
    IngestAdmit m;
    m.reservation = TRY(read_id(in));
    m.channel = TRY(in.string("channel", 64));
    m.window.start = TRY(in.time("start"));
    m.window.end = TRY(in.time("end"));
    m.window.lead_in = base::Seconds{TRY(in.integer("lead_in_s", 0, k_day_s))};
    m.window.drain = base::Seconds{TRY(in.integer("drain_s", 0, k_day_s))};
    if (m.window.end <= m.window.start)
        return fail(Errc::bad_data, "{}: not after the start", in.where("end"));
    m.generation = TRY(read_generation(in));
    m.max_rate.bps = TRY(in.integer("max_rate_bps", 1));
    return m;
}

Result<IngestMessage> read_withdraw(ObjectReader &in) {
    IngestWithdraw out;
    out.reservation = TRY(read_id(in));
    out.reason = TRY(in.string("reason", 64));
    return out;
}

Result<IngestMessage> read_extent(ObjectReader &in) {
    IngestExtent out;
    out.stream = TRY(in.integer("stream"));
    out.extent = TRY(in.integer("extent"));
    out.bytes = TRY(in.integer("bytes", 1, k_max_extent));
    return out;
}

Result<IngestMessage> read_opened(ObjectReader &in) {
    IngestOpened m;
    m.stream = TRY(in.integer("stream"));
    m.reservation = TRY(read_id(in));
    m.generation = TRY(read_generation(in));
    m.instance = TRY(in.string("instance", 32));
    m.path = static_cast<unsigned>(TRY(in.integer("path", 0, k_max_path)));
    m.peer = TRY(in.string("peer", 64));
    return m;
}

Result<IngestMessage> read_need_extent(ObjectReader &in) {
    IngestNeedExtent out;
    out.stream = TRY(in.integer("stream"));
    out.extent = TRY(in.integer("extent"));
    return out;
}

// Reads each object of the array @p key.
template <typename Read>
Result<void> read_each(ObjectReader &in, std::string_view key, std::size_t most, Read read) {
    const JsonArray &items = *TRY(in.array(key, most));
    if (items.empty())
        return {};
    const std::string where = in.where(key);
    for (const Json &item : items) {
        auto reader = TRY(ObjectReader::of(item, where));
        TRY(read(reader));
        TRY(reader.finish());
    }
    return {};
}

Result<IngestMessage> read_part(ObjectReader &in) {
    IngestPart m;
    m.stream = TRY(in.integer("stream"));
    m.extent = TRY(in.integer("extent"));
    m.offset = TRY(in.integer("offset", 0, k_max_extent));
    m.bytes = TRY(in.integer("bytes", 1, k_max_extent));
    m.received_us = TRY(in.integer("received_us"));
    TRY(read_each(in, "cuts", k_max_cuts, [&](ObjectReader &c) -> Result<void> {
        auto &cut = m.cuts.emplace_back();
        cut.position = TRY(c.integer("position"));
        cut.pts_90k = TRY(c.integer("pts_90k", 0, k_max_pts));
        return {};
    }));
    if (in.has("units"))
        TRY(read_each(in, "units", k_max_ingest_units, [&](ObjectReader &u) -> Result<void> {
            auto &unit = m.units.emplace_back();
            unit.position = TRY(u.integer("position"));
            unit.dts_90k = TRY(u.integer("dts_90k", 0, k_max_pts));
            return {};
        }));
    if (in.has("runs"))
        TRY(read_each(in, "runs", k_max_ingest_runs, [&](ObjectReader &r) -> Result<void> {
            auto &run = m.runs.emplace_back();
            run.sequence = TRY(r.integer("sequence", 0, k_max_sequence));
            run.count = TRY(r.integer("count", 1, k_max_sequence));
            run.packets = TRY(r.integer("packets", 1, k_max_packets));
            return {};
        }));
    return m;
}

Result<IngestMessage> read_stats(ObjectReader &in) {
    IngestStats out;
    out.stream = TRY(in.integer("stream"));
    out.rate_bps = TRY(in.integer("rate_bps"));
    out.rtt_us = TRY(in.integer("rtt_us"));
    out.lost_packets = TRY(in.integer("lost_packets"));
    out.dropped_packets = TRY(in.integer("dropped_packets"));
    return out;
}

Result<IngestMessage> read_close(ObjectReader &in) {
    IngestClose out;
    out.stream = TRY(in.integer("stream"));
    out.reason = TRY(in.string("reason", 64));
    return out;
}

Result<IngestMessage> read_closed(ObjectReader &in) {
    IngestClosed out;
    out.stream = TRY(in.integer("stream"));
    out.reason = TRY(in.string("reason", 64));
    return out;
}

Result<IngestMessage> read_refused(ObjectReader &in) {
    IngestRefused out;
    out.reason = TRY(in.string("reason", 64));
    out.peer = TRY(in.string("peer", 64));
    out.count = TRY(in.integer("count", 1));
    return out;
}

Result<IngestMessage> read_preflight(ObjectReader &in) {
    IngestPreflight out;
    out.stream = TRY(in.integer("stream"));
    out.reservation = TRY(read_id(in));
    out.peer = TRY(in.string("peer", 64));
    return out;
}

Result<IngestMessage> read_preflight_done(ObjectReader &in) {
    IngestPreflightDone out;
    out.stream = TRY(in.integer("stream"));
    out.reason = TRY(in.string("reason", 64));
    out.duration_ms = TRY(in.integer("duration_ms"));
    out.bytes = TRY(in.integer("bytes"));
    out.rtt_us = TRY(in.integer("rtt_us"));
    out.lost_packets = TRY(in.integer("lost_packets"));
    out.dropped_packets = TRY(in.integer("dropped_packets"));
    return out;
}

using Reader = Result<IngestMessage> (*)(ObjectReader &);
constexpr std::array<std::pair<std::string_view, Reader>, 15> k_readers{
    {{"setup", read_setup},
     {"clock", read_clock},
     {"pace", read_pace},
     {"admit", read_admit},
     {"withdraw", read_withdraw},
     {"extent", read_extent},
     {"opened", read_opened},
     {"need_extent", read_need_extent},
     {"part", read_part},
     {"stats", read_stats},
     {"close", read_close},
     {"closed", read_closed},
     {"refused", read_refused},
     {"preflight", read_preflight},
     {"preflight_done", read_preflight_done}}};

} // namespace

std::string write_ingest(const IngestMessage &message) {
    return compact_json(std::visit(Write{}, message));
}

Result<IngestMessage> read_ingest(std::string_view text) {
    const Json json = TRY(parse_json(text, "ingest message"));
    auto in = TRY(ObjectReader::of(json, "ingest message"));
    const std::string type = TRY(in.string("type", 32));
    for (const auto &[known, read] : k_readers) {
        if (type != known)
            continue;
        IngestMessage message = TRY(read(in));
        TRY(in.finish());
        return message;
    }
    return fail(Errc::protocol, "{}: '{}' is not known", in.where("type"), type);
}

} // namespace wire
