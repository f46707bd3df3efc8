#include "control/admin.hpp"

#include "control/documents.hpp"
#include "control/ledgers.hpp"
#include "control/logins.hpp"
#include "control/transact.hpp"
#include "net/certificate.hpp"

#include <algorithm>

namespace control {

using base::Result;
using ledger::Transaction;
using wire::Json;
using wire::JsonObject;

Result<std::vector<Json>> reservation_records(const Config &config, base::UtcTime now) {
    const auto ledger = TRY(open_ledger(config));
    std::vector<Json> out;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        for (const ledger::Booking &b : TRY(t.bookings("")))
            out.push_back(wire::to_json(reservation_of(b, config, now)));
        return {};
    }));
    return out;
}

Result<std::vector<Json>> relay_records(const Config &config) {
    const auto ledger = TRY(open_ledger(config));
    std::vector<Json> out;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        for (const auto &[name, relay] : config.catalogue.relays) {
            const auto party = TRY(t.party_by_name(name));
            const RelaySite &site = config.relays.at(name);
            JsonObject addresses;
            for (const auto &[carrier, at] : site.ingest)
                addresses[carrier] = at.text();
            JsonObject record{{"type", "relay"},
                              {"v", 1},
                              {"name", name},
                              {"public_url", site.public_url},
                              {"streams", relay.streams},
                              {"ingest_bps", relay.ingest.bps},
                              {"egress_bps", relay.egress.bps},
                              {"ingest_addresses", std::move(addresses)},
                              {"enrolled", party.has_value()}};
            if (party)
                record["key_id"] = party->id().text();
            if (party && party->seen)
                record["seen"] = base::format_rfc3339(*party->seen);
            out.emplace_back(std::move(record));
        }
        return {};
    }));
    return out;
}

namespace {

Result<std::string> check_certificate(const Config &config, base::UtcTime now) {
    const auto certificate = TRY(net::Certificate::load(config.tls_certificate, config.tls_key));
    const std::string until = base::format_rfc3339(certificate.not_after());
    if (now >= certificate.not_after())
        return base::fail_hint(base::Errc::config, "renew it", "it expired at {}", until);
    if (now < certificate.not_before())
        return base::fail(base::Errc::config, "it is not valid before {}",
                          base::format_rfc3339(certificate.not_before()));
    return "valid until " + until;
}

Result<std::string> check_tls_key(const Config &config) {
    TRY(net::check_key_mode(config.tls_key));
    return config.tls_key.native();
}

Result<std::string> check_ledger(const Config &config) {
    const auto ledger = TRY(open_ledger(config, ledger::Verify::yes));
    std::size_t stranded = 0;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        for (const ledger::Booking &b : TRY(t.bookings("")))
            if (resv::occupies(b.life.state) && !servable(b, config))
                ++stranded;
        return {};
    }));
    if (stranded > 0)
        return base::fail_hint(base::Errc::config, "put their channels, relays and carriers back",
                               "{} live reservations use what is no longer configured", stranded);
    return std::string("whole");
}

Result<std::string> check_relays(const Config &config) {
    std::string missing;
    for (const Json &record : TRY(relay_records(config)))
        if (!record.at("enrolled").as_bool())
            missing += fmt::format("{}{}", missing.empty() ? "" : ", ",
                                   std::string_view(record.at("name").as_string()));
    // Not an error: relays enrol once control serves.
    return missing.empty() ? "all enrolled" : "not enrolled yet: " + missing;
}

// A channel that no booking of its own defaults fits: allowed, as bookings may ask for less.
Result<std::string> check_channels(const Config &config) {
    std::string out = config.file.native();
    for (const auto &[name, c] : config.catalogue.channels)
        if (const resv::Relay &relay = config.catalogue.relays.at(c.relay);
            c.viewers * c.max_rate.bps > relay.egress.bps)
            out += fmt::format("; channel {}: {} viewers at {}bit/s are more than the egress of {}",
                               name, c.viewers, base::format_rate(c.max_rate), c.relay);
    return out;
}

