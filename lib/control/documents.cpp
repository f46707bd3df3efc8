#include "control/documents.hpp"

#include "control/credentials.hpp"
#include "seal/hash.hpp"
#include "seal/ticket.hpp"

#include <algorithm>
#include <set>

namespace control {

using ledger::Booking;

namespace {

constexpr std::int64_t k_pbkeylen = 16;
constexpr std::int64_t k_max_gop_s = 4;

template <std::size_t N> std::array<std::uint8_t, N> random_array() {
    std::array<std::uint8_t, N> out{};
    std::ranges::copy(seal::random_bytes(N), out.begin());
    return out;
}

std::string viewer_url(const Booking &b, const Config &config) {
    const auto relay = config.relays.find(b.relay);
    return relay == config.relays.end() ? ""
                                        : fmt::format("{}/w/{}/", relay->second.public_url, b.vid);
}

// For @p mode during @p when.
std::string ticket_of(const Booking &b, seal::TicketMode mode, resv::Span when,
                      const seal::SigningKey &key) {
    return seal::issue_ticket(
        {.mode = mode,
         .flags = 0,
         .issuer = {},
         .ticket_id = b.ticket_id,
         .reservation = b.id,
         .channel = seal::short_hash(b.channel),
         .not_before = when.from,
         .expiry = when.to,
         .max_kbps = static_cast<std::uint32_t>((b.request.rate.bps + 999) / 1000),
         .generation = b.generation,
         .audience = seal::short_hash(b.relay)},
        key);
}

wire::CarrierInfo carrier_info(const Booking &b, const ledger::Party &recipient,
                               const std::string &name, std::int64_t preference,
                               const Config &config, const Keys &keys) {
    const CarrierSite &site = config.carriers.at(name);
    const conf::Address &at = config.relays.at(b.relay).ingest.at(name);
    const auto echo_port = static_cast<std::uint16_t>(at.port + 1);
    return {.name = name,
            .preference = preference,
            .line_bps = resv::line_rate(b.request.rate).bps,
            .ingest = {{.relay = b.relay, .at = {at.host, at.port}}},
            .probe = wire::Probe{.at = {at.host, echo_port},
                                 .key = seal::to_base64url(
                                     seal::echo_key(keys.group.view(), b.relay, name))},
            .connection = connection_for(site, name, keys, recipient)};
}

/// Carriers that tunnels of @p s go over, unless they carry media themselves: without an ingest
/// address, since nothing was reserved there.
void add_underlays(wire::Settings &s, const Config &config, const Keys &keys,
                   const ledger::Party &recipient) {
    std::set<std::string> names;
    for (const wire::CarrierInfo &info : s.carriers)
        if (const auto *tunnel = std::get_if<wire::WireguardInfo>(&info.connection))
            names.insert(tunnel->underlay);
    for (const std::string &name : names)
        if (const auto site = config.carriers.find(name);
            site != config.carriers.end() && s.carrier(name) == nullptr)
            s.carriers.push_back(
                {.name = name,
                 .preference = static_cast<std::int64_t>(s.carriers.size()),
                 .line_bps = 0,
                 .ingest = {},
                 .probe = {},
                 .connection = connection_for(site->second, name, keys, recipient)});
}

wire::RelayInfo relay_info(const Booking &b, const Config &config, const Keys &keys) {
    const RelaySite &site = config.relays.at(b.relay);
    const conf::Address &at = site.ingest.at(b.request.carriers.front());
    return {.id = b.relay,
            .at = {at.host, at.port},
            .latency_ms = site.latency.count(),
            .passphrase = seal::srt_passphrase(keys.group.view(), b.ticket_id),
            .pbkeylen = k_pbkeylen};
}

} // namespace

wire::Reservation reservation_of(const Booking &b, const Config &config, base::UtcTime now) {
    const resv::State state = resv::state_at(b.life, now);
    return {.id = b.id,
            .state = state,
            .owner = b.owner,
            .channel = b.channel,
            .relay = b.relay,
            .window = b.life.window,
            .rate = b.request.rate,
            .viewers = b.viewers,
            .carriers = b.request.carriers,
            .title = b.request.title,
            .disclosure = b.request.disclosure,
            .viewer_url = viewer_url(b, config),
            .generation = b.generation,
            .revision = b.revision,
            .created = b.created,
            .hold_expires = state == resv::State::held ? b.life.hold_expires : std::nullopt,
            .fee = b.fee,
            .series = b.series};
}

wire::FeedEntry feed_entry_of(const Booking &b, const Config &config) {
    return {.reservation = b.id,
            .serial = b.feed_serial,
            .channel = b.channel,
            .window = b.life.window,
            .state = b.life.state,
            .generation = b.generation,
            .title = b.request.title,
            .disclosure = b.request.disclosure,
            .vid = b.vid,
            .password_hash = b.request.password_hash.value_or(""),
            .viewers = b.viewers,
            .max_rate = b.request.rate,
            .retention_s = std::chrono::floor<base::Seconds>(config.policy.retention).count()};
}

wire::SealedSettings settings_of(const Booking &b, const ledger::Party &recipient,
                                 const Config &config, const Keys &keys, base::UtcTime now) {
    wire::Settings s;
    s.doc_id = new_id(now).text();
    s.serial = b.settings_serial;
    s.reservation = b.id;
    s.issuer = keys.signing.id();
    s.recipient = recipient.id();
    s.issued_at = now;
    // An extension reaches the relay by the feed, so older settings stay of use after their end.
    s.not_after = b.life.window.closes() + config.policy.retention;
    s.request = b.request;
    s.window = b.life.window;
    std::int64_t preference = 0;
    for (const std::string &name : b.request.carriers)
        s.carriers.push_back(carrier_info(b, recipient, name, preference++, config, keys));
    add_underlays(s, config, keys, recipient);
    s.relays.push_back(relay_info(b, config, keys));
    s.stream = {.channel = b.channel,
                .ticket = ticket_of(b, seal::TicketMode::publish, resv::occupied(b.life.window),
                                    keys.signing),
                .preflight_ticket = {},
                .codecs = {"h264", "h265", "aac"},
                .max_rate = b.request.rate,
                .max_gop_s = k_max_gop_s};
    if (b.preflight && now < b.preflight->to)
        s.stream.preflight_ticket =
            ticket_of(b, seal::TicketMode::preflight, *b.preflight, keys.signing);
    s.viewer_url = viewer_url(b, config);
    s.disclosure = b.request.disclosure;
    return wire::seal_settings(s, keys.signing, recipient.box_key);
}

bool servable(const Booking &b, const Config &config) {
    const auto relay = config.relays.find(b.relay);
    return relay != config.relays.end() && config.catalogue.channels.contains(b.channel) &&
           std::ranges::all_of(b.request.carriers, [&](const std::string &name) {
               return config.carriers.contains(name) && relay->second.ingest.contains(name);
           });
}

std::vector<resv::Demand> demands_of(const Booking &b) {
    auto out = resv::demands_of(b.channel, b.relay, b.request.carriers, b.request.rate, b.viewers);
    out.push_back({resv::at_once_resource(b.owner), 1});
    return out;
}

base::Id new_id(base::UtcTime now) {
    return base::Id::make(now, random_array<10>());
}
std::string new_vid() {
    return seal::to_base64url(random_array<12>());
}
std::array<std::uint8_t, 16> new_ticket_id() {
    return random_array<16>();
}

} // namespace control
