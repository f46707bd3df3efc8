// audit-ledger: reads every reservation of a ledger and works out by itself what each takes, from
// the configuration and the design alone: neither the ledger's table of demands nor the admission
// rule is asked. Reports every instant at which more is taken than there is, and every acknowledged
// reservation that is missing or older than it was acknowledged.
#include "cli/tool.hpp"
#include "control/config.hpp"
#include "ledger/postgres_db.hpp"
#include "ledger/sqlite_db.hpp"
#include "wire/json.hpp"

#include <CLI/CLI.hpp>
#include <fstream>

namespace {

using base::Result;
using wire::Json;
using wire::JsonObject;

struct Options {
    std::string config;
    std::string acknowledged;
    std::string now;
};

struct Row {
    std::string id;
    std::string channel, relay, state;
    std::int64_t viewers = 0, start = 0, end = 0, lead_in = 0, drain = 0, created = 0, revision = 0;
    std::optional<base::UtcTime> hold_expires, preflight_from, preflight_until;
    Json request;
};

Result<std::vector<Row>> read_rows(ledger::Sql &sql) {
    std::vector<Row> out;
    const auto rows =
        TRY(sql.query("SELECT id, channel, relay, state, viewers, start_ms, end_ms, lead_in_s, "
                      "drain_s, created_ms, revision, hold_expires_ms, request, "
                      "preflight_from_ms, preflight_until_ms FROM reservations"));
    while (TRY(rows->next())) {
        Row r;
        r.channel = rows->text(1);
        r.relay = rows->text(2);
        r.state = rows->text(3);
        const auto id = rows->blob(0);
        base::Id text;
        std::copy_n(id.begin(), 16, text.bytes.begin());
        r.id = text.text();
        r.viewers = rows->integer(4);
        r.start = rows->integer(5);
        r.end = rows->integer(6);
        r.lead_in = rows->integer(7) * 1000;
        r.drain = rows->integer(8) * 1000;
        r.created = rows->integer(9);
        r.revision = rows->integer(10);
        r.hold_expires = rows->optional_time(11);
        r.request = TRY(wire::parse_json(rows->text(12), "request"));
        r.preflight_from = rows->optional_time(13);
        r.preflight_until = rows->optional_time(14);
        out.push_back(std::move(r));
    }
    return out;
}

Result<std::vector<Row>> read_ledger(const control::Config &config) {
    if (!config.on_postgres()) {
        auto db =
            TRY(ledger::Database::open(config.ledger_file(), ledger::Database::Mode::existing));
        return read_rows(db);
    }
    const auto db = TRY(ledger::PostgresConnection::open(config.ledger));
    return read_rows(*db);
}

// [from, to) in milliseconds, units taken, by whom.
struct Use {
    std::int64_t from, to, units;
    std::string who;
};

// Nothing is taken before it is booked. What was ended early has an earlier end, and drains.
std::optional<std::pair<std::int64_t, std::int64_t>> taken(const Row &r, std::int64_t now) {
    const std::int64_t from = std::max(r.start - r.lead_in, r.created);
    const bool held = r.state == "held" && r.hold_expires && base::unix_ms(*r.hold_expires) > now;
    if (r.state == "booked" || r.state == "active" || r.state == "ended" || held)
        return std::pair{from, r.end + r.drain};
    return std::nullopt;
}

using Uses = std::map<std::string, std::vector<Use>>;

// What media of @p r takes on its way to the relay and into it.
void way_in(const Row &r, std::pair<std::int64_t, std::int64_t> span, std::int64_t rate,
            Uses &out) {
    const auto take = [&](const std::string &resource, std::int64_t units) {
        out[resource].push_back({span.first, span.second, units, r.id});
    };
    take("streams of " + r.relay, 1);
    take("ingest of " + r.relay, rate);
    for (const Json &line : r.request.at("carriers").as_array()) {
        const std::string name(line.as_string());
        take("lines of " + name, 1);
        take("capacity of " + name, (rate * 5 + 3) / 4 + 100'000);
    }
}

Uses uses_of(const std::vector<Row> &rows, std::int64_t now) {
    Uses out;
    for (const Row &r : rows) {
        const auto span = taken(r, now);
        if (!span || span->second <= span->first)
            continue;
        const std::int64_t rate = r.request.at("rate_bps").to_number<std::int64_t>();
        out["channel " + r.channel].push_back({span->first, span->second, 1, r.id});
        out["egress of " + r.relay].push_back({span->first, span->second, rate * r.viewers, r.id});
        way_in(r, *span, rate, out);
        if (!r.preflight_from)
            continue;
        const std::pair preflight{base::unix_ms(*r.preflight_from),
                                  base::unix_ms(*r.preflight_until)};
        way_in(r, preflight, rate, out);
        // A preflight comes before the window, whose stream it would be too many with.
        out["at once of " + r.id] = {{preflight.first, preflight.second, 1, r.id},
                                     {r.start - r.lead_in, r.end + r.drain, 1, r.id}};
    }
    return out;
}

std::map<std::string, std::int64_t> capacities(const control::Config &config) {
    std::map<std::string, std::int64_t> out;
    for (const auto &[name, c] : config.catalogue.channels)
        out["channel " + name] = 1;
    for (const auto &[name, r] : config.catalogue.relays) {
        out["streams of " + name] = r.streams;
        out["ingest of " + name] = r.ingest.bps;
        out["egress of " + name] = r.egress.bps;
    }
    for (const auto &[name, c] : config.catalogue.carriers) {
        out["lines of " + name] = c.lines;
        out["capacity of " + name] = c.capacity.bps;
    }
    return out;
}

// Walks along time: what ends at an instant makes room before what starts there.
std::int64_t report_overuse(const std::string &resource, std::int64_t capacity,
                            const std::vector<Use> &uses, std::int64_t &peak) {
    struct Event {
        std::int64_t at, units;
        const Use *use;
    };
    std::vector<Event> events;
    for (const Use &u : uses) {
        events.push_back({u.from, u.units, &u});
        events.push_back({u.to, -u.units, &u});
    }
    std::ranges::sort(events, [](const Event &a, const Event &b) {
        return std::pair{a.at, a.units} < std::pair{b.at, b.units};
    });
    std::int64_t used = 0;
    std::int64_t found = 0;
    for (const Event &e : events) {
        used += e.units;
        peak = std::max(peak, used);
        if (e.units < 0 || used <= capacity)
            continue;
        ++found;
        cli::print_line(
            wire::compact_json(JsonObject{{"type", "overuse"},
                                          {"resource", resource},
                                          {"at", base::format_rfc3339(base::from_unix_ms(e.at))},
                                          {"used", used},
                                          {"capacity", capacity},
                                          {"reservation", e.use->who}}));
    }
    return found;
}

// States that can follow by themselves, or by the relay, or by the sweeper, without a request.
bool may_follow(const std::string &was, const std::string &is) {
    return was == is || (was == "held" && is == "expired") ||
           (was == "booked" && (is == "active" || is == "ended" || is == "no_show")) ||
           (was == "active" && is == "ended");
}

Result<std::int64_t> report_missing(const std::vector<Row> &rows, const std::string &file) {
    std::map<std::string, const Row *> by_id;
    for (const Row &r : rows)
        by_id[r.id] = &r;
    std::ifstream in{file};
    std::int64_t found = 0;
    std::int64_t read = 0;
    for (std::string line; std::getline(in, line);) {
        const Json json = TRY(wire::parse_json(line, file));
        const JsonObject &o = json.as_object();
        if (!o.contains("id"))
            continue;
        ++read;
        const std::string id(o.at("id").as_string());
        const std::string state(o.at("state").as_string());
        const std::int64_t revision = o.at("revision").to_number<std::int64_t>();
        const auto at = by_id.find(id);
        const bool there = at != by_id.end();
        // Time passes for what is told sooner than for what is written.
        const bool good =
            there && (at->second->revision == revision ? may_follow(at->second->state, state)
                                                       : at->second->revision > revision &&
                                                             may_follow(state, at->second->state));
        if (good)
            continue;
        ++found;
        cli::print_line(wire::compact_json(JsonObject{
            {"type", "missing"},
            {"reservation", id},
            {"acknowledged", fmt::format("{} revision {}", state, revision)},
            {"found", there ? fmt::format("{} revision {}", at->second->state, at->second->revision)
                            : "nothing"}}));
    }
    if (read == 0)
        return base::fail(base::Errc::no_input, "{}: nothing was acknowledged", file);
    return found;
}

Result<int> audit(const Options &o) {
    const auto config = TRY(control::load_control(o.config));
    const auto now = base::unix_ms(TRY(base::parse_rfc3339(o.now)));
    const auto rows = TRY(read_ledger(config));
    const auto limits = capacities(config);
    std::int64_t bad = 0;
    std::int64_t full = 0; // resources that were used up at some time
    for (const auto &[resource, uses] : uses_of(rows, now)) {
        const auto limit = limits.find(resource);
        std::int64_t peak = 0;
        const std::int64_t capacity = resource.starts_with("at once of ") ? 1
                                      : limit == limits.end()             ? 0
                                                                          : limit->second;
        bad += report_overuse(resource, capacity, uses, peak);
        if (limit != limits.end() && peak == limit->second)
            ++full;
    }
    if (!o.acknowledged.empty())
        bad += TRY(report_missing(rows, o.acknowledged));
    cli::print_line(
        wire::compact_json(JsonObject{{"type", "audit"},
                                      {"reservations", static_cast<std::int64_t>(rows.size())},
                                      {"used_up", full},
                                      {"findings", bad}}));
    return bad == 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
    Options o;
    return cli::run_tool(
        argc, argv, {"audit-ledger", "Find what a ledger holds too much or has lost"},
        [&](CLI::App &app, cli::Action &action) {
            app.add_option("--config", o.config)->required();
            app.add_option("--acknowledged", o.acknowledged, "JSON lines with id, revision, state");
            app.add_option("--now", o.now, "holds that expired by then take nothing")->required();
            app.callback([&] { action = [&o] { return audit(o); }; });
        });
}
