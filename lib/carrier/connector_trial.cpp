#include "carrier/connector.hpp"

namespace carrier {

using base::Result;

namespace {

/// From @p kernel, the routes that go with the carriers' interfaces.
route::Plan away(const route::State &kernel, route::Policy policy) {
    for (route::Carrier &carrier : policy.carriers)
        carrier.up = false;
    route::Plan out;
    for (route::Step &step : route::difference(kernel, route::wanted(policy)))
        if (std::holds_alternative<route::RemoveRoute>(step))
            out.push_back(std::move(step));
    return out;
}

} // namespace

Result<void> Connector::take_routes_away() {
    const route::Policy now = TRY(policy(TRY(m_folder.load())));
    return apply(away(TRY(m_kernel.read()), now));
}

Result<void> Connector::restore(const Carriers &before, const base::Id &reservation) {
    for (auto [name, state] : TRY(m_folder.load())) {
        const CarrierState now = state;
        state.uses.erase(reservation);
        if (const Use *use = use_of(before, name, reservation);
            use != nullptr && state.uses.empty())
            state = before.at(name);
        else if (use != nullptr)
            state.uses[reservation] = *use;
        if (state.uses.empty())
            TRY(forget(state));
        else if (state != now)
            TRY(m_folder.store(state));
    }
    return apply(TRY(plan(TRY(m_folder.load()), false)));
}

Result<Outcome> Connector::plan_trial(const Outcome &up, const Carriers &before) {
    Outcome out = up;
    if (!up.line.empty())
        return out; // what follows depends on what the access side gives
    route::State kernel = TRY(m_kernel.read(true));
    const auto go_on = [&](const route::Plan &plan) {
        for (const route::Step &step : plan)
            route::simulate(kernel, step);
        return plan;
    };
    go_on(up.plan);
    for (const route::Plan &plan : {go_on(away(kernel, TRY(policy(up.carriers)))),
                                    route::difference(kernel, route::wanted(TRY(policy(before))))})
        out.plan.insert(out.plan.end(), plan.begin(), plan.end());
    return out;
}

} // namespace carrier
