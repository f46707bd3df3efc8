#include "carrier/settings.hpp"

#include "base/file.hpp"
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

} // namespace

Result<Choice> choose(const wire::Settings &settings, const conf::TerminalConfig &config,
                      const std::string &wanted) {
    const wire::CarrierInfo *info = TRY(vault::choose_carrier(settings, wanted, config.preset));
    const std::string &name = info->name;
    if (info->type != wire::CarrierType::link)
        return base::fail_hint(Errc::unavailable, "this version connects carriers of type link",
                               "carrier {}: type {} cannot be connected", name,
                               wire::name(info->type));
    const auto local = config.carriers.find(name);
    if (local == config.carriers.end())
        return base::fail_hint(Errc::config,
                               fmt::format("add [carriers.{}] with interface = \"…\" to {}", name,
                                           config.file.native()),
                               "carrier {}: no interface is configured for it", name);
    const wire::IngestAddress ingest = TRY(best_ingest(settings, *info));
    const auto or_settings = [](const std::string &own, const std::string &theirs) {
        return own.empty() ? theirs : own;
    };
    return Choice{.name = name,
                  .interface = local->second.interface,
                  .gateway4 = or_settings(local->second.gateway4, info->link.gateway4),
                  .gateway6 = or_settings(local->second.gateway6, info->link.gateway6),
                  .relay = ingest.relay,
                  .endpoint = ingest.at,
                  .probe = info->probe};
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
