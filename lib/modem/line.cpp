#include "modem/line.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "modem/sim_pin.hpp"
#include "route/devices.hpp"
#include "route/kernel.hpp"
#include "wire/json.hpp"

#include <chrono>

namespace modem {

using base::Errc;
using base::Result;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_file = 4096;
constexpr const char *k_ended = "the network has ended the connection";

Result<void> check_state(const Modem &modem) {
    if (!modem.is(State::failed))
        return {};
    if (modem.failed == k_sim_missing)
        return base::fail_hint(Errc::unavailable, "put one in", "the modem has no SIM");
    return base::fail_hint(Errc::unavailable, fmt::format("mmcli -m {} shows it", modem.path),
                           "the modem has failed (MMModemStateFailedReason {})", modem.failed);
}

/// Until a network has taken it.
Result<void> be_registered(Modems &modems, const std::string &path, const Patience &patience) {
    const auto began = Clock::now();
    std::optional<Clock::time_point> denied;
    for (;;) {
        const Modem modem = TRY(look_again(modems, path));
        TRY(check_state(modem));
        if (modem.at_least(State::registered))
            return {};
        const auto now = Clock::now();
        if (modem.registration != k_denied)
            denied.reset();
        else if (!denied)
            denied = now;
        const bool late = now - began >= patience.registration;
        if (denied && (late || now - *denied >= patience.denied))
            return base::fail_hint(Errc::unavailable,
                                   "ask the access side whether this SIM may register here",
                                   "the network denies the registration");
        if (late)
            return base::fail_hint(Errc::unavailable,
                                   fmt::format("mmcli -m {} shows signal and state", path),
                                   "no network has registered the modem within {}",
                                   base::format_duration(patience.registration));
        TRY(modems.wait(patience.step));
    }
}

/// A connection that somebody else has made by the interface is not ours to end.
Result<void> check_free(Modems &modems, const Modem &modem, const std::string &interface) {
    for (const std::string &path : modem.bearers) {
        const auto bearer = modems.look(path);
        if (bearer && bearer->connected && bearer->interface == interface)
            return base::fail_hint(Errc::refused,
                                   "end it, and keep NetworkManager from the modem: nmcli device "
                                   "set … managed no",
                                   "the modem's interface {} is in use by another connection, {}",
                                   interface, path);
    }
    return {};
}

struct Kept {
    Origin origin;
    std::string modem;
    std::string bearer;
    std::string raised; // the interface that we set up for DHCP, and that goes down again
};

Result<void> keep(const Files &files, const Kept &kept) {
    return base::write_file_atomic(files.bearer(),
                                   wire::compact_json(wire::JsonObject{{"v", 1},
                                                                       {"bus", kept.origin.bus},
                                                                       {"owner", kept.origin.owner},
                                                                       {"modem", kept.modem},
                                                                       {"bearer", kept.bearer},
                                                                       {"raised", kept.raised}}) +
                                       "\n",
                                   0600);
}

Result<std::optional<Kept>> kept_in(const fs::path &file) {
    const auto text = base::read_regular_file(file, k_max_file);
    if (!text && text.error().code == Errc::no_input)
        return std::optional<Kept>{};
    if (!text)
        return std::unexpected(text.error());
    const wire::Json json = TRY(wire::parse_json(*text, file.native()));
    auto in = TRY(wire::ObjectReader::of(json, file.native()));
    Kept out;
    TRY(in.integer("v", 1, 1));
    out.origin.bus = TRY(in.string("bus", 64));
    out.origin.owner = TRY(in.string("owner", 64));
    out.modem = TRY(in.string("modem", 256));
    out.bearer = TRY(in.string("bearer", 256));
    out.raised = TRY(in.optional_string("raised", 15)).value_or("");
    TRY(in.finish());
    return std::optional{std::move(out)};
}

/// From a modem that may not be ready to a connected bearer.
Result<void> bring_up(Modems &modems, const line::ModemOrder &order, const Files &files,
                      const Patience &patience) {
    Modem modem = TRY(choose(TRY(modems.all()), order));
    TRY(check_state(modem));
    const Unlock how{.pin = order.pin,
                     .tried = files.pin_tried(modem),
                     .limit = patience.registration,
                     .step = patience.step};
    modem = TRY(unlock(modems, std::move(modem), how));
    if (!modem.at_least(State::enabled))
        TRY(modems.enable(modem.path));
    TRY(be_registered(modems, modem.path, patience));
    modem = TRY(choose(TRY(modems.all()), order)); // its ports are known now
    TRY(check_free(modems, modem, order.interface));
    // Not Simple.Connect, which tells the bearer when it is connected: who dies before would leave
    // one that nobody knows to be ours.
    const std::string bearer = TRY(modems.make_bearer(modem.path, order));
    TRY(keep(files, {modems.origin(), modem.path, bearer, {}}));
    return modems.connect(bearer);
}

/// Frames pass before there is an address.
Result<void> raise(const Files &files, Kept kept, const std::string &interface) {
    kept.raised = interface;
    TRY(keep(files, kept));
    auto devices = TRY(route::Devices::open());
    return devices.set_up(interface, 0);
}

/// Puts what the network gives by the bearer that is written down.
Result<void> put_what_it_gives(Modems &modems, const line::ModemOrder &order, const Files &files,
                               const Means &means) {
    const auto kept = TRY(kept_in(files.bearer()));
    if (!kept)
        return base::fail(Errc::bug, "no bearer is written down");
    const Bearer bearer = TRY(modems.look(kept->bearer));
    if (!bearer.connected)
        return base::fail(Errc::unavailable, k_ended);
    auto kernel = TRY(route::Kernel::open());
    const auto link = TRY(kernel.link(order.interface));
    const bool point_to_point = link && link->point_to_point;
    Offer offer = TRY(offer_of(bearer, order.interface, point_to_point));
    if (!offer.asks)
        return means.put(offer.grant);
    if (link && !link->up)
        TRY(raise(files, *kept, order.interface));
    const auto gave = means.dhcp.grant(order.interface);
    // That took a while, perhaps.
    if (!TRY(modems.look(kept->bearer)).connected)
        return base::fail(Errc::unavailable, k_ended);
    if (!gave && offer.grant.addresses.empty())
        return std::unexpected(gave.error());
    // What the bearer gave by itself is as good without.
    return means.put(gave ? with_lease(std::move(offer.grant), *gave, point_to_point)
                          : std::move(offer.grant));
}

} // namespace

