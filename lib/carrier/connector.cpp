#include "carrier/connector.hpp"

#include "base/log.hpp"
#include "carrier/probe.hpp"
#include "carrier/reach.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace carrier {

using base::Errc;
using base::Result;
using route::Address;

namespace {

// Duplicate address detection takes the kernel about this long.
constexpr base::Millis k_tentative_wait{2500};
constexpr base::Millis k_tentative_step{100};

Result<unsigned> free_number(const Carriers &carriers) {
    for (unsigned number = 1; number <= route::k_max_carriers; ++number)
        if (std::ranges::none_of(carriers,
                                 [&](const auto &c) { return c.second.number == number; }))
            return number;
    return base::fail(Errc::refused, "{} carriers are in use already", route::k_max_carriers);
}

} // namespace

Result<Connector> Connector::open(const std::filesystem::path &state, bool change) {
    auto folder = TRY(StateFolder::open(state, change));
    return Connector{std::move(folder), TRY(route::Kernel::open())};
}

Result<route::Link> Connector::usable_link(const Choice &choice, const Carriers &carriers) {
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
        Gateways gateways{optional_address(choice.gateway4), optional_address(choice.gateway6)};
        if (const auto state = carriers.find(choice.name); state != carriers.end()) {
            const Gateways given =
                TRY(find_driver(choice.driver)->gateways(m_folder.path(), state->second));
            gateways.v4 = gateways.v4 ? gateways.v4 : given.v4;
            gateways.v6 = gateways.v6 ? gateways.v6 : given.v6;
        }
        auto reach = check_reach(choice, gateways, *link, relay);
        if (reach)
            return *link;
        if (!link->tentative || waited >= k_tentative_wait)
            return std::unexpected(std::move(reach).error());
        std::this_thread::sleep_for(k_tentative_step);
    }
}

Result<CarrierState> Connector::closed_state(const Carriers &carriers,
                                             const wire::Settings &settings, const Choice &choice,
                                             std::uint32_t media_uid) {
    for (const auto &[name, other] : carriers) {
        if (other.media_uid != media_uid)
            return base::fail_hint(Errc::refused, "bring it down first: carrier-connect status",
                                   "the media user is {} now, but carrier {} is in use with {}",
                                   media_uid, name, other.media_uid);
        const bool same_line =
            other.interface == choice.interface && other.owned.driver == choice.driver;
        if (name == choice.name ? !same_line : other.interface == choice.interface)
            return base::fail_hint(Errc::refused, "bring it down first: carrier-connect status",
                                   "carrier {} is in use on interface {}", name, other.interface);
    }
    CarrierState next;
    next.name = choice.name;
    if (const auto found = carriers.find(choice.name); found != carriers.end())
        next = found->second;
    else
        next.number = TRY(free_number(carriers));
    next.owned.driver = choice.driver;
    next.interface = choice.interface;
    next.gateway4 = choice.gateway4;
    next.gateway6 = choice.gateway6;
    next.media_uid = media_uid;
    next.below.reset();
    for (const Choice &below : choice.below)
        next.below = Below{below.name, below.endpoint.host, below.endpoint.port};
    next.uses[settings.reservation].ingest = ingest_addresses(settings);
    return next;
}

Result<CarrierState> Connector::next_state(const Carriers &carriers, const wire::Settings &settings,
                                           const Choice &choice, std::uint32_t media_uid) {
    const route::Link link = TRY(usable_link(choice, carriers));
    CarrierState next = TRY(closed_state(carriers, settings, choice, media_uid));
    for (const Address &address : link.addresses)
        next.sources.insert(address.text());
    Use &use = next.uses[settings.reservation];
    use.leaving = false;
    const CarrierState *active = active_for(carriers, settings.reservation);
    if (active == nullptr || active->name != choice.name)
        use.turn = highest_turn(carriers) + 1;
    return next;
}

