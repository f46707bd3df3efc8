// What the kernel's routing should be while carriers are in use, as a pure function of who uses
// what. Nothing here asks the kernel anything. The layout is that of slotcast(7), "Routing":
//
//   400+2N fwmark of N lookup 4000+U  401+2N fwmark of N unreachable   (N is a tunnel over U)
//   500+4N oif carN lookup 4000+N     501+4N oif carN unreachable
//   502+4N from SA  lookup 4000+N     503+4N from SA  unreachable
//   600 to RELAY_INGEST lookup 4000   601 to RELAY_INGEST unreachable
//   700 uidrange MU-MU lookup 4000    701 uidrange MU-MU unreachable
//
// Each table has an unreachable default of the worst metric, so that a table never falls through
// to the next rule even while its other routes are gone.
#pragma once

#include "route/address.hpp"

#include <optional>
#include <set>
#include <vector>

namespace route {

/// The mark of everything we put into the kernel (rtm_protocol, FRA_PROTOCOL).
inline constexpr std::uint8_t k_protocol = 151;
inline constexpr std::uint32_t k_active_table = 4000;
/// Carriers are numbered 1 to this: rules 504 to 599, tables 4001 to 4024.
inline constexpr unsigned k_max_carriers = 24;
inline constexpr std::uint32_t k_unreachable_metric = 4278198272;
inline constexpr std::uint32_t k_default_metric = 10;
/// The outer packets of the tunnel that is carrier N bear this plus N: "slo" and a byte.
inline constexpr std::uint32_t k_tunnel_mark = 0x736c6f00;

constexpr std::uint32_t table_of(unsigned number) {
    return k_active_table + number;
}
constexpr bool is_our_table(std::uint32_t table) {
    return table >= k_active_table && table <= k_active_table + k_max_carriers;
}

/// A route of one of our tables. `interface` is empty for an unreachable one.
struct Route {
    Family family = Family::v4;
    std::uint32_t table = 0;
    std::uint32_t metric = 0;
    Prefix to;
    bool unreachable = false;
    std::string interface;
    std::optional<Address> gateway;
    std::optional<Address> source; ///< RTA_PREFSRC

    auto operator<=>(const Route &) const = default;
    /// The kernel holds one route of each of these: adding another replaces it.
    [[nodiscard]] bool same_place(const Route &other) const {
        return family == other.family && table == other.table && metric == other.metric &&
               to == other.to;
    }
    /// As ip-route(8) takes it: `default via 10.2.0.1 dev carA src 10.2.0.2 table 4001 metric 10`.
    [[nodiscard]] std::string text() const;
};

/// A routing rule. The action is `lookup table`, or `unreachable` when table is 0.
struct Rule {
    Family family = Family::v4;
    std::uint32_t priority = 0;
    std::uint32_t table = 0;
    std::string oif;
    std::optional<Prefix> from;
    std::optional<Prefix> to;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> mark; ///< of the packet, all bits of it

    auto operator<=>(const Rule &) const = default;
    [[nodiscard]] bool unreachable() const { return table == 0; }
    /// As ip-rule(8) takes it.
    [[nodiscard]] std::string text() const;
};

/// What keeps a tunnel's outer packets on the carrier below it.
struct Outer {
    std::uint32_t mark = 0;
    Address endpoint; ///< the other end, whoever sends there by UDP
    std::uint16_t port = 0;
    std::string interface; ///< of the carrier below; empty: it is not there, none may pass
    auto operator<=>(const Outer &) const = default;
};

/// The nftables guard: what drops media when the rules above are gone or somebody stands before
/// them.
struct Guard {
    std::uint32_t media_uid = 0;
    std::set<std::string> interfaces; ///< of the carriers
    std::set<Address> relay_ingest;
    std::set<Outer> outer{};
    bool operator==(const Guard &) const = default;
};

/// The part of the kernel's state that is ours.
struct State {
    std::vector<Rule> rules;
    std::vector<Route> routes;
    std::optional<Guard> guard;
    bool operator==(const State &) const = default;
};

/// A carrier that is a tunnel over another one.
struct Tunnel {
    std::string underlay; ///< that carrier's name
    Address endpoint;
    std::uint16_t port = 0;
    bool operator==(const Tunnel &) const = default;
};

/// A carrier in use. What is not there now (no interface, no address) leaves the tables closed.
struct Carrier {
    std::string name;
    unsigned number = 0; ///< 1 to k_max_carriers
    std::string interface;
    std::vector<Address> sources; ///< rules 502/503 for these, on the link now or not
    std::vector<Address> usable;  ///< those on the link now; the first of a family is preferred
    std::vector<Prefix> on_link;  ///< prefixes on the link now
    std::optional<Address> gateway4;
    std::optional<Address> gateway6;
    bool up = false;             ///< there and administratively up
    bool point_to_point = false; ///< needs no gateway for its default route
    std::optional<Tunnel> tunnel = {};
    bool operator==(const Carrier &) const = default;
};

/// Who uses what. No carriers: nothing of ours stays in the kernel.
struct Policy {
    std::vector<Carrier> carriers;
    std::string active;             ///< name of the carrier that table 4000 points at, or empty
    std::set<Address> relay_ingest; ///< of every reservation in use, by any carrier
    std::uint32_t media_uid = 0;
    bool operator==(const Policy &) const = default;
};

/// The state that @p policy asks for.
[[nodiscard]] State wanted(const Policy &policy);

} // namespace route
