#include "modem/line.hpp"

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "route/devices.hpp"
#include "route/kernel.hpp"
#include "wire/json.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>

namespace modem {

using base::Errc;
using base::Result;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_max_file = 4096;
// A SIM gives three; with fewer somebody has been wrong already, and the last is for a human.
constexpr std::uint32_t k_all_attempts = 3;

constexpr bool at_least(const Modem &modem, State state) {
    return modem.state >= static_cast<std::int32_t>(state);
}
constexpr bool is(const Modem &modem, State state) {
    return modem.state == static_cast<std::int32_t>(state);
}

Result<Modem> again(Modems &modems, const std::string &path) {
    for (Modem &modem : TRY(modems.all()))
        if (modem.path == path)
            return std::move(modem);
    return base::fail(Errc::unavailable, "the modem is gone");
}

bool is_locked(const Modem &modem) {
    return modem.lock > k_no_lock && modem.lock != k_pin2_lock && modem.lock != k_puk2_lock;
}

std::string attempts_left(const Modem &modem) {
    if (!modem.pin_attempts)
        return "how many attempts are left it does not say";
    return fmt::format("{} attempt{} left", *modem.pin_attempts,
                       *modem.pin_attempts == 1 ? " is" : "s are");
}

std::string by_hand(const Modem &modem) {
    return fmt::format("correct it in the settings, and unlock the SIM once by hand: "
                       "mmcli -i {} --pin=…",
                       modem.sim);
}

/// May be sent: nobody was wrong before, as far as that can be known.
Result<void> check_attempts(const Modem &modem, const line::ModemOrder &order,
                            const fs::path &tried) {
    if (modem.lock != k_pin_lock)
        return base::fail_hint(
            Errc::not_permitted, fmt::format("unlock it by hand: mmcli -m {}", modem.path),
            "the SIM is locked by more than its PIN (MMModemLock {})", modem.lock);
    if (order.pin.empty())
        return base::fail_hint(Errc::not_permitted, "the operator of control knows it: pin_file",
                               "the SIM asks for its PIN, and the settings have none");
    std::error_code ignored;
    if (fs::exists(tried, ignored))
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "the SIM's PIN was tried before and not taken: it is not sent a "
                               "second time; {}",
                               attempts_left(modem));
    if (modem.pin_attempts && *modem.pin_attempts < k_all_attempts)
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "somebody gave the SIM a wrong PIN before: none is sent; {}",
                               attempts_left(modem));
    return {};
}

Result<Modem> unlock(Modems &modems, Modem modem, const line::ModemOrder &order, const Files &files,
                     const Patience &patience) {
    const fs::path tried = files.pin_tried(modem);
    if (!is_locked(modem)) {
        TRY(base::remove_file(tried));
        return modem;
    }
    TRY(check_attempts(modem, order, tried));
    TRY(base::write_file_atomic(tried, "", 0600));
    if (const auto sent = modems.send_pin(modem.sim, order.pin); !sent) {
        const auto now = again(modems, modem.path);
        base::log::debug("{}", sent.error().message);
        return base::fail_hint(Errc::not_permitted, by_hand(modem),
                               "the SIM does not take the PIN; {}",
                               attempts_left(now ? *now : modem));
    }
    for (base::Millis waited{0};; waited += patience.step) {
        modem = TRY(again(modems, modem.path));
        if (!is_locked(modem) && !is(modem, State::locked) && !is(modem, State::initializing))
            break;
        if (waited >= patience.registration)
            return base::fail(Errc::unavailable, "the modem does not go on after its SIM's PIN");
        TRY(modems.wait(patience.step));
    }
    TRY(base::remove_file(tried));
    return modem;
}

Result<void> check_state(const Modem &modem) {
    if (!is(modem, State::failed))
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
        const Modem modem = TRY(again(modems, path));
        TRY(check_state(modem));
        if (at_least(modem, State::registered))
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
    out.raised = TRY(in.string("raised", 15));
    TRY(in.finish());
    return std::optional{std::move(out)};
}

/// From a modem that may not be ready to a connected bearer.
Result<void> bring_up(Modems &modems, const line::ModemOrder &order, const Files &files,
                      const Patience &patience) {
    Modem modem = TRY(choose(TRY(modems.all()), order));
    TRY(check_state(modem));
    modem = TRY(unlock(modems, std::move(modem), order, files, patience));
    if (!at_least(modem, State::enabled))
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
        return base::fail(Errc::unavailable, "the network has ended the connection");
    auto kernel = TRY(route::Kernel::open());
    const auto link = TRY(kernel.link(order.interface));
    const bool point_to_point = link && link->point_to_point;
    Offer offer = TRY(offer_of(bearer, order.interface, point_to_point));
    if (!offer.asks)
        return means.put(offer.grant);
    if (link && !link->up)
        TRY(raise(files, *kept, order.interface));
    return means.put(
        with_lease(std::move(offer.grant), TRY(means.ask(order.interface)), point_to_point));
}

} // namespace

fs::path Files::pin_tried(const Modem &modem) const {
    std::string id = modem.identifier.empty() ? modem.path : modem.identifier;
    std::ranges::replace_if(id, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
    return m_folder / fmt::format("pin-{}.tried", id.substr(0, 128));
}

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
            TRY(modems.wait(patience.look));
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
