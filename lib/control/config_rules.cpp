// The rules: policies.
#include "control/config_parts.hpp"

namespace control {

using base::Millis;
using base::Result;
using base::Seconds;
using conf::Table;

namespace {

Result<Seconds> whole_seconds(const Table &t, std::string_view key, Seconds fallback) {
    const Millis value = TRY(t.duration_or(key, fallback));
    if (value % Seconds{1} != Millis{0} || value > std::chrono::hours{1})
        return std::unexpected(t.error_at(key, "is whole seconds, at most 1h"));
    return std::chrono::duration_cast<Seconds>(value);
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

} // namespace control
