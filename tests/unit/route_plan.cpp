#include "route/guard.hpp"
#include "route/plan.hpp"

#include <algorithm>
#include <doctest/doctest.h>
#include <rapidcheck.h>

using namespace route;

namespace {

Address ip(std::string_view text) {
    return Address::parse(text).value();
}

Carrier carrier(const std::string &name, unsigned number, bool up = true) {
    const auto octet = std::to_string(number + 1);
    Carrier out{.name = name,
                .number = number,
                .interface = "car" + name,
                .sources = {ip("10." + octet + ".0.2"), ip("fd00:" + octet + "::2")},
                .usable = {},
                .on_link = {},
                .gateway4 = ip("10." + octet + ".0.1"),
                .gateway6 = ip("fd00:" + octet + "::1"),
                .up = up,
                .point_to_point = false};
    if (up) {
        out.usable = out.sources;
        out.on_link = {Prefix::around(out.sources[0], 24), Prefix::around(out.sources[1], 64),
                       Prefix::around(ip("fe80::1"), 64)};
    }
    return out;
}

Policy two_carriers(std::string active) {
    return {.carriers = {carrier("A", 1), carrier("B", 2)},
            .active = std::move(active),
            .relay_ingest = {ip("203.0.113.10"), ip("2001:db8::10")},
            .media_uid = 64010};
}

State after(State state, const Plan &plan) {
    for (const Step &step : plan)
        simulate(state, step);
    return state;
}

State sorted(State state) {
    std::ranges::sort(state.rules);
    std::ranges::sort(state.routes);
    return state;
}

rc::Gen<Policy> policies() {
    return rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange(0, 8),
                                       rc::gen::inRange(0, 4), rc::gen::inRange(0, 4),
                                       rc::gen::element(64010U, 64011U)),
                        [](const std::tuple<int, int, int, int, std::uint32_t> &t) {
                            const auto [which, up, active, ingest, uid] = t;
                            Policy policy;
                            for (int i = 0; i < 3; ++i)
                                if ((which >> i) % 2 == 1)
                                    policy.carriers.push_back(
                                        carrier(std::string(1, static_cast<char>('A' + i)),
                                                static_cast<unsigned>(i) + 1, (up >> i) % 2 == 1));
                            policy.active = std::string(1, static_cast<char>('A' + active));
                            if (ingest % 2 == 1)
                                policy.relay_ingest.insert(ip("203.0.113.10"));
                            if (ingest / 2 == 1)
                                policy.relay_ingest.insert(ip("2001:db8::10"));
                            policy.media_uid = uid;
                            return policy;
                        });
}

// A state that somebody damaged: parts missing, parts double, parts in a different order.
State damage(const State &state, std::uint32_t seed) {
    State out;
    const auto next = [&seed] { return (seed = seed * 1664525U + 1013904223U) >> 24U; };
    const auto copy = [&](const auto &from, auto &to) {
        for (const auto &item : from)
            for (unsigned n = next() % 3; n > 0; --n)
                to.insert(next() % 2 == 0 ? to.begin() : to.end(), item);
    };
    copy(state.rules, out.rules);
    copy(state.routes, out.routes);
    if (next() % 2 == 0)
        out.guard = state.guard;
    return out;
}

bool has(const State &state, std::string_view rule) {
    return std::ranges::any_of(state.rules, [&](const Rule &r) { return r.text() == rule; });
}

bool has_route(const State &state, std::string_view route) {
    return std::ranges::any_of(state.routes, [&](const Route &r) { return r.text() == route; });
}

/// The media user has the carrier's way or none: never a rule that lets it through to main.
bool closed(const State &state, std::uint32_t uid) {
    if (state.guard && state.guard->media_uid == uid)
        return true;
    const auto stops = [&](Family family) {
        return std::ranges::any_of(state.rules, [&](const Rule &r) {
            return r.family == family && r.unreachable() && r.uid == uid;
        });
    };
    return stops(Family::v4) && stops(Family::v6);
}

} // namespace

