#include "carrier/settings.hpp"

#include "base/file.hpp"
#include "carrier/driver.hpp"
#include "vault/view.hpp"

#include <algorithm>
#include <unistd.h>

namespace carrier {

using base::Errc;
using base::Result;

namespace {

/// The first relay, by preference, that has an ingest address through @p info.
Result<wire::IngestAddress> best_ingest(const wire::Settings &settings,
                                        const wire::CarrierInfo &info) {
    for (const wire::RelayInfo &relay : settings.relays) {
        const auto found = std::ranges::find(info.ingest, relay.id, &wire::IngestAddress::relay);
        if (found != info.ingest.end())
            return *found;
    }
    return base::fail(Errc::bad_data, "settings of {}: no relay is reachable through carrier {}",
                      settings.reservation.text(), info.name);
}

std::string driver_of(const wire::CarrierInfo &info, const conf::TerminalCarrier &local) {
    if (info.type() == wire::CarrierType::link && local.dhcp)
        return "dhcp";
    return std::string(wire::name(info.type()));
}

/// What this machine must say of a line of that type and does not; or nothing.
std::string local_flaw(const wire::CarrierInfo &info, const conf::TerminalCarrier &local) {
    if (const auto *ppp = std::get_if<wire::PppInfo>(&info.connection)) {
        const bool serial = ppp->mode == wire::PppMode::serial;
        if (local.device.empty() || local.device.starts_with("/dev/") != serial)
            return serial ? "device = \"/dev/…\", the modem's"
                          : "device = \"…\", an Ethernet interface";
    }
    if (info.type() == wire::CarrierType::command && local.up.empty())
        return "up = [\"…\"]";
    return {};
}

Result<void> check_local(const wire::CarrierInfo &info, const conf::TerminalCarrier &local,
                         const conf::TerminalConfig &config) {
    if (find_driver(driver_of(info, local)) == nullptr)
        return base::fail_hint(Errc::unavailable, "use another carrier of the reservation",
                               "carrier {}: this version cannot connect type {}", info.name,
                               wire::name(info.type()));
    if (const std::string missing = local_flaw(info, local); !missing.empty())
        return base::fail_hint(Errc::config,
                               fmt::format("write {} under [carriers.{}] in {}", missing, info.name,
                                           config.file.native()),
                               "carrier {}: of type {}, and this machine does not say how to "
                               "reach it",
                               info.name, wire::name(info.type()));
    return {};
}

} // namespace

namespace {

/// All but who is at its other end.
Result<Choice> line_of(const wire::CarrierInfo &info, const conf::TerminalConfig &config) {
    const std::string &name = info.name;
    const auto local = config.carriers.find(name);
    if (local == config.carriers.end())
        return base::fail_hint(Errc::config,
                               fmt::format("add [carriers.{}] with interface = \"…\" to {}", name,
                                           config.file.native()),
                               "carrier {}: no interface is configured for it", name);
    TRY(check_local(info, local->second, config));
    const auto or_settings = [](const std::string &own, const std::string &theirs) {
        return own.empty() ? theirs : own;
    };
    const auto *link = std::get_if<wire::LinkInfo>(&info.connection);
    wire::LinkInfo theirs = link == nullptr ? wire::LinkInfo{} : *link;
    if (local->second.dhcp)
        theirs.gateway4.clear(); // the line itself says it
    return Choice{.name = name,
                  .driver = driver_of(info, local->second),
                  .interface = local->second.interface,
                  .gateway4 = or_settings(local->second.gateway4, theirs.gateway4),
                  .gateway6 = or_settings(local->second.gateway6, theirs.gateway6),
                  .relay = {},
                  .endpoint = {},
                  .probe = {},
                  .connection = info.connection,
                  .local = local->second};
}

} // namespace

Result<Choice> choose(const wire::Settings &settings, const conf::TerminalConfig &config,
                      const std::string &wanted) {
    const wire::CarrierInfo *info = TRY(vault::choose_carrier(settings, wanted, config.preset));
    Choice out = TRY(line_of(*info, config));
    const wire::IngestAddress ingest = TRY(best_ingest(settings, *info));
    out.relay = ingest.relay;
    out.endpoint = ingest.at;
    out.probe = info->probe;
    const auto *tunnel = std::get_if<wire::WireguardInfo>(&info->connection);
    if (tunnel == nullptr || tunnel->underlay.empty())
        return out;
    out.below.push_back(TRY(line_of(*settings.carrier(tunnel->underlay), config)));
    out.below.back().endpoint = tunnel->endpoint;
    return out;
}

Result<wire::Settings> load_settings(const vault::Vault &vault, const base::Id &reservation,
                                     const std::string &file) {
    if (file.empty())
        return vault.get(reservation);
    const std::string text =
        TRY(file == "-" ? base::read_all(STDIN_FILENO, "standard input", wire::k_max_settings_bytes)
                        : base::read_file(file, wire::k_max_settings_bytes));
    if (text.empty())
        return base::fail(Errc::no_input, "settings {}: empty", file);
    const auto sealed = TRY(wire::read_sealed(TRY(wire::parse_json(text, file)), file));
    if (sealed.reservation != reservation)
        return base::fail(Errc::bad_data, "settings {}: for reservation {}, not {}", file,
                          sealed.reservation.text(), reservation.text());
    const auto trusted = TRY(vault.trusted());
    if (trusted.empty())
        return base::fail_hint(Errc::not_permitted, "resv-store trust KEY, or resv-request enrol",
                               "settings {}: the vault trusts no control", file);
    Result<wire::Settings> opened = base::fail(Errc::bug, "not tried");
    for (const seal::PublicKey &issuer : trusted) {
        opened = vault.open_sealed(sealed, issuer);
        if (opened || opened.error().code != Errc::not_permitted)
            break;
    }
    return opened;
}

std::set<std::string> ingest_addresses(const wire::Settings &settings) {
    std::set<std::string> out;
    for (const wire::CarrierInfo &info : settings.carriers)
        for (const wire::IngestAddress &address : info.ingest)
            out.insert(address.at.host);
    for (const wire::RelayInfo &relay : settings.relays)
        out.insert(relay.at.host);
    return out;
}

wire::SenderPath sender_path(const wire::Settings &settings, const Choice &choice,
                             const std::vector<route::Address> &sources) {
    const auto first = [&](route::Family family) {
        const auto found = std::ranges::find(sources, family, &route::Address::family);
        return found == sources.end() ? std::string{} : found->text();
    };
    wire::SenderPath path{.carrier = choice.name,
                          .interface = choice.interface,
                          .source4 = first(route::Family::v4),
                          .source6 = first(route::Family::v6),
                          .relay = choice.endpoint,
                          .ticket = settings.stream.ticket,
                          .passphrase = {}};
    if (const wire::RelayInfo *relay = settings.relay(choice.relay); relay != nullptr) {
        path.passphrase = relay->passphrase;
        path.pbkeylen = relay->pbkeylen;
        path.latency_ms = relay->latency_ms;
    }
    return path;
}

} // namespace carrier
