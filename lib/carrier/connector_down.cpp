#include "carrier/connector.hpp"

#include <thread>
#include <utility>

namespace carrier {

using base::Errc;
using base::Result;

namespace {

// An exec that is at its end gives its sender three seconds, and one more.
constexpr base::Millis k_let_go_wait{6000};
constexpr base::Millis k_let_go_step{20};

/// @p before without the uses of @p reservation, or without those that are leaving in @p seen.
Carriers without(const Carriers &before, const base::Id &reservation, const Carriers *seen) {
    Carriers out;
    for (auto [name, state] : before) {
        const Use *was = seen == nullptr ? nullptr : use_of(*seen, name, reservation);
        const auto use = state.uses.find(reservation);
        if (use != state.uses.end() &&
            (seen == nullptr || (was != nullptr && was->leaving && *was == use->second)))
            state.uses.erase(use);
        if (!state.uses.empty())
            out[name] = std::move(state);
    }
    return out;
}

/// What is left in use, and the lines that nobody uses any more.
Outcome plan_drop(const Carriers &before, const base::Id &reservation, const Carriers *seen) {
    Outcome out;
    out.carriers = without(before, reservation, seen);
    for (const auto &[name, state] : before)
        if (const LineDriver *driver = find_driver(state.owned.driver);
            driver != nullptr && !out.carriers.contains(name))
            for (LineStep &step : driver->plan_stop(state))
                out.line.push_back(std::move(step));
    return out;
}

} // namespace

Result<Outcome> Connector::drop(const base::Id &reservation, const Carriers *seen) {
    const Carriers before = TRY(m_folder.load());
    Outcome out = plan_drop(before, reservation, seen);
    for (const auto &[name, state] : before) {
        const auto left = out.carriers.find(name);
        if (left == out.carriers.end())
            TRY(forget(state));
        else if (left->second != state)
            TRY(m_folder.store(left->second));
    }
    out.plan = TRY(plan(out.carriers, false));
    TRY(apply(out.plan));
    return out;
}

Result<Outcome> Connector::down(const base::Id &reservation, bool dry_run) {
    if (dry_run) {
        Outcome out = plan_drop(TRY(m_folder.load()), reservation, nullptr);
        out.plan = TRY(plan(out.carriers, true));
        return out;
    }
    const auto lock = TRY(m_folder.lock(k_lock_wait_ms));
    return drop(reservation, nullptr);
}

Result<void> Connector::finish_leaving(const base::Id &reservation, const Carriers &seen) {
    const auto lock = TRY(m_folder.lock(0));
    TRY(drop(reservation, &seen));
    return {};
}

Result<void> Connector::drop_spares(const base::Id &reservation) {
    const auto lock = TRY(m_folder.lock(k_lock_wait_ms));
    Carriers carriers = TRY(m_folder.load());
    // Tunnels first: what is below them is a spare then, unless another tunnel stays.
    for (const bool below : {false, true})
        for (auto &[name, state] : Carriers{carriers}) {
            const Use *use = use_of(carriers, name, reservation);
            if (use == nullptr || use->turn != 0 || only_below(carriers, name, reservation) ||
                below == state.below.has_value())
                continue;
            state.uses.erase(reservation);
            TRY(state.uses.empty() ? forget(state) : m_folder.store(state));
            carriers.erase(name);
            if (!state.uses.empty())
                carriers[name] = state;
        }
    return apply(TRY(plan(TRY(m_folder.load()), false)));
}

/// False when no exec runs the reservation.
Result<bool> Connector::mark_leaving(const base::Id &reservation) {
    const auto lock = TRY(m_folder.lock(k_lock_wait_ms));
    if (!m_folder.exec_runs(reservation)) {
        TRY(drop(reservation, nullptr));
        return false;
    }
    for (auto [name, state] : TRY(m_folder.load())) {
        const auto use = state.uses.find(reservation);
        if (use == state.uses.end() || std::exchange(use->second.leaving, true))
            continue;
        TRY(m_folder.store(state));
    }
    return true;
}

Result<void> Connector::release(const base::Id &reservation) {
    if (!TRY(mark_leaving(reservation)))
        return {};
    for (base::Millis waited{0}; waited < k_let_go_wait; waited += k_let_go_step) {
        if (!leaving(TRY(m_folder.load()), reservation))
            return {}; // or somebody brought it up again
        if (!m_folder.exec_runs(reservation)) {
            TRY(down(reservation, false));
            return {};
        }
        std::this_thread::sleep_for(k_let_go_step);
    }
    return base::fail_hint(Errc::try_again, "end that carrier-connect exec, then try again",
                           "reservation {}: the sender of its carrier-connect exec does not let "
                           "go; its carriers and the guard stay until it does",
                           reservation.text());
}

} // namespace carrier
