// What there is: relays and channels; carriers are in config_carriers.cpp.
#include "control/config_parts.hpp"

#include <algorithm>

namespace control {

using base::Millis;
using base::Result;
using base::Seconds;
using conf::Table;

namespace {

constexpr std::int64_t k_max_count = 10'000'000;

// An ingest address must be reached through its carrier only: never control's, never the viewers'
// side's, or routes to it would carry other traffic over the carrier.
Result<void> check_ingest(const Table &t, const std::string &carrier, const conf::Address &at,
                          const RelaySite &site, const Config &c) {
    const auto bad = [&](std::string_view text, std::string hint = {}) {
        return std::unexpected(t.error_at(carrier, text, std::move(hint)));
    };
    if (at.host == c.listen.host)
        return bad("is control's own address", "media needs a network of its own");
    if (at.host == url_host(site.public_url))
        return bad("is the address of the viewers' side (public_url)",
                   "give the relay one address for viewers and one for each carrier");
    if (at.host == "0.0.0.0" || at.host == "::")
        return bad("is no address that can be reached");
    if (at.port == 65535)
        return bad("leaves no port for the echo, which is the next one");
    for (const auto &[other, taken] : site.ingest)
        if (taken.host == at.host && std::abs(int{taken.port} - int{at.port}) < 2)
            return bad(fmt::format("collides with that of {} (the echo is the next port)", other));
    return {};
}

} // namespace

std::string url_host(std::string_view url) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!url.starts_with(scheme))
            continue;
        std::string_view host = url.substr(scheme.size());
        host = host.substr(0, host.find('/'));
        const bool bracketed = host.starts_with('[');
        host = bracketed ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
        return conf::canonical_ip(host).value_or(std::string(host));
    }
    return {};
}

Result<conf::Address> read_address(const Table &t, std::string_view key) {
    auto parsed = conf::parse_address(TRY(t.string(key)));
    if (!parsed)
        return std::unexpected(t.error_at(key, parsed.error().message, parsed.error().hint));
    return *parsed;
}

Result<void> read_relay(const Table &t, const std::string &name, Config &c) {
    RelaySite site;
    site.public_url = TRY(t.string("public_url"));
    while (site.public_url.ends_with('/'))
        site.public_url.pop_back();
    if (url_host(site.public_url).empty())
        return std::unexpected(t.error_at("public_url", "not an http:// or https:// address"));
    site.latency = TRY(t.duration_or("latency", site.latency));
    if (site.latency < Millis{20} || site.latency > Seconds{10})
        return std::unexpected(t.error_at("latency", "is not in 20ms to 10s"));
    auto &capacity = c.catalogue.relays[name];
    capacity.streams = TRY(t.integer("streams", 1, k_max_count));
    capacity.ingest = TRY(t.rate("ingest"));
    capacity.egress = TRY(t.rate("egress"));
    const Table addresses = TRY(t.table("ingest_addresses"));
    for (const auto &[carrier, ignored] : c.carriers) {
        if (!addresses.has(carrier))
            continue;
        const auto at = TRY(read_address(addresses, carrier));
        TRY(check_ingest(addresses, carrier, at, site, c));
        site.ingest[carrier] = at;
    }
    TRY(addresses.finish());
    if (site.ingest.empty())
        return std::unexpected(
            t.error_at("ingest_addresses", "is empty", "write CARRIER = \"IP:port\""));
    c.relays[name] = std::move(site);
    return t.finish();
}

Result<void> read_channel(const Table &t, const std::string &name, Config &c) {
    resv::Channel channel;
    channel.relay = TRY(t.string("relay"));
    channel.viewers = TRY(t.integer("viewers", 1, k_max_count));
    channel.max_rate = TRY(t.rate("max_rate"));
    const auto relay = c.catalogue.relays.find(channel.relay);
    if (relay == c.catalogue.relays.end())
        return std::unexpected(
            t.error_at("relay", fmt::format("there is no [relays.{}]", channel.relay)));
    if (channel.max_rate > relay->second.ingest)
        return std::unexpected(t.error_at("max_rate", "is more than the relay's ingest"));
    c.channels[name] = TRY(read_channel_policy(TRY(t.table_or_empty("policy")), c.policy));
    c.catalogue.channels[name] = std::move(channel);
    if (const auto fee = TRY(read_fee(t, c)))
        c.channel_fees[name] = *fee;
    return t.finish();
}

} // namespace control
