// The configuration in force, as TOML.
#include "control/config_parts.hpp"

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

template <typename Fees>
std::string fee(const Fees &fees, std::string_view kind, const std::string &name) {
    const auto found = fees.find(name);
    if (found == fees.end())
        return {};
    const resv::Fee &f = found->second;
    return fmt::format("\n[{}.{}.fee]\nper_{} = {}\nset_up = {}\n", kind, name,
                       f.unit == Millis{60'000} ? "minute" : "hour", f.per_unit, f.set_up);
}

} // namespace

std::string print_control(const Config &c) {
    std::string out = fmt::format("listen = \"{}\"\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n"
                                  "data = \"{}\"\nledger = \"{}\"\n\n",
                                  c.listen.text(), c.tls_certificate.native(), c.tls_key.native(),
                                  c.data.native(), c.ledger);
    if (c.admin)
        out.insert(out.size() - 1, fmt::format("admin = \"{}\"\n", c.admin->text()));
    if (!c.currency.empty())
        out.insert(out.size() - 1, fmt::format("currency = \"{}\"\n", c.currency));
    const Policy &p = c.policy;
    out += fmt::format("[policy]\n{}hold = \"{}\"\npreflight = \"{}\"\nretention = \"{}\"\n"
                       "max_series = {}\n",
                       shared_policy(p), duration(p.hold), duration(p.preflight),
                       duration(p.retention), p.max_series);
    out += fmt::format("\n[calendar]\npublic = {}\nsession = \"{}\"\nlisteners = {}\n"
                       "url = \"{}\"\n",
                       c.calendar.open, duration(c.calendar.session), c.calendar.listeners,
                       c.calendar.url);
    out += print_limits(c.limits);
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
        out += fmt::format("\n[carriers.{}]\ntype = \"{}\"\nlines = {}\ncapacity = \"{}\"\n{}",
                           name, wire::name(site.type()), carrier.lines,
                           format_rate(carrier.capacity), print_connection(site));
        out += fee(c.carrier_fees, "carriers", name);
    }
    for (const auto &[name, channel] : c.catalogue.channels) {
        out += fmt::format("\n[channels.{}]\nrelay = \"{}\"\nviewers = {}\nmax_rate = \"{}\"\n\n"
                           "[channels.{}.policy]\n{}",
                           name, channel.relay, channel.viewers, format_rate(channel.max_rate),
                           name, shared_policy(c.policy_of(name)));
        out += fee(c.channel_fees, "channels", name);
    }
    for (const auto &[name, m] : c.maintenance) {
        out += fmt::format("\n[maintenance.{}]\nresource = \"{}\"\nfrom = \"{}\"\nto = \"{}\"\n",
                           name, m.resource, base::format_rfc3339(m.span.from),
                           base::format_rfc3339(m.span.to));
        if (m.units)
            out += resv::is_rate(m.resource)
                       ? fmt::format("rate = \"{}\"\n", base::format_rate({*m.units}))
                       : fmt::format("units = {}\n", *m.units);
    }
    for (const auto &[name, q] : c.distributors) {
        out += fmt::format("\n[distributors.{}]\n", name);
        if (q.at_once)
            out += fmt::format("at_once = {}\n", *q.at_once);
        if (q.ahead)
            out += fmt::format("ahead = {}\n", *q.ahead);
        if (q.per_month)
            out += fmt::format("per_month = \"{}\"\n", duration(*q.per_month));
    }
    return out + print_notify(c.notify);
}

} // namespace control
