#include "carrier/connector.hpp"

#include "base/log.hpp"
#include "carrier/probe.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace carrier {

using base::Errc;
using base::Result;
using route::Address;
using route::Family;

namespace {

constexpr int k_lock_wait_ms = 10'000;
// Duplicate address detection takes the kernel about this long.
constexpr base::Millis k_tentative_wait{2500};
constexpr base::Millis k_tentative_step{100};
// An exec that is at its end gives its sender three seconds, and one more.
constexpr base::Millis k_let_go_wait{6000};
constexpr base::Millis k_let_go_step{20};

Result<unsigned> free_number(const Carriers &carriers) {
    for (unsigned number = 1; number <= route::k_max_carriers; ++number)
        if (std::ranges::none_of(carriers,
                                 [&](const auto &c) { return c.second.number == number; }))
            return number;
    return base::fail(Errc::refused, "{} carriers are in use already", route::k_max_carriers);
}

std::optional<Address> optional_address(const std::string &text) {
    const auto parsed = Address::parse(text);
    return parsed ? std::optional{*parsed} : std::nullopt;
}

bool has_family(const std::vector<Address> &addresses, Family family) {
    return std::ranges::find(addresses, family, &Address::family) != addresses.end();
}

/// The use that the reservation has of carrier @p name, or null.
const Use *use_of(const Carriers &carriers, const std::string &name, const base::Id &reservation) {
    const auto carrier = carriers.find(name);
    if (carrier == carriers.end())
        return nullptr;
    const auto use = carrier->second.uses.find(reservation);
    return use == carrier->second.uses.end() ? nullptr : &use->second;
}

/// Whether @p link has all that sending to @p relay needs.
Result<void> check_reach(const Choice &choice, const route::Link &link, const Address &relay) {
    const std::string_view family = relay.family == Family::v4 ? "IPv4" : "IPv6";
    if (!has_family(link.addresses, relay.family))
        return base::fail_hint(Errc::unavailable,
                               fmt::format("ip address show dev {}", choice.interface),
                               "carrier {}: interface {} has no {} address to reach the relay from",
                               choice.name, choice.interface, family);
    const auto on_link = [&](const Address &address) {
        return std::ranges::any_of(
            link.on_link, [&](const route::Prefix &prefix) { return prefix.contains(address); });
    };
    const std::string &text = relay.family == Family::v4 ? choice.gateway4 : choice.gateway6;
    const auto gateway = optional_address(text);
    if (gateway && !on_link(*gateway))
        return base::fail_hint(
            Errc::unavailable,
            fmt::format("give [carriers.{}] the gateway that its network has, or the interface an "
                        "address of it",
                        choice.name),
            "carrier {}: gateway {} is not on the network of interface {}", choice.name, text,
            choice.interface);
    if (!gateway && !link.point_to_point && !on_link(relay))
        return base::fail_hint(Errc::unavailable,
                               fmt::format("add gateway{} = \"…\" to [carriers.{}]",
                                           relay.family == Family::v4 ? 4 : 6, choice.name),
                               "carrier {}: no gateway, and the relay {} is not on its network",
                               choice.name, relay.text());
    return {};
}

} // namespace

Result<Connector> Connector::open(const std::filesystem::path &state, bool change) {
    auto folder = TRY(StateFolder::open(state, change));
    return Connector{std::move(folder), TRY(route::Kernel::open())};
}

Result<route::Link> Connector::usable_link(const Choice &choice) {
    const Address relay = TRY(Address::parse(choice.endpoint.host));
    for (base::Millis waited{0};; waited += k_tentative_step) {
        const auto link = TRY(m_kernel.link(choice.interface));
        if (!link)
            return base::fail_hint(Errc::no_input, "ip link shows those that are there",
                                   "carrier {}: there is no interface {}", choice.name,
                                   choice.interface);
        if (!link->up)
            return base::fail_hint(
                Errc::unavailable, fmt::format("ip link set {} up", choice.interface),
                "carrier {}: interface {} is down", choice.name, choice.interface);
        auto reach = check_reach(choice, *link, relay);
        if (reach)
            return *link;
        if (!link->tentative || waited >= k_tentative_wait)
            return std::unexpected(std::move(reach).error());
        std::this_thread::sleep_for(k_tentative_step);
    }
}

Result<CarrierState> Connector::next_state(const Carriers &carriers, const wire::Settings &settings,
                                           const Choice &choice, std::uint32_t media_uid) {
    const route::Link link = TRY(usable_link(choice));
    for (const auto &[name, other] : carriers) {
        if (other.media_uid != media_uid)
            return base::fail_hint(Errc::refused, "bring it down first: carrier-connect status",
                                   "the media user is {} now, but carrier {} is in use with {}",
                                   media_uid, name, other.media_uid);
        const bool same_line = other.interface == choice.interface;
        if ((name == choice.name) != same_line)
            return base::fail_hint(Errc::refused, "bring it down first: carrier-connect status",
                                   "carrier {} is in use on interface {}", name, other.interface);
    }
    CarrierState next;
    next.name = choice.name;
    if (const auto found = carriers.find(choice.name); found != carriers.end())
        next = found->second;
    else
        next.number = TRY(free_number(carriers));
    next.interface = choice.interface;
    next.gateway4 = choice.gateway4;
    next.gateway6 = choice.gateway6;
    next.media_uid = media_uid;
    for (const Address &address : link.addresses)
        next.sources.insert(address.text());
    Use &use = next.uses[settings.reservation];
    use.ingest = ingest_addresses(settings);
    use.leaving = false;
    const CarrierState *active = active_for(carriers, settings.reservation);
    if (active == nullptr || active->name != choice.name)
        use.turn = highest_turn(carriers) + 1;
    return next;
}

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

