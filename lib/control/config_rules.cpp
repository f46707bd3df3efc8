// The rules: policies, maintenance, fees, quotas.
#include "control/config_parts.hpp"

namespace control {

using base::Millis;
using base::Result;
using base::Seconds;
using conf::Table;

namespace {

constexpr std::int64_t k_max_count = 10'000'000;
constexpr std::int64_t k_max_minor = 1'000'000'000'000;

Result<Seconds> whole_seconds(const Table &t, std::string_view key, Seconds fallback) {
    const Millis value = TRY(t.duration_or(key, fallback));
    if (value % Seconds{1} != Millis{0} || value > std::chrono::hours{1})
        return std::unexpected(t.error_at(key, "is whole seconds, at most 1h"));
    return std::chrono::duration_cast<Seconds>(value);
}

Result<base::UtcTime> read_time(const Table &t, std::string_view key) {
    auto parsed = base::parse_rfc3339(TRY(t.string(key)));
    if (!parsed)
        return std::unexpected(t.error_at(key, parsed.error().message, parsed.error().hint));
    return *parsed;
}

// What [policy] and [channels.NAME.policy] share; `p` says what holds when a key is absent.
Result<void> read_shared(const Table &t, ChannelPolicy &p) {
    constexpr Millis k_day = std::chrono::hours{24};
    p.lead_in = TRY(whole_seconds(t, "lead_in", p.lead_in));
    p.drain = TRY(whole_seconds(t, "drain", p.drain));
    p.grace = TRY(t.duration_or("grace", p.grace));
    p.grid = TRY(t.duration_or("grid", p.grid));
    if (p.grid % Seconds{1} != Millis{0} || (p.grid > Millis{0} && k_day % p.grid != Millis{0}))
        return std::unexpected(t.error_at("grid", "is whole seconds that divide a day"));
    p.min_duration = TRY(t.duration_or("min_duration", p.min_duration));
    p.max_duration = TRY(t.duration_or("max_duration", p.max_duration));
    if (p.max_duration < p.min_duration)
        return std::unexpected(t.error_at("max_duration", "is shorter than min_duration"));
    p.horizon = TRY(t.duration_or("horizon", p.horizon));
    return {};
}

} // namespace

Result<Policy> read_policy(const Table &t) {
    Policy p;
    TRY(read_shared(t, p));
    p.hold = TRY(t.duration_or("hold", p.hold));
    p.preflight = TRY(t.duration_or("preflight", p.preflight));
    if (p.preflight < Seconds{10} || p.preflight > std::chrono::hours{1})
        return std::unexpected(t.error_at("preflight", "is not in 10s to 1h"));
    p.max_series = TRY(t.integer_or("max_series", p.max_series, 1, 366));
    p.retention = TRY(t.duration_or("retention", p.retention));
    TRY(t.finish());
    return p;
}

Result<ChannelPolicy> read_channel_policy(const Table &t, const ChannelPolicy &general) {
    ChannelPolicy p = general;
    TRY(read_shared(t, p));
    TRY(t.finish());
    return p;
}

Result<std::optional<resv::Fee>> read_fee(const Table &parent, const Config &c) {
    if (!parent.has("fee"))
        return std::nullopt;
    if (c.currency.empty())
        return std::unexpected(
            parent.error_at("fee", "has no currency", "write currency = \"EUR\" at the top"));
    const Table t = TRY(parent.table("fee"));
    const bool by_minute = t.has("per_minute");
    if (by_minute && t.has("per_hour"))
        return std::unexpected(t.error_at("per_minute", "stands beside per_hour: write one"));
    resv::Fee fee;
    fee.per_unit = TRY(t.integer_or(by_minute ? "per_minute" : "per_hour", 0, 0, k_max_minor));
    fee.unit = by_minute ? Millis{60'000} : Millis{3'600'000};
    fee.set_up = TRY(t.integer_or("set_up", 0, 0, k_max_minor));
    TRY(t.finish());
    return fee;
}

Result<void> read_maintenance(const Table &t, const std::string &name, Config &c) {
    Maintenance m;
    m.resource = TRY(t.string("resource"));
    m.span = {TRY(read_time(t, "from")), TRY(read_time(t, "to"))};
    if (m.span.empty())
        return std::unexpected(t.error_at("to", "is not after from"));
    // "relay:r1" is all that begins with "relay:r1:".
    for (const auto &[resource, units] : resv::capacity_of(c.catalogue))
        if (resource == m.resource ||
            (m.resource.contains(':') && resource.starts_with(m.resource + ":")))
            m.loads.push_back({resource, m.span, units});
    if (m.loads.empty())
        return std::unexpected(
            t.error_at("resource", "is not there",
                       "write channel:NAME, relay:NAME, carrier:NAME, or one part of these, such "
                       "as relay:NAME:egress, carrier:NAME:lines"));
    if (t.has("units") || t.has("rate")) {
        const bool bits = resv::is_rate(m.loads.front().resource);
        if (m.loads.size() > 1 || bits == t.has("units"))
            return std::unexpected(t.error_at(
                t.has("units") ? "units" : "rate", "does not go with that resource",
                "rate goes with …:ingest, …:egress and …:bits, units with …:streams and …:lines"));
        std::int64_t &units = m.loads.front().units;
        m.units = bits ? TRY(t.rate("rate")).bps : TRY(t.integer("units", 1, units));
        if (*m.units > units)
            return std::unexpected(t.error_at("rate", "is more than there is"));
        units = *m.units;
    }
    c.maintenance[name] = std::move(m);
    return t.finish();
}

Result<CalendarRules> read_calendar(const Table &t, const conf::Address &listen) {
    CalendarRules r;
    r.open = TRY(t.boolean_or("public", r.open));
    r.session = TRY(t.duration_or("session", r.session));
    if (r.session < Seconds{60} || r.session > std::chrono::hours{24 * 7})
        return std::unexpected(t.error_at("session", "is not in 1m to 168h"));
    r.listeners = TRY(t.integer_or("listeners", r.listeners, 0, 10'000));
    r.url = TRY(t.string_or("url", "https://" + listen.text()));
    while (r.url.ends_with('/'))
        r.url.pop_back();
    if (!r.url.starts_with("https://") || url_host(r.url).empty() ||
        r.url.find('/', 8) != std::string::npos)
        return std::unexpected(t.error_at("url", "is not https://host[:port]"));
    TRY(t.finish());
    return r;
}

Result<void> read_distributor(const Table &t, const std::string &name, Config &c) {
    resv::Quota quota;
    if (t.has("at_once"))
        quota.at_once = TRY(t.integer("at_once", 0, k_max_count));
    if (t.has("ahead"))
        quota.ahead = TRY(t.integer("ahead", 0, k_max_count));
    if (t.has("per_month"))
        quota.per_month = TRY(t.duration_or("per_month", Millis{0}));
    TRY(t.finish());
    c.distributors[name] = quota;
    return {};
}

} // namespace control
