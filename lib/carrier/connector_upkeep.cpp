#include "carrier/connector.hpp"

#include "base/log.hpp"
#include "carrier/reach.hpp"

#include <algorithm>

namespace carrier {

using base::Errc;
using base::Result;
using route::Address;

Result<route::Policy> Connector::policy(const Carriers &carriers) {
    route::Policy out;
    const CarrierState *active = most_recent(carriers);
    for (const auto &[name, state] : carriers) {
        route::Carrier carrier{.name = name,
                               .number = state.number,
                               .interface = state.interface,
                               .sources = {},
                               .usable = {},
                               .on_link = {},
                               .gateway4 = optional_address(state.gateway4),
                               .gateway6 = optional_address(state.gateway6)};
        if (state.below)
            carrier.tunnel = route::Tunnel{
                .underlay = state.below->carrier, .endpoint = {}, .port = state.below->port};
        if (state.below)
            carrier.tunnel->endpoint = TRY(Address::parse(state.below->host));
        if (const LineDriver *driver = find_driver(state.owned.driver); driver != nullptr) {
            const Gateways given = TRY(driver->gateways(m_folder.path(), state));
            carrier.gateway4 = carrier.gateway4 ? carrier.gateway4 : given.v4;
            carrier.gateway6 = carrier.gateway6 ? carrier.gateway6 : given.v6;
        }
        for (const std::string &source : state.sources)
            carrier.sources.push_back(TRY(Address::parse(source)));
        if (auto link = TRY(m_kernel.link(state.interface))) {
            carrier.up = link->up;
            carrier.point_to_point = link->point_to_point;
            carrier.on_link = std::move(link->on_link);
            carrier.usable = std::move(link->addresses);
            for (const Address &address : carrier.usable)
                if (std::ranges::find(carrier.sources, address) == carrier.sources.end())
                    carrier.sources.push_back(address);
        }
        for (const auto &[id, use] : state.uses)
            for (const std::string &address : use.ingest)
                out.relay_ingest.insert(TRY(Address::parse(address)));
        out.media_uid = state.media_uid;
        out.carriers.push_back(std::move(carrier));
    }
    out.active = active == nullptr ? "" : active->name;
    return out;
}

Result<route::Policy> Connector::policy_of(const Carriers &carriers, const base::Id &reservation) {
    Carriers own;
    for (auto [name, state] : carriers) {
        std::erase_if(state.uses, [&](const auto &use) { return use.first != reservation; });
        if (!state.uses.empty() && !only_below(carriers, name, reservation))
            own[name] = std::move(state);
    }
    return policy(own);
}

Result<route::Plan> Connector::plan(const Carriers &carriers, bool guard_unknown) {
    const route::State wanted = route::wanted(TRY(policy(carriers)));
    auto current = TRY(m_kernel.read(guard_unknown));
    return route::difference(current, wanted);
}

Result<void> Connector::apply(const route::Plan &plan) {
    for (const route::Step &step : plan)
        base::log::debug("{}", route::text(step));
    return m_kernel.apply(plan);
}

Result<Outcome> Connector::mend() {
    const auto lock = TRY(m_folder.lock(0));
    Outcome out;
    out.carriers = TRY(m_folder.load());
    out.plan = TRY(plan(out.carriers, false));
    TRY(apply(out.plan));
    return out;
}

Result<std::vector<Status>> Connector::status() {
    const Carriers carriers = TRY(m_folder.load());
    const CarrierState *active = most_recent(carriers);
    std::optional<bool> intact;
    if (auto left = plan(carriers, false))
        intact = left->empty();
    else if (left.error().code != Errc::not_permitted)
        return std::unexpected(std::move(left).error());
    std::vector<Status> out;
    for (const auto &[name, state] : carriers) {
        const auto link = TRY(m_kernel.link(state.interface));
        out.push_back({.state = state,
                       .link = link,
                       .active = active != nullptr && active->name == name,
                       .intact = intact});
    }
    return out;
}

} // namespace carrier
