// [limits]: what control takes of its clients.
#include "control/config_parts.hpp"

namespace control {

using base::Millis;
using base::Result;
using conf::Table;

namespace {

constexpr std::int64_t k_max_rate = 1'000'000;

struct Size {
    const char *key;
    std::size_t net::HttpLimits::*value;
    std::int64_t min;
    std::int64_t max;
};
constexpr auto k_sizes = std::to_array<Size>({
    {"header_bytes", &net::HttpLimits::max_header_bytes, 2048, 1 << 20},
    {"body_bytes", &net::HttpLimits::max_body_bytes, 16 * 1024, 16 << 20},
    {"connections", &net::HttpLimits::max_connections, 1, 1'000'000},
    {"connections_per_address", &net::HttpLimits::max_per_address, 1, 1'000'000},
});

struct Time {
    const char *key;
    Millis net::HttpLimits::*value;
};
constexpr auto k_times = std::to_array<Time>({
    {"handshake_timeout", &net::HttpLimits::handshake_timeout},
    {"header_timeout", &net::HttpLimits::header_timeout},
    {"body_timeout", &net::HttpLimits::body_timeout},
    {"idle_timeout", &net::HttpLimits::idle_timeout},
    {"answer_timeout", &net::HttpLimits::answer_timeout},
    {"write_timeout", &net::HttpLimits::write_timeout},
});

struct Rate {
    const char *rate;
    const char *burst;
    Allowance Limits::*value;
};
constexpr auto k_rates = std::to_array<Rate>({
    {"requests_per_key", "burst_per_key", &Limits::per_key},
    {"unsigned_per_address", "unsigned_burst", &Limits::per_address},
});

} // namespace

Result<Limits> read_limits(const Table &t) {
    Limits out;
    for (const Size &s : k_sizes)
        out.http.*s.value = static_cast<std::size_t>(
            TRY(t.integer_or(s.key, static_cast<std::int64_t>(out.http.*s.value), s.min, s.max)));
    for (const Time &d : k_times) {
        out.http.*d.value = TRY(t.duration_or(d.key, out.http.*d.value));
        if (out.http.*d.value < Millis{100} || out.http.*d.value > std::chrono::hours{1})
            return std::unexpected(t.error_at(d.key, "is not in 100ms to 1h"));
    }
    out.stop = TRY(t.duration_or("stop_timeout", out.stop));
    for (const Rate &r : k_rates) {
        Allowance &a = out.*r.value;
        a.per_second = TRY(t.integer_or(r.rate, a.per_second, 0, k_max_rate));
        a.at_once = TRY(t.integer_or(r.burst, std::max(a.at_once, a.per_second), 1, k_max_rate));
    }
    TRY(t.finish());
    return out;
}

std::string print_limits(const Limits &limits) {
    std::string out = "\n[limits]\n";
    for (const Size &s : k_sizes)
        out += fmt::format("{} = {}\n", s.key, limits.http.*s.value);
    for (const Time &d : k_times)
        out += fmt::format("{} = \"{}\"\n", d.key, base::format_duration(limits.http.*d.value));
    out += fmt::format("stop_timeout = \"{}\"\n", base::format_duration(limits.stop));
    for (const Rate &r : k_rates) {
        const Allowance &a = limits.*r.value;
        out += fmt::format("{} = {}\n{} = {}\n", r.rate, a.per_second, r.burst, a.at_once);
    }
    return out;
}

} // namespace control
