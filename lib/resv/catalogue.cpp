#include "resv/catalogue.hpp"

namespace resv {

namespace {
constexpr std::int64_t k_overhead_bps = 100'000;

std::string channel_name(std::string_view name) {
    return fmt::format("channel:{}", name);
}
std::string relay_name(std::string_view name, std::string_view of) {
    return fmt::format("relay:{}:{}", name, of);
}
std::string carrier_name(std::string_view name, std::string_view of) {
    return fmt::format("carrier:{}:{}", name, of);
}
} // namespace

Capacity capacity_of(const Catalogue &catalogue) {
    Capacity out;
    for (const auto &[name, channel] : catalogue.channels)
        out[channel_name(name)] = 1;
    for (const auto &[name, relay] : catalogue.relays) {
        out[relay_name(name, "streams")] = relay.streams;
        out[relay_name(name, "ingest")] = relay.ingest.bps;
        out[relay_name(name, "egress")] = relay.egress.bps;
    }
    for (const auto &[name, carrier] : catalogue.carriers) {
        out[carrier_name(name, "lines")] = carrier.lines;
        out[carrier_name(name, "bits")] = carrier.capacity.bps;
    }
    return out;
}

bool is_rate(std::string_view resource) {
    return resource.ends_with(":ingest") || resource.ends_with(":egress") ||
           resource.ends_with(":bits");
}

base::BitRate line_rate(base::BitRate rate) {
    return {rate.bps + (rate.bps + 3) / 4 + k_overhead_bps};
}

base::BitRate rate_of_line(base::BitRate line) {
    return {line.bps <= k_overhead_bps
                ? 0
                : (line.bps - k_overhead_bps) / 5 * 4 + (line.bps - k_overhead_bps) % 5 * 4 / 5};
}

std::vector<Demand> demands_of(const std::string &channel, const std::string &relay,
                               const std::vector<std::string> &carriers, base::BitRate rate,
                               std::int64_t viewers) {
    std::vector<Demand> out{{channel_name(channel), 1},
                            {relay_name(relay, "streams"), 1},
                            {relay_name(relay, "ingest"), rate.bps},
                            {relay_name(relay, "egress"), rate.bps * viewers}};
    for (const std::string &carrier : carriers) {
        out.push_back({carrier_name(carrier, "lines"), 1});
        out.push_back({carrier_name(carrier, "bits"), line_rate(rate).bps});
    }
    return out;
}

std::vector<Demand> demands_of_preflight(const std::vector<Demand> &demands) {
    auto out = demands;
    std::erase_if(out, [](const Demand &d) {
        return d.resource.starts_with("channel:") || d.resource.ends_with(":egress");
    });
    return out;
}

} // namespace resv