Result<route::Plan> Connector::plan(const Carriers &carriers, bool guard_unknown) {
    const route::State wanted = route::wanted(TRY(policy(carriers)));
    auto current = TRY(m_kernel.read(guard_unknown));
    return route::difference(current, wanted);
}

/// Stores @p state, then brings the kernel, which holds @p kernel of ours, to where all files ask
/// for.
Result<void> Connector::advance(Outcome &out, const CarrierState &state, route::State &kernel) {
    const auto known = out.carriers.find(state.name);
    if (known == out.carriers.end() || known->second != state) {
        TRY(m_folder.store(state));
        out.carriers[state.name] = state;
    }
    route::State wanted = route::wanted(TRY(policy(out.carriers)));
    const route::Plan plan = route::difference(kernel, wanted);
    TRY(m_kernel.apply(plan));
    kernel = std::move(wanted);
    out.plan.insert(out.plan.end(), plan.begin(), plan.end());
    return {};
}

/// Whether the relay answers through the carrier, whose own table and rules are there.
Result<void> Connector::ask_relay(const Choice &choice, int stop_fd) {
    ProbeWay way{choice.name, choice.interface, {}};
    const Address relay = TRY(Address::parse(choice.probe->at.host));
    if (const auto link = TRY(m_kernel.link(choice.interface)))
        if (const auto source = std::ranges::find(link->addresses, relay.family, &Address::family);
            source != link->addresses.end())
            way.source = source->text();
    const auto took = TRY(probe(*choice.probe, way, stop_fd));
    base::log::debug("carrier {}: the relay answered after {:.1f} ms", choice.name,
                     std::chrono::duration<double, std::milli>(took).count());
    return {};
}

/// Back to @p before from what @p out has stored: the state first, so that a crash here is mended
/// towards it.
void Connector::go_back(const Carriers &before, const Outcome &out, const std::string &name) {
    const auto had = before.find(name);
    const auto has = out.carriers.find(name);
    Result<void> restored;
    if (had == before.end())
        restored = has == out.carriers.end() ? Result<void>{} : m_folder.remove(name);
    else if (has->second != had->second)
        restored = m_folder.store(had->second);
    if (!restored)
        base::log::error("{}", restored.error().message);
    const auto back = plan(before, false);
    if (!back || !m_kernel.apply(*back))
        base::log::error("the former routing could not be restored; carrier-connect down, for "
                         "every reservation of carrier {}, cleans up",
                         name);
}

Result<Outcome> Connector::up(const wire::Settings &settings, const Choice &choice,
                              std::uint32_t media_uid, const UpHow &how) {
    if (how.dry_run) {
        Outcome out{{}, TRY(m_folder.load())};
        out.carriers[choice.name] = TRY(next_state(out.carriers, settings, choice, media_uid));
        out.plan = TRY(plan(out.carriers, true));
        return out;
    }
    const auto lock = TRY(m_folder.lock(k_lock_wait_ms));
    const Carriers before = TRY(m_folder.load());
    Outcome out{{}, before};
    const CarrierState next = TRY(next_state(before, settings, choice, media_uid));
    auto done = [&]() -> Result<void> {
        route::State kernel = TRY(m_kernel.read());
        if (how.probe && choice.probe) {
            // With the turn that it had, so that neither table 4000 nor a sender moves there yet.
            CarrierState asking = next;
            Use &use = asking.uses[settings.reservation];
            const Use *had = use_of(before, choice.name, settings.reservation);
            use.turn = had == nullptr ? 0 : had->turn;
            use.leaving = had != nullptr && had->leaving;
            TRY(advance(out, asking, kernel));
            TRY(ask_relay(choice, how.stop_fd));
        }
        return advance(out, next, kernel);
    }();
    if (done)
        return out;
    go_back(before, out, choice.name);
    return std::unexpected(std::move(done).error());
}

namespace {

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

} // namespace

Result<Outcome> Connector::drop(const base::Id &reservation, const Carriers *seen) {
    const Carriers before = TRY(m_folder.load());
    Outcome out{{}, without(before, reservation, seen)};
    for (const auto &[name, state] : before) {
        const auto left = out.carriers.find(name);
        if (left == out.carriers.end())
            TRY(m_folder.remove(name));
        else if (left->second != state)
            TRY(m_folder.store(left->second));
    }
    out.plan = TRY(plan(out.carriers, false));
    TRY(m_kernel.apply(out.plan));
    return out;
}

Result<Outcome> Connector::down(const base::Id &reservation, bool dry_run) {
    if (dry_run) {
        Outcome out{{}, without(TRY(m_folder.load()), reservation, nullptr)};
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

Result<Outcome> Connector::mend() {
    const auto lock = TRY(m_folder.lock(0));
    Outcome out{{}, TRY(m_folder.load())};
    out.plan = TRY(plan(out.carriers, false));
    TRY(m_kernel.apply(out.plan));
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
