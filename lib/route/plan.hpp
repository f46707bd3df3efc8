// From the state that is to the state that should be: the steps, in an order that fails closed.
#pragma once

#include "route/policy.hpp"

#include <functional>
#include <variant>

namespace route {

struct SetGuard {
    Guard guard;
    bool operator==(const SetGuard &) const = default;
};
struct RemoveGuard {
    bool operator==(const RemoveGuard &) const = default;
};
struct AddRule {
    Rule rule;
    bool operator==(const AddRule &) const = default;
};
struct RemoveRule {
    Rule rule;
    bool operator==(const RemoveRule &) const = default;
};
/// Adds the route, or puts it in the place of the one that same_place() says is there.
struct SetRoute {
    Route route;
    bool operator==(const SetRoute &) const = default;
};
struct RemoveRoute {
    Route route;
    bool operator==(const RemoveRoute &) const = default;
};

using Step = std::variant<SetGuard, RemoveGuard, AddRule, RemoveRule, SetRoute, RemoveRoute>;
using Plan = std::vector<Step>;

/// The steps that turn @p current (with duplicates, in any order) into @p wanted; none when they
/// are equal. Guard, unreachable rules and unreachable routes come first and go last, so that a
/// plan that is cut off anywhere leaves media with its carrier or with no way at all.
[[nodiscard]] Plan difference(const State &current, const State &wanted);

/// What @p step does to @p state: the kernel's behaviour in small, for tests and --dry-run.
void simulate(State &state, const Step &step);

/// The step as a command of ip(8) or nft(8), for people.
[[nodiscard]] std::string text(const Step &step);
/// `add rule`, `remove route` …
[[nodiscard]] std::string_view action(const Step &step);

} // namespace route