Result<void> connect(Modems &modems, const line::ModemOrder &order, const Files &files,
                     const Means &means, const Patience &patience) {
    auto done = [&]() -> Result<void> {
        TRY(bring_up(modems, order, files, patience));
        return put_what_it_gives(modems, order, files, means);
    }();
    if (!done)
        if (const auto ended = disconnect(&modems, files); !ended)
            base::log::warning("{}", ended.error().message);
    return done;
}

Result<void> hold(Modems &modems, const line::ModemOrder &order, const Files &files,
                  const Means &means, const Patience &patience) {
    auto over = [&]() -> Result<void> {
        for (;;) {
            TRY(put_what_it_gives(modems, order, files, means));
            const auto until = means.dhcp.next().value_or(base::SteadyTime::max());
            const auto look = std::clamp<base::SteadyTime::duration>(until - means.clock.steady(),
                                                                     patience.step, patience.look);
            TRY(modems.wait(std::chrono::ceil<base::Millis>(look)));
        }
    }();
    if (over.error().code == Errc::no_input)
        over.error().message = "the modem or its connection is gone";
    if (const auto ended = disconnect(&modems, files); !ended)
        base::log::warning("{}", ended.error().message);
    return over;
}

Result<void> disconnect(Modems *modems, const Files &files) {
    const auto kept = TRY(kept_in(files.bearer()));
    // Media has no way by it any more, whatever the modem makes of the rest.
    TRY(line::take_back(files.grant()));
    if (kept && !kept->raised.empty()) {
        auto devices = TRY(route::Devices::open());
        TRY(devices.take_down(kept->raised));
    }
    if (kept && modems != nullptr && modems->origin() == kept->origin)
        TRY(modems->end(kept->modem, kept->bearer));
    return base::remove_file(files.bearer());
}

Result<Offer> offer_of(const Bearer &bearer, const std::string &interface, bool point_to_point) {
    if (bearer.interface != interface)
        return base::fail_hint(Errc::unavailable,
                               "write that into terminal.toml: interface = \"…\"",
                               "the connection came up on interface {}, not {}",
                               base::plain_text(bearer.interface.substr(0, 32)), interface);
    Offer offer{.grant = {}, .asks = bearer.v4.method == Method::dhcp};
    line::Grant &out = offer.grant;
    out.interface = interface;
    for (const auto &[ip, gateway] :
         {std::pair{&bearer.v4, &out.gateway4}, std::pair{&bearer.v6, &out.gateway6}}) {
        if (ip->method == Method::ppp)
            return base::fail_hint(Errc::unavailable,
                                   "make it a carrier of type ppp, with mode = \"serial\"",
                                   "this modem wants PPP to be spoken on {}", interface);
        if (ip->method != Method::fixed)
            continue;
        out.addresses.push_back(
            TRY(route::InterfaceAddress::parse(fmt::format("{}/{}", ip->address, ip->length))));
        if (!ip->gateway.empty() && !point_to_point)
            *gateway = TRY(route::Address::parse(ip->gateway));
        if (ip->mtu != 0 && (out.mtu == 0 || ip->mtu < out.mtu))
            out.mtu = ip->mtu;
    }
    if (out.addresses.empty() && bearer.v6.method == Method::dhcp && !offer.asks)
        return base::fail_hint(Errc::unavailable, "ask control's operator for ip_type = \"ipv4\"",
                               "this modem leaves its IPv6 address to DHCP, which is not asked");
    return offer;
}

line::Grant with_lease(line::Grant offer, const line::Grant &gave, bool point_to_point) {
    offer.addresses.insert(offer.addresses.end(), gave.addresses.begin(), gave.addresses.end());
    if (!point_to_point)
        offer.gateway4 = gave.gateway4;
    if (gave.mtu != 0 && (offer.mtu == 0 || gave.mtu < offer.mtu))
        offer.mtu = gave.mtu;
    return offer;
}

} // namespace modem