TEST_CASE(
    "route: the plan leads from any state to the wanted one, and then there is nothing to do") {
    CHECK(rc::check("apply(plan(a, b)) == b", [] {
        const State from = damage(wanted(*policies()), *rc::gen::arbitrary<std::uint32_t>());
        const State to = wanted(*policies());
        const State reached = sorted(after(from, difference(from, to)));
        RC_ASSERT(reached == to);
        RC_ASSERT(difference(reached, to).empty());
    }));
}

TEST_CASE("route: a plan that stops anywhere leaves media closed") {
    CHECK(rc::check("every prefix of a plan", [] {
        Policy policy = *policies();
        RC_PRE(!policy.carriers.empty());
        const State to = wanted(policy);
        const State none;
        // Up: from the first step on. Down: until the last.
        State state = none;
        for (const Step &step : difference(none, to)) {
            simulate(state, step);
            RC_ASSERT(closed(state, policy.media_uid));
        }
        const Plan down = difference(to, none);
        for (const Step &step : down) {
            RC_ASSERT(closed(state, policy.media_uid));
            simulate(state, step);
        }
        RC_ASSERT(sorted(state) == none);
    }));
}

TEST_CASE("route: rules and routes are exactly as designed, for both families") {
    const State state = wanted(two_carriers("B"));
    for (const char *rule :
         {"pref 504 oif carA lookup 4001", "pref 505 oif carA unreachable",
          "pref 508 oif carB lookup 4002", "pref 509 oif carB unreachable",
          "pref 506 from 10.2.0.2 lookup 4001", "pref 507 from 10.2.0.2 unreachable",
          "pref 510 from fd00:3::2 lookup 4002", "pref 511 from fd00:3::2 unreachable",
          "pref 600 to 203.0.113.10 lookup 4000", "pref 601 to 203.0.113.10 unreachable",
          "pref 600 to 2001:db8::10 lookup 4000", "pref 601 to 2001:db8::10 unreachable",
          "pref 700 uidrange 64010-64010 lookup 4000",
          "pref 701 uidrange 64010-64010 unreachable"}) {
        CAPTURE(rule);
        CHECK(has(state, rule));
    }
    CHECK(state.rules.size() == 2 * (2 * 2 * 2) + 2 * 2 + 2 * 2); // oif, from; to; uid
    for (const char *route :
         {"unreachable default table 4000 metric 4278198272",
          "unreachable default table 4002 metric 4278198272",
          "10.2.0.0/24 dev carA scope link src 10.2.0.2 table 4001",
          "default via 10.2.0.1 dev carA src 10.2.0.2 table 4001 metric 10",
          "fd00:3::/64 dev carB src fd00:3::2 table 4000 metric 1024",
          "default via fd00:3::1 dev carB src fd00:3::2 table 4000 metric 10"}) {
        CAPTURE(route);
        CHECK(has_route(state, route));
    }
    CHECK_FALSE(
        has_route(state, "default via 10.2.0.1 dev carA src 10.2.0.2 table 4000 metric 10"));
}

TEST_CASE("route: a tunnel's outer packets go by the carrier below it, or nowhere") {
    Policy policy = two_carriers("B");
    policy.carriers[1].tunnel = {.underlay = "A", .endpoint = ip("10.2.0.1"), .port = 51820};
    const State state = wanted(policy);
    CHECK(has(state, "pref 404 fwmark 0x736c6f02 lookup 4001"));
    CHECK(has(state, "pref 405 fwmark 0x736c6f02 unreachable"));
    CHECK(std::ranges::count_if(state.rules, [](const Rule &r) { return r.mark.has_value(); }) ==
          4); // both families
    REQUIRE(state.guard->outer.size() == 1);
    CHECK(
        *state.guard->outer.begin() ==
        Outer{.mark = 0x736c6f02, .endpoint = ip("10.2.0.1"), .port = 51820, .interface = "carA"});
    policy.carriers.erase(policy.carriers.begin());
    const State alone = wanted(policy);
    CHECK(has(alone, "pref 404 fwmark 0x736c6f02 unreachable"));
    CHECK_FALSE(has(alone, "pref 404 fwmark 0x736c6f02 lookup 4001"));
    CHECK(alone.guard->outer.begin()->interface.empty());
}

