#include "route/plan.hpp"

#include <algorithm>

namespace route {

namespace {

template <typename... F> struct Overload : F... {
    using F::operator()...;
};

// The phases of a plan, in order.
enum class Phase {
    guard,
    close_rules,
    close_routes,
    rules,
    remove_routes,
    carrier_routes,
    active_routes,
    remove_rules,
    reopen_routes,
    reopen_rules,
    unguard,
};

struct Ordered {
    Phase phase;
    Step step;
};

/// Duplicates of the same item count as unwanted: the kernel allows them, we make none. In an order
/// that does not depend on how the kernel lists what it has.
template <typename T>
std::vector<T> unwanted(const std::vector<T> &current, const std::vector<T> &wanted) {
    std::vector<T> kept;
    std::vector<T> out;
    for (const T &item : current) {
        const bool keep = std::ranges::find(wanted, item) != wanted.end() &&
                          std::ranges::find(kept, item) == kept.end();
        (keep ? kept : out).push_back(item);
    }
    std::ranges::sort(out);
    return out;
}

template <typename T>
std::vector<T> missing(const std::vector<T> &current, const std::vector<T> &wanted) {
    std::vector<T> out;
    for (const T &item : wanted)
        if (std::ranges::find(current, item) == current.end())
            out.push_back(item);
    return out;
}

void plan_rules(std::vector<Ordered> &steps, const State &current, const State &wanted) {
    for (const Rule &rule : missing(current.rules, wanted.rules))
        steps.push_back({rule.unreachable() ? Phase::close_rules : Phase::rules, AddRule{rule}});
    for (const Rule &rule : unwanted(current.rules, wanted.rules))
        steps.push_back(
            {rule.unreachable() ? Phase::reopen_rules : Phase::remove_rules, RemoveRule{rule}});
}

void plan_routes(std::vector<Ordered> &steps, const State &current, const State &wanted) {
    const std::vector<Route> added = missing(current.routes, wanted.routes);
    for (const Route &route : added) {
        const Phase phase = route.unreachable               ? Phase::close_routes
                            : route.table == k_active_table ? Phase::active_routes
                                                            : Phase::carrier_routes;
        steps.push_back({phase, SetRoute{route}});
    }
    std::vector<Route> replaced;
    for (const Route &route : unwanted(current.routes, wanted.routes)) {
        const auto in_place_of = [&](const Route &other) { return other.same_place(route); };
        // SetRoute takes the first of its place with it.
        if (std::ranges::any_of(added, in_place_of) &&
            std::ranges::none_of(replaced, in_place_of)) {
            replaced.push_back(route);
            continue;
        }
        steps.push_back(
            {route.unreachable ? Phase::reopen_routes : Phase::remove_routes, RemoveRoute{route}});
    }
}

} // namespace

Plan difference(const State &current, const State &wanted) {
    std::vector<Ordered> steps;
    if (wanted.guard && current.guard != wanted.guard)
        steps.push_back({Phase::guard, SetGuard{*wanted.guard}});
    plan_rules(steps, current, wanted);
    plan_routes(steps, current, wanted);
    if (current.guard && !wanted.guard)
        steps.push_back({Phase::unguard, RemoveGuard{}});
    // Within a phase, prefixes on the link stand before the default route that needs them: wanted()
    // sorts by metric last of all, so order by gateway here.
    std::ranges::stable_sort(steps, [](const Ordered &a, const Ordered &b) {
        const auto needs_link = [](const Ordered &o) {
            const auto *set = std::get_if<SetRoute>(&o.step);
            return set != nullptr && set->route.gateway.has_value();
        };
        return std::pair{a.phase, needs_link(a)} < std::pair{b.phase, needs_link(b)};
    });
    Plan out;
    for (Ordered &ordered : steps)
        out.push_back(std::move(ordered.step));
    return out;
}

void simulate(State &state, const Step &step) {
    const auto drop = [](auto &items, const auto &item) {
        if (const auto found = std::ranges::find(items, item); found != items.end())
            items.erase(found);
    };
    std::visit(Overload{[&](const SetGuard &s) { state.guard = s.guard; },
                        [&](const RemoveGuard &) { state.guard.reset(); },
                        [&](const AddRule &s) {
                            if (std::ranges::find(state.rules, s.rule) == state.rules.end())
                                state.rules.push_back(s.rule);
                        },
                        [&](const RemoveRule &s) { drop(state.rules, s.rule); },
                        [&](const SetRoute &s) {
                            const auto there =
                                std::ranges::find_if(state.routes, [&](const Route &other) {
                                    return other.same_place(s.route);
                                });
                            if (there != state.routes.end())
                                *there = s.route;
                            else
                                state.routes.push_back(s.route);
                        },
                        [&](const RemoveRoute &s) { drop(state.routes, s.route); }},
               step);
}

namespace {

std::string_view flag(Family family) {
    return family == Family::v4 ? "-4" : "-6";
}

} // namespace

std::string text(const Step &step) {
    return std::visit(
        Overload{[](const SetGuard &s) {
                     std::string out =
                         fmt::format("nft table inet slotcast: user {}, carriers {{ {} }}",
                                     s.guard.media_uid, fmt::join(s.guard.interfaces, ", "));
                     for (const Address &address : s.guard.relay_ingest)
                         out += fmt::format(", ingest {}", address.text());
                     for (const Outer &outer : s.guard.outer)
                         out += fmt::format(", tunnel to {} port {} by {}", outer.endpoint.text(),
                                            outer.port,
                                            outer.interface.empty() ? "none" : outer.interface);
                     return out;
                 },
                 [](const RemoveGuard &) { return std::string("nft delete table inet slotcast"); },
                 [](const AddRule &s) {
                     return fmt::format("ip {} rule add {} protocol {}", flag(s.rule.family),
                                        s.rule.text(), k_protocol);
                 },
                 [](const RemoveRule &s) {
                     return fmt::format("ip {} rule delete {} protocol {}", flag(s.rule.family),
                                        s.rule.text(), k_protocol);
                 },
                 [](const SetRoute &s) {
                     return fmt::format("ip {} route replace {} protocol {}", flag(s.route.family),
                                        s.route.text(), k_protocol);
                 },
                 [](const RemoveRoute &s) {
                     return fmt::format("ip {} route delete {} protocol {}", flag(s.route.family),
                                        s.route.text(), k_protocol);
                 }},
        step);
}

std::string_view action(const Step &step) {
    return std::visit(
        Overload{[](const SetGuard &) -> std::string_view { return "set guard"; },
                 [](const RemoveGuard &) -> std::string_view { return "remove guard"; },
                 [](const AddRule &) -> std::string_view { return "add rule"; },
                 [](const RemoveRule &) -> std::string_view { return "remove rule"; },
                 [](const SetRoute &) -> std::string_view { return "set route"; },
                 [](const RemoveRoute &) -> std::string_view { return "remove route"; }},
        step);
}

} // namespace route