/// Stores @p state, then brings the kernel, which holds @p kernel of ours, to where all files ask
/// for. A dry run does neither: @p kernel alone moves on.
Result<void> Connector::advance(Outcome &out, const CarrierState &state, route::State &kernel,
                                bool dry_run) {
    const auto known = out.carriers.find(state.name);
    if (known == out.carriers.end() || known->second != state) {
        if (!dry_run)
            TRY(m_folder.store(state));
        out.carriers[state.name] = state;
    }
    route::State wanted = route::wanted(TRY(policy(out.carriers)));
    const route::Plan plan = route::difference(kernel, wanted);
    if (!dry_run)
        TRY(apply(plan));
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

/// Back to what the reservation had in @p before: the state first, so that a crash here is mended
/// towards it. Whatever others did since then stays.
void Connector::go_back(const Carriers &before, const Attempt &attempt) {
    const auto restored = [&]() -> Result<void> {
        if (!attempt.lock)
            return base::fail(Errc::try_again, "another carrier-connect holds the lock");
        for (auto [name, state] : TRY(m_folder.load())) {
            const auto had = before.find(name);
            const auto has = attempt.out.carriers.find(name);
            // A line that was in use, was gone, and that this connected again in vain.
            if (had == before.end() || has == attempt.out.carriers.end() ||
                state.owned != has->second.owned || state.owned == had->second.owned)
                continue;
            TRY(end_line(state));
            state.owned = had->second.owned;
            TRY(m_folder.store(state));
        }
        return restore(before, attempt.reservation);
    }();
    if (restored)
        return;
    base::log::error("{}", restored.error().message);
    base::log::error("the former routing could not be restored; carrier-connect down, for every "
                     "reservation of the carrier, cleans up");
}

/// In two parts where the relay is asked: what asking needs, then what sending does.
Result<void> Connector::go_up(Outcome &out, const CarrierState &next, const base::Id &reservation,
                              const Choice &choice, const UpHow &how) {
    route::State kernel = TRY(m_kernel.read(how.dry_run));
    if (how.spare || (how.probe && choice.probe)) {
        // With the turn that it had, so that neither table 4000 nor a sender moves there yet.
        CarrierState asking = next;
        Use &use = asking.uses[reservation];
        const Use *had = use_of(out.carriers, choice.name, reservation);
        use.turn = had == nullptr ? 0 : had->turn;
        use.leaving = had != nullptr && had->leaving && !how.below;
        TRY(advance(out, asking, kernel, how.dry_run));
        if (how.spare)
            return {};
        if (!how.dry_run)
            TRY(ask_relay(choice, how.stop_fd));
    }
    return advance(out, next, kernel, how.dry_run);
}

/// The line, then what leads into it. Where out.line ends a dry run, nothing else is known yet.
Result<void> Connector::connect(Attempt &attempt, const wire::Settings &settings,
                                const Choice &choice, std::uint32_t media_uid, const UpHow &how) {
    Outcome &out = attempt.out;
    for (const Choice &below : choice.below) {
        TRY(connect(attempt, settings, below, media_uid,
                    {.dry_run = how.dry_run,
                     .probe = false,
                     .stop_fd = how.stop_fd,
                     .spare = true,
                     .below = true}));
        if (!out.line.empty() && how.dry_run)
            return {};
    }
    if (!find_driver(choice.driver)->is_there_already()) {
        const CarrierState closed = TRY(closed_state(out.carriers, settings, choice, media_uid));
        TRY(bring_line(attempt, closed, choice, how));
        if (!out.line.empty() && how.dry_run)
            return {};
    }
    const CarrierState next = TRY(next_state(out.carriers, settings, choice, media_uid));
    return go_up(out, next, settings.reservation, choice, how);
}

Result<Outcome> Connector::up(const wire::Settings &settings, const Choice &choice,
                              std::uint32_t media_uid, const UpHow &how) {
    Attempt attempt{settings.reservation, {}};
    if (!how.dry_run)
        attempt.lock.emplace(TRY(m_folder.lock(k_lock_wait_ms)));
    const Carriers before = TRY(m_folder.load());
    if (how.spare && !how.below && active_for(before, settings.reservation) == nullptr)
        return base::fail(Errc::refused, "reservation {} has no carrier that needs a spare",
                          settings.reservation.text());
    attempt.out.carriers = before;
    auto done = connect(attempt, settings, choice, media_uid, how);
    if (done)
        return std::move(attempt.out);
    if (!how.dry_run && attempt.out.carriers != before)
        go_back(before, attempt);
    return std::unexpected(std::move(done).error());
}

} // namespace carrier