TEST_CASE("route: the guard's text is read back, tunnels too") {
    Guard guard = *wanted(two_carriers("A")).guard;
    CHECK(read_guard(guard_text(guard)) == guard);
    guard.outer = {
        {.mark = 0x736c6f01, .endpoint = ip("2001:db8::7"), .port = 51820, .interface = "carA"},
        {.mark = 0x736c6f02, .endpoint = ip("192.0.2.7"), .port = 1, .interface = ""}};
    const std::string text = guard_text(guard);
    CHECK(read_guard(text) == guard);
    CHECK(text.find("meta mark 0x736c6f01 oifname != \"carA\" counter drop\n") != text.npos);
    CHECK(text.find("ip6 daddr 2001:db8::7 udp dport 51820 oifname != \"carA\" counter drop\n") !=
          text.npos);
    CHECK(text.find("ip6 daddr 2001:db8::7 icmpv6 type 1 oifname != \"carA\" counter drop\n") !=
          text.npos);
    CHECK(text.find("ip daddr 192.0.2.7 icmp type 3 counter drop\n") != text.npos);
    CHECK(text.find("\nmeta mark 0x736c6f02 counter drop\n") != text.npos);
    // What is accepted early must not be what these keep in.
    CHECK(text.find("0x736c6f02 counter drop\n") < text.find("oifname @carriers accept\n"));
    std::string changed = text; // somebody lets the outer packets out
    changed.replace(changed.find("mark 0x736c6f02 counter drop"), 28,
                    "mark 0x736c6f02 counter accept");
    CHECK_FALSE(read_guard(changed));
}

TEST_CASE("route: a carrier that is down keeps its rules and has no routes but unreachable ones") {
    Policy policy = two_carriers("A");
    policy.carriers[0] = carrier("A", 1, false);
    const State state = wanted(policy);
    CHECK(has(state, "pref 504 oif carA lookup 4001"));
    CHECK(has(state, "pref 507 from 10.2.0.2 unreachable"));
    for (const Route &route : state.routes)
        if (route.table == 4000 || route.table == 4001)
            CHECK(route.unreachable);
}

TEST_CASE("route: a gateway that is not on the link gives no default route") {
    Policy policy = two_carriers("A");
    policy.carriers[0].gateway4 = ip("192.0.2.1");
    policy.carriers[0].gateway6.reset();
    const State state = wanted(policy);
    CHECK(std::ranges::none_of(state.routes, [](const Route &r) {
        return r.table == 4001 && !r.unreachable && r.to.length == 0;
    }));
    policy.carriers[0].point_to_point = true;
    CHECK(has_route(wanted(policy), "default dev carA src fd00:2::2 table 4001 metric 10"));
}

TEST_CASE("route: a link-local gateway brings its prefix along, without our address") {
    Policy policy = two_carriers("A");
    CHECK_FALSE(has_route(wanted(policy), "fe80::/64 dev carA table 4001 metric 1024"));
    policy.carriers[0].gateway6 = ip("fe80::1");
    CHECK(has_route(wanted(policy), "fe80::/64 dev carA table 4001 metric 1024"));
    CHECK(has_route(wanted(policy),
                    "default via fe80::1 dev carA src fd00:2::2 table 4001 metric 10"));
}

TEST_CASE("route: moving table 4000 replaces its default in place") {
    const Plan plan = difference(wanted(two_carriers("A")), wanted(two_carriers("B")));
    for (const Step &step : plan) {
        const auto *gone = std::get_if<RemoveRoute>(&step);
        if (gone != nullptr)
            CHECK(gone->route.to.length > 0);
        CHECK_FALSE(std::holds_alternative<SetGuard>(step));
        CHECK_FALSE(std::holds_alternative<RemoveRule>(step));
    }
}

TEST_CASE("route: nothing in use leaves nothing") {
    CHECK(wanted(Policy{}) == State{});
    const Plan down = difference(wanted(two_carriers("A")), State{});
    CHECK(std::holds_alternative<RemoveGuard>(down.back()));
}
