#include "control/config.hpp"

#include "conf/paths.hpp"
#include "ledger/postgres.hpp"

#include <algorithm>

namespace control {

using base::Errc;
using base::Millis;
using base::Result;
using base::Seconds;
using conf::Table;

namespace {

constexpr std::int64_t k_max_count = 10'000'000;

Result<Seconds> whole_seconds(const Table &t, std::string_view key, Seconds fallback) {
    const Millis value = TRY(t.duration_or(key, fallback));
    if (value % Seconds{1} != Millis{0} || value > std::chrono::hours{1})
        return std::unexpected(t.error_at(key, "is whole seconds, at most 1h"));
    return std::chrono::duration_cast<Seconds>(value);
}

Result<Policy> read_policy(const Table &t) {
    Policy p;
    p.lead_in = TRY(whole_seconds(t, "lead_in", p.lead_in));
    p.drain = TRY(whole_seconds(t, "drain", p.drain));
    p.hold = TRY(t.duration_or("hold", p.hold));
    p.grace = TRY(t.duration_or("grace", p.grace));
    p.min_duration = TRY(t.duration_or("min_duration", p.min_duration));
    p.max_duration = TRY(t.duration_or("max_duration", p.max_duration));
    p.horizon = TRY(t.duration_or("horizon", p.horizon));
    p.retention = TRY(t.duration_or("retention", p.retention));
    if (p.max_duration < p.min_duration)
        return std::unexpected(t.error_at("max_duration", "is shorter than min_duration"));
    TRY(t.finish());
    return p;
}

Result<void> check_name(const Table &t, std::string_view key, std::string_view name) {
    if (!wire::is_plain_name(name))
        return std::unexpected(
            t.error_at(key, fmt::format("'{}' is not a name (1 to 32 of A-Z a-z 0-9 - _)",
                                        name.substr(0, 40))));
    return {};
}

Result<conf::Address> address(const Table &t, std::string_view key) {
    auto parsed = conf::parse_address(TRY(t.string(key)));
    if (!parsed)
        return std::unexpected(t.error_at(key, parsed.error().message, parsed.error().hint));
    return *parsed;
}

Result<void> read_carrier(const Table &t, const std::string &name, Config &c) {
    CarrierSite site;
    if (const std::string type = TRY(t.string("type")); type != "link")
        return std::unexpected(
            t.error_at("type", fmt::format("'{}' is not known here", type.substr(0, 32)),
                       "the only type so far is \"link\", an interface that is up already"));
    site.link = {.gateway4 = TRY(t.string_or("gateway4", "")),
                 .gateway6 = TRY(t.string_or("gateway6", ""))};
    for (const auto &[key, text, v6] : {std::tuple{"gateway4", &site.link.gateway4, false},
                                        std::tuple{"gateway6", &site.link.gateway6, true}}) {
        if (text->empty())
            continue;
        const auto canonical = conf::canonical_ip(*text);
        if (!canonical || (canonical->find(':') != std::string::npos) != v6)
            return std::unexpected(
                t.error_at(key, fmt::format("not an IPv{} address", v6 ? 6 : 4)));
        *text = *canonical;
    }
    c.catalogue.carriers[name] = {.lines = TRY(t.integer("lines", 1, k_max_count)),
                                  .capacity = TRY(t.rate("capacity"))};
    c.carriers[name] = std::move(site);
    return t.finish();
}

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
    c.catalogue.relays[name] = {.streams = TRY(t.integer("streams", 1, k_max_count)),
                                .ingest = TRY(t.rate("ingest")),
                                .egress = TRY(t.rate("egress"))};
    const Table addresses = TRY(t.table("ingest_addresses"));
    for (const auto &[carrier, ignored] : c.carriers) {
        if (!addresses.has(carrier))
            continue;
        const auto at = TRY(address(addresses, carrier));
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
    resv::Channel channel{.relay = TRY(t.string("relay")),
                          .viewers = TRY(t.integer("viewers", 1, k_max_count)),
                          .max_rate = TRY(t.rate("max_rate"))};
    const auto relay = c.catalogue.relays.find(channel.relay);
    if (relay == c.catalogue.relays.end())
        return std::unexpected(
            t.error_at("relay", fmt::format("there is no [relays.{}]", channel.relay)));
    if (channel.max_rate > relay->second.ingest)
        return std::unexpected(t.error_at("max_rate", "is more than the relay's ingest"));
    TRY(t.finish());
    c.catalogue.channels[name] = std::move(channel);
    return {};
}

template <typename Read>
Result<void> read_each(const Table &top, const char *key, Config &c, Read read) {
    for (const auto &[name, table] : TRY(top.tables(key))) {
        TRY(check_name(top, key, name));
        TRY(read(table, name, c));
    }
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

Result<Config> read_control(const Table &top) {
    Config c;
    c.listen = TRY(address(top, "listen"));
    c.tls_certificate = TRY(top.string("tls_certificate"));
    c.tls_key = TRY(top.string("tls_key"));
    c.data = TRY(top.string_or("data", (conf::data_folder() / "control").native()));
    c.ledger = TRY(top.string_or("ledger", c.ledger));
    if (const auto good = c.on_postgres() ? ledger::check_postgres_uri(c.ledger) : Result<void>{};
        !good)
        return std::unexpected(top.error_at("ledger", good.error().message, good.error().hint));
    c.policy = TRY(read_policy(TRY(top.table_or_empty("policy"))));
    TRY(read_each(top, "carriers", c, read_carrier));
    TRY(read_each(top, "relays", c, read_relay));
    TRY(read_each(top, "channels", c, read_channel));
    TRY(top.finish());
    return c;
}

Result<Config> load_control(const std::string &flag) {
    const auto path = conf::config_file(flag, "control.toml");
    Config config = TRY(read_control(TRY(Table::load(path))));
    config.file = path;
    return config;
}

std::string print_control(const Config &c) {
    const auto duration = [](Millis d) { return base::format_duration(d); };
    std::string out = fmt::format("listen = \"{}\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n"
                                  "data = \"{}\"\nledger = \"{}\"\n\n",
                                  c.listen.text(), c.tls_certificate.native(), c.tls_key.native(),
                                  c.data.native(), c.ledger);
    const Policy &p = c.policy;
    out += fmt::format("[policy]\nlead_in = \"{}\"\ndrain = \"{}\"\nhold = \"{}\"\n"
                       "grace = \"{}\"\nmin_duration = \"{}\"\nmax_duration = \"{}\"\n"
                       "horizon = \"{}\"\nretention = \"{}\"\n",
                       duration(p.lead_in), duration(p.drain), duration(p.hold), duration(p.grace),
                       duration(p.min_duration), duration(p.max_duration), duration(p.horizon),
                       duration(p.retention));
    for (const auto &[name, relay] : c.catalogue.relays) {
        const RelaySite &site = c.relays.at(name);
        out += fmt::format("\n[relays.{}]\npublic_url = \"{}\"\nstreams = {}\ningest = \"{}\"\n"
                           "egress = \"{}\"\nlatency = \"{}\"\n\n[relays.{}.ingest_addresses]\n",
                           name, site.public_url, relay.streams, format_rate(relay.ingest),
                           format_rate(relay.egress), duration(site.latency), name);
        for (const auto &[carrier, at] : site.ingest)
            out += fmt::format("{} = \"{}\"\n", carrier, at.text());
    }
    for (const auto &[name, carrier] : c.catalogue.carriers) {
        const CarrierSite &site = c.carriers.at(name);
        out += fmt::format("\n[carriers.{}]\ntype = \"{}\"\nlines = {}\ncapacity = \"{}\"\n", name,
                           wire::name(site.type), carrier.lines, format_rate(carrier.capacity));
        for (const auto &[key, gateway] :
             {std::pair{"gateway4", site.link.gateway4}, std::pair{"gateway6", site.link.gateway6}})
            if (!gateway.empty())
                out += fmt::format("{} = \"{}\"\n", key, gateway);
    }
    for (const auto &[name, channel] : c.catalogue.channels)
        out += fmt::format("\n[channels.{}]\nrelay = \"{}\"\nviewers = {}\nmax_rate = \"{}\"\n",
                           name, channel.relay, channel.viewers, format_rate(channel.max_rate));
    return out;
}

} // namespace control
