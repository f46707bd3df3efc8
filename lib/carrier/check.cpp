#include "carrier/check.hpp"

#include "base/log.hpp"
#include "carrier/leak_probe.hpp"

#include <algorithm>
#include <array>
#include <net/if.h>
#include <poll.h>

namespace carrier {

using base::Errc;
using base::Result;
using route::Address;

namespace {

// Documentation addresses (RFC 5737, RFC 3849): should one leave after all, it arrives nowhere.
constexpr std::array k_anywhere{"192.0.2.1", "2001:db8::1"};
constexpr uid_t k_anyone = 65534; // no more rights than any user has

/// The interfaces besides loopback and those of carriers.
std::vector<std::string> other_interfaces(const std::set<std::string> &carriers) {
    std::vector<std::string> out;
    struct if_nameindex *all = ::if_nameindex();
    for (const auto *one = all; one != nullptr && one->if_index != 0; ++one)
        if (const std::string name = one->if_name; name != "lo" && !carriers.contains(name))
            out.push_back(name);
    ::if_freenameindex(all);
    return out;
}

/// Who sends what to where, in all states alike.
struct Trial {
    std::vector<CheckRow> rows; ///< templates, state up
    std::vector<Identity> who;  ///< of each row
    std::vector<std::string> ways;
};

Result<Trial> make_trial(const wire::Settings &settings, const Choice &choice,
                         const Identity &media, const std::set<std::string> &carriers) {
    Trial trial;
    trial.ways = other_interfaces(carriers);
    trial.ways.emplace_back(); // unbound
    const Identity anyone{.uid = k_anyone, .gid = k_anyone, .groups = {}, .name = {}, .home = {}};
    const auto add = [&](const std::string &to, bool relay, const Identity &who,
                         std::string from) -> Result<void> {
        const Address address = TRY(Address::parse(to));
        trial.rows.push_back({.carrier = choice.name,
                              .state = LineState::up,
                              .from = std::move(from),
                              .relay = relay,
                              .to = address,
                              .tried = static_cast<int>(trial.ways.size()),
                              .left = {},
                              .must_arrive = relay && to == choice.endpoint.host});
        trial.who.push_back(who);
        return {};
    };
    for (const std::string &to : ingest_addresses(settings)) {
        TRY(add(to, true, media, "media"));
        TRY(add(to, true, anyone, "anyone"));
    }
    for (const char *to : k_anywhere)
        TRY(add(to, false, media, "media"));
    return trial;
}

/// One round: everything is tried, and counted.
Result<void> try_out(const Trial &trial, LineState state, route::Tally &tally,
                     std::vector<CheckRow> &out) {
    TRY(tally.take()); // what else was on its way
    const std::size_t first = out.size();
    for (std::size_t i = 0; i < trial.rows.size(); ++i) {
        std::vector<LeakProbe> probes;
        probes.reserve(trial.ways.size());
        for (const std::string &way : trial.ways)
            probes.push_back({trial.rows[i].to, way});
        TRY(send_as(trial.who[i], probes, route::Tally::k_port));
        out.push_back(trial.rows[i]);
        out.back().state = state;
    }
    const auto left = TRY(tally.take());
    for (std::size_t i = 0; i < left.size(); ++i)
        out[first + i].left = left[i];
    return {};
}

Result<void> check_stop(int fd) {
    pollfd stop{fd, POLLIN, 0};
    if (fd >= 0 && ::poll(&stop, 1, 0) > 0)
        return base::fail(Errc::try_again, "stopped by a signal");
    return {};
}

/// Under the lock, with the carrier up.
Result<std::vector<CheckRow>> try_all(const Trial &trial, const Choice &choice,
                                      const std::set<std::string> &carriers, int stop_fd,
                                      Connector &connector) {
    std::vector<route::Watched> watched;
    watched.reserve(trial.rows.size());
    for (std::size_t i = 0; i < trial.rows.size(); ++i)
        watched.push_back({trial.who[i].uid, trial.rows[i].to});
    auto tally = TRY(route::Tally::start(watched, carriers));
    std::vector<CheckRow> out;
    TRY(try_out(trial, LineState::up, tally, out));
    TRY(check_stop(stop_fd));
    TRY(tally.cut(choice.interface));
    TRY(try_out(trial, LineState::cut, tally, out));
    TRY(check_stop(stop_fd));
    TRY(connector.take_routes_away());
    TRY(try_out(trial, LineState::removed, tally, out));
    return out;
}

/// Nobody else may lose a line by this.
Result<void> check_alone(const Carriers &carriers, const base::Id &reservation) {
    for (const auto &[name, state] : carriers)
        for (const auto &[id, use] : state.uses)
            if (id != reservation)
                return base::fail_hint(Errc::try_again, "try again when it is down",
                                       "carrier {} is in use by reservation {}, whose media the "
                                       "test would interrupt",
                                       name, id.text());
    return {};
}

Result<std::vector<CheckRow>> check_alone_on(const CheckRequest &request, const Choice &choice,
                                             const Identity &media, const Carriers &before,
                                             Connector &connector) {
    const base::Id &id = request.settings.reservation;
    const auto lock = TRY(connector.folder().lock(k_lock_wait_ms));
    auto rows = [&]() -> Result<std::vector<CheckRow>> {
        const Carriers now = TRY(connector.carriers());
        TRY(check_alone(now, id));
        const CarrierState *active = active_for(now, id);
        if (active == nullptr || active->name != choice.name)
            return base::fail(Errc::try_again, "another carrier-connect took carrier {} away",
                              choice.name);
        std::set<std::string> interfaces;
        for (const auto &[name, state] : now)
            interfaces.insert(state.interface);
        const Trial trial = TRY(make_trial(request.settings, choice, media, interfaces));
        return try_all(trial, choice, interfaces, request.how.stop_fd, connector);
    }();
    const auto restored = connector.restore(before, id);
    if (!restored && rows)
        return std::unexpected(restored.error());
    if (!restored)
        base::log::error("{}", restored.error().message);
    return rows;
}

} // namespace

std::string_view name(LineState state) {
    switch (state) {
    case LineState::up:
        return "up";
    case LineState::cut:
        return "cut";
    case LineState::removed:
        break;
    }
    return "removed";
}

int CheckRow::refused() const {
    return tried - static_cast<int>(left.by_carrier + left.elsewhere + left.held);
}

bool CheckRow::ok() const {
    if (left.elsewhere != 0 || (state == LineState::removed && left.by_carrier != 0))
        return false;
    return state != LineState::up || !must_arrive || left.by_carrier != 0;
}

namespace {

/// The carrier to test, and how things stand.
struct Start {
    Carriers before;
    Choice choice;
    bool is_up = false;
};

Result<Start> start_of(const CheckRequest &request, Connector &connector) {
    const base::Id &id = request.settings.reservation;
    Carriers before = TRY(connector.carriers());
    TRY(check_alone(before, id));
    const CarrierState *active = active_for(before, id);
    const std::string wanted =
        request.carrier.empty() && active != nullptr ? active->name : request.carrier;
    Choice choice = TRY(choose(request.settings, request.config, wanted));
    const bool is_up = active != nullptr && active->name == choice.name;
    return Start{std::move(before), std::move(choice), is_up};
}

} // namespace

Result<std::vector<CheckRow>> check(const CheckRequest &request, Connector &connector) {
    const base::Id &id = request.settings.reservation;
    const Identity media = TRY(media_user(request.config));
    const auto lock = TRY(connector.folder().lock_exec(id));
    auto rows = [&]() -> Result<std::vector<CheckRow>> {
        const Start start = TRY(start_of(request, connector));
        // As it is, not mended first: the test is of what is there.
        if (!start.is_up)
            TRY(connector.up(request.settings, start.choice, media.uid, request.how));
        return check_alone_on(request, start.choice, media, start.before, connector);
    }();
    connector.folder().forget_exec(id);
    return rows;
}

Result<Outcome> plan_check(const CheckRequest &request, Connector &connector) {
    const Identity media = TRY(media_user(request.config));
    Start start = TRY(start_of(request, connector));
    Outcome up;
    up.carriers = start.before;
    if (!start.is_up)
        up = TRY(connector.up(request.settings, start.choice, media.uid,
                              {.dry_run = true, .probe = request.how.probe}));
    return connector.plan_trial(up, start.before);
}

Result<int> verdict(const std::vector<CheckRow> &rows) {
    std::uint64_t leaked = 0;
    bool arrived = true;
    for (const CheckRow &row : rows) {
        const bool without_line = row.state == LineState::removed;
        leaked += row.left.elsewhere + (without_line ? row.left.by_carrier : 0);
        arrived = arrived && (row.ok() || row.left.elsewhere != 0 || without_line);
    }
    if (leaked != 0)
        return base::fail_hint(Errc::refused,
                               "another program removes or overrules our rules and the guard; "
                               "carrier-connect up puts them back, nft list ruleset and ip rule "
                               "show what else there is",
                               "media can leave by another way than its carrier: {} of the test's "
                               "packets did",
                               leaked);
    if (!arrived)
        return base::fail_hint(Errc::refused, "look for a filter of this machine that drops it",
                               "nothing leaked, but nothing left by the carrier either");
    return 0;
}

wire::Json record(const CheckRow &row) {
    return wire::JsonObject{{"type", "check"},
                            {"v", 1},
                            {"carrier", row.carrier},
                            {"state", name(row.state)},
                            {"from", row.from},
                            {"target", row.relay ? "relay" : "anywhere"},
                            {"to", row.to.text()},
                            {"tried", row.tried},
                            {"refused", row.refused()},
                            {"by_carrier", row.left.by_carrier},
                            {"held", row.left.held},
                            {"elsewhere", row.left.elsewhere},
                            {"ok", row.ok()}};
}

std::string table(const std::vector<CheckRow> &rows) {
    constexpr std::string_view k_line =
        "{:<8} {:<7} {:<9} {:<39} {:>5} {:>7} {:>7} {:>5} {:>9}  {}";
    std::string out = fmt::format(k_line, "LINE", "FROM", "TARGET", "TO", "TRIED", "REFUSED",
                                  "CARRIER", "HELD", "ELSEWHERE", "OK");
    for (const CheckRow &row : rows)
        out +=
            '\n' + fmt::format(k_line, name(row.state), row.from, row.relay ? "relay" : "anywhere",
                               row.to.text(), row.tried, row.refused(), row.left.by_carrier,
                               row.left.held, row.left.elsewhere, row.ok() ? "yes" : "NO");
    return out;
}

} // namespace carrier
