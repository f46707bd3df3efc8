// The configuration in force, as TOML.
#include "control/config.hpp"

namespace control {

using base::Millis;

namespace {

std::string duration(Millis d) {
    return base::format_duration(d);
}

std::string shared_policy(const ChannelPolicy &p) {
    return fmt::format("lead_in = \"{}\"\ndrain = \"{}\"\ngrace = \"{}\"\ngrid = \"{}\"\n"
                       "min_duration = \"{}\"\nmax_duration = \"{}\"\nhorizon = \"{}\"\n",
                       duration(p.lead_in), duration(p.drain), duration(p.grace), duration(p.grid),
                       duration(p.min_duration), duration(p.max_duration), duration(p.horizon));
}

} // namespace

std::string print_control(const Config &c) {
    std::string out = fmt::format("listen = \"{}\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n"
                                  "data = \"{}\"\nledger = \"{}\"\n\n",
                                  c.listen.text(), c.tls_certificate.native(), c.tls_key.native(),
                                  c.data.native(), c.ledger);
    const Policy &p = c.policy;
    out += fmt::format("[policy]\n{}hold = \"{}\"\nretention = \"{}\"\n", shared_policy(p),
                       duration(p.hold), duration(p.retention));
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
        out += fmt::format("\n[channels.{}]\nrelay = \"{}\"\nviewers = {}\nmax_rate = \"{}\"\n\n"
                           "[channels.{}.policy]\n{}",
                           name, channel.relay, channel.viewers, format_rate(channel.max_rate),
                           name, shared_policy(c.policy_of(name)));
    return out;
}

} // namespace control
