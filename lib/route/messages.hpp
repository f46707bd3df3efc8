// Rules and routes as rtnetlink(7) messages, both ways; for the files of this module only.
// libnl-route knows neither FRA_UID_RANGE nor FRA_PROTOCOL, so they are built by hand.
#pragma once

#include "route/netlink.hpp"
#include "route/policy.hpp"

namespace route {

[[nodiscard]] Message rule_message(const Rule &rule, bool add);
/// no_input when the route's interface is not there.
[[nodiscard]] base::Result<Message> route_message(const Route &route, bool add);
[[nodiscard]] Message dump_rules(Family family);
/// Only those of our protocol.
[[nodiscard]] Message dump_routes(Family family);

struct ReadRule {
    Rule rule;
    std::uint8_t protocol = 0;
};
/// Nothing for a message of another kind.
[[nodiscard]] std::optional<ReadRule> read_rule(const nlmsghdr &message);
/// Nothing for a message of another kind, protocol or table.
[[nodiscard]] std::optional<Route> read_route(const nlmsghdr &message);

} // namespace route
