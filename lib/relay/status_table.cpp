// `relay-serve status` for people.
#include "relay/status.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace relay {

namespace {

constexpr std::string_view k_columns =
    "{:<27} {:<5} {:>8} {:>6} {:>9} {:>9} {:>5} {:>11} {:>8} {:>7}";

std::int64_t number(const wire::JsonObject &object, std::string_view key) {
    const wire::Json *value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? value->as_int64() : 0;
}

// `12.3 MB`; powers of 1000.
std::string amount(std::int64_t n, std::string_view unit) {
    constexpr std::string_view k_prefixes = " kMGTP";
    auto value = static_cast<double>(n);
    std::size_t step = 0;
    for (; value >= 999.95 && step + 1 < k_prefixes.size(); ++step)
        value /= 1000;
    return step == 0 ? fmt::format("{} {}", n, unit)
                     : fmt::format("{:.1f} {}{}", value, k_prefixes[step], unit);
}

std::string relay_line(const wire::JsonObject &r) {
    const std::int64_t age = number(r, "feed_age_s");
    return fmt::format("{} connections, control {}, clock {} ms off, {} reports waiting",
                       number(r, "connections"),
                       age < 0 ? "not heard yet" : fmt::format("heard {} s ago", age),
                       number(r, "clock_offset_ms"), number(r, "reports_waiting"));
}

std::string event_row(const wire::JsonObject &e) {
    std::int64_t rate = 0;
    std::int64_t rtt = 0;
    std::int64_t lost = 0;
    for (const wire::Json &path : e.at("paths").as_array()) {
        rate += number(path.as_object(), "rate_bps");
        rtt = std::max(rtt, number(path.as_object(), "rtt_us"));
        lost += number(path.as_object(), "lost_packets");
    }
    const bool connected = !e.at("paths").as_array().empty();
    const wire::Json *live = e.if_contains("live");
    return fmt::format(fmt::runtime(k_columns), std::string_view{e.at("reservation").as_string()},
                       live != nullptr && *live == wire::Json(true) ? "yes" : "no",
                       number(e, "viewers") + number(e, "hls_viewers"), number(e, "peak_viewers"),
                       amount(number(e, "ingest_bytes"), "B"),
                       amount(number(e, "egress_bytes"), "B"), number(e, "gaps"),
                       connected ? amount(rate, "bit/s") : "-",
                       connected ? fmt::format("{:.1f} ms", static_cast<double>(rtt) / 1000) : "-",
                       connected ? std::to_string(lost) : "-");
}

} // namespace

std::vector<std::string> status_table(const std::vector<wire::Json> &records) {
    std::vector<std::string> out;
    for (const wire::Json &record : records) {
        const wire::JsonObject &object = record.as_object();
        if (object.at("type").as_string() == "relay") {
            out.push_back(relay_line(object));
            out.push_back(fmt::format(fmt::runtime(k_columns), "RESERVATION", "LIVE", "VIEWERS",
                                      "PEAK", "IN", "OUT", "GAPS", "RATE", "RTT", "LOST"));
        } else {
            out.push_back(event_row(object));
        }
    }
    return out;
}

} // namespace relay