// Whether there is too little for all while `b` takes some of what is under maintenance.
bool stands_in(const ledger::Booking &b, const Maintenance &m, const resv::Capacity &capacity,
               const resv::Timetable &taken) {
    const resv::Span span = resv::occupied(b.life.window);
    const resv::Span both{std::max(span.from, m.span.from), std::min(span.to, m.span.to)};
    const auto demands = demands_of(b);
    return std::ranges::any_of(m.loads, [&](const resv::Load &load) {
        return std::ranges::find(demands, load.resource, &resv::Demand::resource) !=
                   demands.end() &&
               std::ranges::any_of(taken.levels(load.resource, both), [&](const auto &level) {
                   return level.used > capacity.at(load.resource);
               });
    });
}

// Live bookings that have more than maintenance leaves them: who runs control has to move them.
Result<std::string> check_maintenance(const Config &config, base::UtcTime now) {
    if (config.maintenance.empty())
        return std::string("none");
    const auto ledger = TRY(open_ledger(config));
    std::vector<ledger::Booking> live;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        live = TRY(t.bookings(""));
        return {};
    }));
    std::erase_if(live, [now](const auto &b) { return !occupies(resv::state_at(b.life, now)); });
    std::vector<resv::Load> loads;
    for (const auto &[name, m] : config.maintenance)
        loads.insert(loads.end(), m.loads.begin(), m.loads.end());
    for (const ledger::Booking &b : live)
        for (const resv::Demand &d : demands_of(b))
            loads.push_back({d.resource, resv::occupied(b.life.window), d.units});
    const resv::Timetable taken{loads};
    const auto capacity = resv::capacity_of(config.catalogue);
    std::string out;
    for (const auto &[name, m] : config.maintenance) {
        out += fmt::format("{}{}: {} to {}", out.empty() ? "" : "; ", name,
                           base::format_rfc3339(m.span.from), base::format_rfc3339(m.span.to));
        for (const ledger::Booking &b : live)
            if (stands_in(b, m, capacity, taken))
                out += fmt::format(", warning: {} stands in it", b.id.text());
    }
    return out;
}

Json check_record(std::string_view name, const Result<std::string> &result) {
    JsonObject out{{"type", "check"},
                   {"v", 1},
                   {"name", name},
                   {"ok", result.has_value()},
                   {"detail", result ? *result : result.error().message}};
    if (!result && !result.error().hint.empty())
        out["hint"] = result.error().hint;
    return out;
}

} // namespace

std::vector<Json> check_records(const Config &config, base::UtcTime now) {
    const auto keys = [&]() -> Result<std::string> {
        const Keys loaded = TRY(load_keys(config));
        return "signing key " + loaded.signing.id().text();
    }();
    return {check_record("configuration", check_channels(config)),
            check_record("certificate", check_certificate(config, now)),
            check_record("tls_key", check_tls_key(config)),
            check_record("keys", keys),
            check_record("ledger", check_ledger(config)),
            check_record("history", check_histories(config)),
            check_record("relays", check_relays(config)),
            check_record("maintenance", check_maintenance(config, now))};
}

Result<Json> calendar_link(const Config &config, base::UtcTime now) {
    const Keys keys = TRY(load_keys(config));
    const Logins logins{config, keys};
    const auto ledger = TRY(open_ledger(config));
    const auto code = transact(*ledger, [&](Transaction &t) { return logins.make_own(t, now); });
    if (!code)
        return base::fail(base::Errc::unavailable, "{}", code.error().problem.detail);
    return Json(
        JsonObject{{"type", "login"},
                   {"v", 1},
                   {"url", fmt::format("{}/calendar#login={}", config.calendar.url, code->text)},
                   {"expires", base::format_rfc3339(code->expires)}});
}

Result<Json> control_record(const Config &config) {
    const Keys keys = TRY(load_keys(config));
    return Json(JsonObject{{"type", "control"},
                           {"v", 1},
                           {"key", seal::public_key_text(keys.signing.public_key())},
                           {"key_id", keys.signing.id().text()},
                           {"data", config.data.native()}});
}

} // namespace control
