#include "route/policy.hpp"

#include <algorithm>

namespace route {

std::string Route::text() const {
    std::string out = unreachable ? "unreachable " : "";
    out += to.text();
    if (gateway)
        out += fmt::format(" via {}", gateway->text());
    if (!interface.empty())
        out += fmt::format(" dev {}", interface);
    if (!unreachable && !gateway && family == Family::v4)
        out += " scope link";
    if (source)
        out += fmt::format(" src {}", source->text());
    out += fmt::format(" table {}", table);
    if (metric != 0)
        out += fmt::format(" metric {}", metric);
    return out;
}

std::string Rule::text() const {
    std::string out = fmt::format("pref {}", priority);
    if (from)
        out += fmt::format(" from {}", from->text());
    if (to)
        out += fmt::format(" to {}", to->text());
    if (!oif.empty())
        out += fmt::format(" oif {}", oif);
    if (mark)
        out += fmt::format(" fwmark {:#x}", *mark);
    if (uid)
        out += fmt::format(" uidrange {0}-{0}", *uid);
    return out + (unreachable() ? " unreachable" : fmt::format(" lookup {}", table));
}

namespace {

// IPv6 has no metric 0: the kernel stores 1024 (IP6_RT_PRIO_USER).
constexpr std::uint32_t on_link_metric(Family family) {
    return family == Family::v4 ? 0 : 1024;
}

/// A rule that looks a table up, and at the next priority the same one that says unreachable.
void add_pair(State &state, const Rule &rule) {
    state.rules.push_back(rule);
    state.rules.push_back(rule);
    state.rules.back().priority += 1;
    state.rules.back().table = 0;
}

void add_unreachable(State &state, std::uint32_t table) {
    for (const Family family : k_families)
        state.routes.push_back({.family = family,
                                .table = table,
                                .metric = k_unreachable_metric,
                                .to = Prefix::all(family),
                                .unreachable = true,
                                .interface = {},
                                .gateway = {},
                                .source = {}});
}

std::optional<Address> preferred_source(const Carrier &carrier, Family family) {
    const auto found = std::ranges::find(carrier.usable, family, &Address::family);
    return found == carrier.usable.end() ? std::nullopt : std::optional{*found};
}

void add_default(State &state, const Carrier &carrier, Route route) {
    const auto &gateway = route.family == Family::v4 ? carrier.gateway4 : carrier.gateway6;
    const bool reachable =
        gateway && std::ranges::any_of(carrier.on_link, [&](const Prefix &prefix) {
            return prefix.contains(*gateway);
        });
    if (!reachable && (!carrier.point_to_point || gateway))
        return; // the table stays closed for this family
    route.to = Prefix::all(route.family);
    route.metric = k_default_metric;
    route.gateway = gateway;
    state.routes.push_back(std::move(route));
}

void add_carrier_routes(State &state, const Carrier &carrier, std::uint32_t table) {
    if (!carrier.up)
        return;
    for (const Family family : k_families) {
        const auto source = preferred_source(carrier, family);
        if (!source)
            continue;
        Route route{.family = family,
                    .table = table,
                    .metric = on_link_metric(family),
                    .to = {},
                    .unreachable = false,
                    .interface = carrier.interface,
                    .gateway = {},
                    .source = source};
        // Needed because the check of the next hop passes through the rules; a link-local prefix
        // only when the gateway is in it.
        const auto &gateway = family == Family::v4 ? carrier.gateway4 : carrier.gateway6;
        for (const Prefix &prefix : carrier.on_link) {
            const bool of_use =
                !prefix.address.is_link_local() || (gateway && prefix.contains(*gateway));
            if (prefix.address.family != family || !of_use)
                continue;
            route.to = prefix;
            state.routes.push_back(route);
            if (prefix.address.is_link_local())
                state.routes.back().source.reset();
        }
        add_default(state, carrier, route);
    }
}

void add_carrier_rules(State &state, const Carrier &carrier) {
    const std::uint32_t first = 500 + 4 * carrier.number;
    const std::uint32_t table = table_of(carrier.number);
    Rule rule{.family = Family::v4,
              .priority = first,
              .table = table,
              .oif = carrier.interface,
              .from = {},
              .to = {},
              .uid = {},
              .mark = {}};
    for (const Family family : k_families) {
        rule.family = family;
        add_pair(state, rule);
    }
    rule.oif.clear();
    rule.priority = first + 2;
    for (const Address &source : carrier.sources) {
        rule.family = source.family;
        rule.from = Prefix::host(source);
        add_pair(state, rule);
    }
}

/// Rules and guard for the outer packets of a tunnel: they go by the carrier below it, or nowhere.
void add_outer(State &state, Guard &guard, const Carrier &carrier, const Policy &policy) {
    const std::uint32_t mark = k_tunnel_mark + carrier.number;
    const auto below = std::ranges::find(policy.carriers, carrier.tunnel->underlay, &Carrier::name);
    const bool there = below != policy.carriers.end();
    Rule rule{.family = Family::v4,
              .priority = 400 + 2 * carrier.number,
              .table = there ? table_of(below->number) : 0,
              .oif = {},
              .from = {},
              .to = {},
              .uid = {},
              .mark = mark};
    for (const Family family : k_families) {
        rule.family = family;
        add_pair(state, rule);
    }
    guard.outer.insert({.mark = mark,
                        .endpoint = carrier.tunnel->endpoint,
                        .port = carrier.tunnel->port,
                        .interface = there ? below->interface : std::string{}});
}

void add_shared_rules(State &state, const Policy &policy) {
    Rule rule{.family = Family::v4,
              .priority = 600,
              .table = k_active_table,
              .oif = {},
              .from = {},
              .to = {},
              .uid = {},
              .mark = {}};
    for (const Address &address : policy.relay_ingest) {
        rule.family = address.family;
        rule.to = Prefix::host(address);
        add_pair(state, rule);
    }
    rule.to.reset();
    rule.priority = 700;
    rule.uid = policy.media_uid;
    for (const Family family : k_families) {
        rule.family = family;
        add_pair(state, rule);
    }
}

} // namespace

State wanted(const Policy &policy) {
    State state;
    if (policy.carriers.empty())
        return state;
    Guard guard{policy.media_uid, {}, policy.relay_ingest, {}};
    add_unreachable(state, k_active_table);
    for (const Carrier &carrier : policy.carriers) {
        guard.interfaces.insert(carrier.interface);
        if (carrier.tunnel)
            add_outer(state, guard, carrier, policy);
        add_carrier_rules(state, carrier);
        add_unreachable(state, table_of(carrier.number));
        add_carrier_routes(state, carrier, table_of(carrier.number));
        if (carrier.name == policy.active)
            add_carrier_routes(state, carrier, k_active_table);
    }
    add_shared_rules(state, policy);
    std::ranges::sort(state.rules);
    std::ranges::sort(state.routes);
    state.rules.erase(std::ranges::unique(state.rules).begin(), state.rules.end());
    state.routes.erase(std::ranges::unique(state.routes).begin(), state.routes.end());
    state.guard = std::move(guard);
    return state;
}

} // namespace route
