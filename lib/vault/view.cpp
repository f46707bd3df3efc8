#include "vault/view.hpp"

#include <algorithm>

namespace vault {

using base::Errc;
using base::fail;
using base::fail_hint;
using base::Result;
using wire::CarrierInfo;
using wire::Json;
using wire::JsonArray;
using wire::JsonObject;
using wire::Settings;

namespace {

constexpr std::string_view k_hidden = "****";
constexpr std::string_view k_row = "{:<27} {:<24} {:<9} {:<11} {:<17} {:<7} {}";

JsonArray to_array(const std::vector<std::string> &items) {
    JsonArray out;
    for (const std::string &item : items)
        out.emplace_back(item);
    return out;
}

std::string host_in_url(const std::string &host) {
    return host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
}

} // namespace

Json event_record(const Summary &e) {
    return JsonObject{{"type", "event"},
                      {"v", 1},
                      {"reservation", e.reservation.text()},
                      {"serial", e.serial},
                      {"start", base::format_rfc3339(e.window.start)},
                      {"end", base::format_rfc3339(e.window.end)},
                      {"opens", base::format_rfc3339(e.window.opens())},
                      {"closes", base::format_rfc3339(e.window.closes())},
                      {"not_after", base::format_rfc3339(e.not_after)},
                      {"title", e.title},
                      {"channel", e.channel},
                      {"carriers", to_array(e.carriers)},
                      {"rate_bps", e.rate.bps},
                      {"viewer_url", e.viewer_url}};
}

std::string table_head() {
    return fmt::format(k_row, "RESERVATION", "START", "LENGTH", "CHANNEL", "CARRIERS", "RATE",
                       "TITLE");
}

std::string table_row(const Summary &e, std::string_view start) {
    return fmt::format(k_row, e.reservation.text(), start,
                       base::format_duration(e.window.end - e.window.start), e.channel,
                       fmt::format("{}", fmt::join(e.carriers, ",")), base::format_rate(e.rate),
                       e.title);
}

Json document_record(const Settings &settings) {
    Settings shown = settings;
    shown.stream.ticket = k_hidden;
    if (shown.stream.preflight_ticket)
        shown.stream.preflight_ticket = k_hidden;
    if (shown.request.password_hash)
        shown.request.password_hash = k_hidden;
    for (wire::RelayInfo &relay : shown.relays)
        relay.passphrase = k_hidden;
    for (CarrierInfo &carrier : shown.carriers) {
        if (carrier.probe)
            carrier.probe->key = k_hidden;
        carrier.connection = wire::without_secrets(std::move(carrier.connection));
    }
    JsonObject out{{"type", "document"}};
    const Json document = wire::to_json(shown);
    for (const auto &member : document.get_object())
        out.insert(member);
    return out;
}

Result<const CarrierInfo *> choose_carrier(const Settings &settings, const std::string &wanted,
                                           const std::string &preset) {
    // One without an ingest address is there for a tunnel alone.
    const auto carrier = [&](const std::string &name) {
        const CarrierInfo *found = settings.carrier(name);
        return found != nullptr && !found->ingest.empty() ? found : nullptr;
    };
    if (!wanted.empty()) {
        if (const CarrierInfo *found = carrier(wanted))
            return found;
        std::vector<std::string> names;
        for (const CarrierInfo &c : settings.carriers)
            if (!c.ingest.empty())
                names.push_back(c.name);
        return fail_hint(Errc::refused, fmt::format("it has {}", fmt::join(names, ", ")),
                         "reservation {} has no carrier '{}'", settings.reservation.text(), wanted);
    }
    if (const CarrierInfo *found = carrier(preset))
        return found;
    return &*std::ranges::min_element(settings.carriers, {}, &CarrierInfo::preference);
}

Result<Route> route_of(const Settings &settings, const CarrierInfo &carrier) {
    for (const wire::RelayInfo &relay : settings.relays)
        for (const wire::IngestAddress &ingest : carrier.ingest)
            if (ingest.relay == relay.id)
                return Route{&relay, &ingest.at};
    return fail(Errc::bad_data, "carrier {} of reservation {} leads to no relay", carrier.name,
                settings.reservation.text());
}

Result<std::string> publish_url(const Settings &settings, const CarrierInfo &carrier,
                                Secrets secrets) {
    const auto [relay, at] = TRY(route_of(settings, carrier));
    const bool reveal = secrets == Secrets::reveal;
    return fmt::format("srt://{}:{}?mode=caller&streamid={}&passphrase={}&pbkeylen={}",
                       host_in_url(at->host), at->port, reveal ? settings.stream.ticket : k_hidden,
                       reveal ? relay->passphrase : k_hidden, relay->pbkeylen);
}

std::string shell_word(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'')
            out += R"('\'')";
        else
            out += c;
    }
    return out + "'";
}

Result<std::string> shell_lines(const Settings &s, const CarrierInfo &carrier) {
    const auto [relay, at] = TRY(route_of(s, carrier));
    const std::vector<std::pair<std::string_view, std::string>> values{
        {"ID", s.reservation.text()},
        {"SERIAL", std::to_string(s.serial)},
        {"START", base::format_rfc3339(s.window.start)},
        {"END", base::format_rfc3339(s.window.end)},
        {"OPENS", base::format_rfc3339(s.window.opens())},
        {"CLOSES", base::format_rfc3339(s.window.closes())},
        {"TITLE", s.request.title},
        {"CHANNEL", s.stream.channel},
        {"RATE_BPS", std::to_string(s.request.rate.bps)},
        {"MAX_RATE_BPS", std::to_string(s.stream.max_rate.bps)},
        {"CARRIER", carrier.name},
        {"CARRIER_TYPE", std::string(wire::name(carrier.type()))},
        {"RELAY", relay->id},
        {"RELAY_HOST", at->host},
        {"RELAY_PORT", std::to_string(at->port)},
        {"VIEWER_URL", s.viewer_url},
    };
    std::string out;
    for (const auto &[name, value] : values)
        out += fmt::format("RESV_{}={}\n", name, shell_word(value));
    out.pop_back();
    return out;
}

Result<std::string> shown(const Settings &settings, Form form, const std::string &wanted,
                          const std::string &preset) {
    const CarrierInfo &carrier = *TRY(choose_carrier(settings, wanted, preset));
    if (form == Form::shell)
        return shell_lines(settings, carrier);
    if (form != Form::record)
        return publish_url(settings, carrier,
                           form == Form::revealed_url ? Secrets::reveal : Secrets::hide);
    Settings part = settings;
    if (!wanted.empty())
        part.carriers = {carrier};
    return wire::compact_json(document_record(part));
}

} // namespace vault
