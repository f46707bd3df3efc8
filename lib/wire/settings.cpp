#include "wire/settings.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

// Tickets and passphrases stand unescaped in URLs.
Result<std::string> secret_word(ObjectReader &in, std::string_view key, std::size_t max_bytes) {
    std::string text = TRY(in.string(key, max_bytes));
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    if (text.empty() || !std::ranges::all_of(text, plain))
        return fail(Errc::bad_data, "{}: not base64url", in.where(key));
    return text;
}

Json carrier_json(const CarrierInfo &c) {
    JsonArray ingest;
    for (const IngestAddress &a : c.ingest)
        ingest.push_back(JsonObject{{"relay", a.relay}, {"host", a.at.host}, {"port", a.at.port}});
    JsonObject out{{"name", c.name},
                   {"type", name(c.type())},
                   {"preference", c.preference},
                   {"line_bps", c.line_bps},
                   {"ingest", std::move(ingest)}};
    if (c.probe)
        out["probe"] = JsonObject{
            {"host", c.probe->at.host}, {"port", c.probe->at.port}, {"key", c.probe->key}};
    out[name(c.type())] = to_json(c.connection);
    return out;
}

Result<CarrierInfo> read_carrier(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    CarrierInfo c;
    c.name = TRY(in.string("name", 32));
    if (!is_plain_name(c.name))
        return fail(Errc::bad_data, "{}: not a plain name", in.where("name"));
    const CarrierType type = TRY(parse_carrier_type(TRY(in.string("type", 16))));
    c.preference = TRY(in.integer("preference", 0, 64));
    c.line_bps = TRY(in.integer("line_bps"));
    for (const Json &item : *TRY(in.array("ingest", 16))) {
        auto a = TRY(ObjectReader::of(item, in.where("ingest")));
        IngestAddress address;
        address.relay = TRY(a.string("relay", 32));
        address.at = TRY(read_endpoint(a));
        TRY(a.finish());
        c.ingest.push_back(std::move(address));
    }
    if (in.has("probe")) {
        auto p = TRY(in.object("probe"));
        c.probe.emplace();
        c.probe->at = TRY(read_endpoint(p));
        c.probe->key = TRY(p.string("key", 64));
        TRY(p.finish());
    }
    c.connection = TRY(read_connection(type, TRY(in.object(name(type)))));
    TRY(in.finish());
    return c;
}

Json relay_json(const RelayInfo &r) {
    return JsonObject{{"id", r.id},
                      {"host", r.at.host},
                      {"port", r.at.port},
                      {"srt", JsonObject{{"latency_ms", r.latency_ms},
                                         {"passphrase", r.passphrase},
                                         {"pbkeylen", r.pbkeylen}}}};
}

Result<RelayInfo> read_relay(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    RelayInfo r;
    r.id = TRY(in.string("id", 32));
    r.at = TRY(read_endpoint(in));
    auto srt = TRY(in.object("srt"));
    r.latency_ms = TRY(srt.integer("latency_ms", 20, 10'000));
    r.passphrase = TRY(secret_word(srt, "passphrase", 79));
    r.pbkeylen = TRY(srt.integer("pbkeylen", 16, 32));
    if (r.pbkeylen % 8 != 0)
        return fail(Errc::bad_data, "{}: not 16, 24 or 32", srt.where("pbkeylen"));
    TRY(srt.finish());
    TRY(in.finish());
    return r;
}

Json stream_json(const StreamInfo &s) {
    JsonArray codecs;
    for (const std::string &codec : s.codecs)
        codecs.emplace_back(codec);
    JsonObject out{{"channel", s.channel},
                   {"ticket", s.ticket},
                   {"codecs", std::move(codecs)},
                   {"max_rate_bps", s.max_rate.bps},
                   {"max_gop_s", s.max_gop_s}};
    if (s.preflight_ticket)
        out["preflight_ticket"] = *s.preflight_ticket;
    return out;
}

Result<StreamInfo> read_stream(ObjectReader in) {
    StreamInfo s;
    s.channel = TRY(in.string("channel", 32));
    s.ticket = TRY(secret_word(in, "ticket", 256));
    if (in.has("preflight_ticket"))
        s.preflight_ticket = TRY(secret_word(in, "preflight_ticket", 256));
    s.codecs = TRY(in.strings("codecs", 16));
    s.max_rate.bps = TRY(in.integer("max_rate_bps", 1));
    s.max_gop_s = TRY(in.integer("max_gop_s", 1, 60));
    TRY(in.finish());
    return s;
}

// A tunnel goes over another carrier of the same document, and never over another tunnel.
Result<void> check_underlay(const Settings &s, const CarrierInfo &c) {
    const auto *tunnel = std::get_if<WireguardInfo>(&c.connection);
    if (tunnel == nullptr || tunnel->underlay.empty())
        return {};
    const CarrierInfo *under = s.carrier(tunnel->underlay);
    if (under == nullptr)
        return fail(Errc::bad_data, "settings.carriers: {} goes over unknown carrier '{}'", c.name,
                    tunnel->underlay);
    if (under->type() == CarrierType::wireguard)
        return fail(Errc::bad_data, "settings.carriers: {} goes over another tunnel, {}", c.name,
                    under->name);
    return {};
}

// A carrier without an ingest address is there for a tunnel, and for nothing else.
Result<void> check_use(const Settings &s, const CarrierInfo &c) {
    const auto goes_over = [&](const CarrierInfo &other) {
        const auto *tunnel = std::get_if<WireguardInfo>(&other.connection);
        return tunnel != nullptr && tunnel->underlay == c.name;
    };
    if (c.ingest.empty() && std::ranges::none_of(s.carriers, goes_over))
        return fail(Errc::bad_data, "settings.carriers: {}: no ingest address", c.name);
    return {};
}

Result<base::Id> read_id(ObjectReader &in, std::string_view key) {
    auto id = base::Id::parse(TRY(in.string(key, 64)));
    if (!id)
        return std::unexpected(std::move(id).error().in(in.where(key)));
    return *id;
}

} // namespace

const CarrierInfo *Settings::carrier(std::string_view wanted) const {
    const auto found = std::ranges::find(carriers, wanted, &CarrierInfo::name);
    return found == carriers.end() ? nullptr : &*found;
}

const RelayInfo *Settings::relay(std::string_view wanted) const {
    const auto found = std::ranges::find(relays, wanted, &RelayInfo::id);
    return found == relays.end() ? nullptr : &*found;
}

Json to_json(const Settings &s) {
    JsonArray carriers;
    for (const CarrierInfo &c : s.carriers)
        carriers.push_back(carrier_json(c));
    JsonArray relays;
    for (const RelayInfo &r : s.relays)
        relays.push_back(relay_json(r));
    return JsonObject{
        {"v", 1},
        {"doc_id", s.doc_id},
        {"serial", s.serial},
        {"reservation", s.reservation.text()},
        {"issuer", s.issuer.text()},
        {"recipient", s.recipient.text()},
        {"issued_at", base::format_rfc3339(s.issued_at)},
        {"not_after", base::format_rfc3339(s.not_after)},
        {"request", to_json(s.request)},
        {"window", JsonObject{{"start", base::format_rfc3339(s.window.start)},
                              {"end", base::format_rfc3339(s.window.end)},
                              {"lead_in_s", s.window.lead_in.count()},
                              {"drain_s", s.window.drain.count()}}},
        {"carriers", std::move(carriers)},
        {"relays", std::move(relays)},
        {"stream", stream_json(s.stream)},
        {"viewer", JsonObject{{"url", s.viewer_url}, {"disclosure", resv::name(s.disclosure)}}},
        {"on_loss", JsonObject{{"reconnect_window_s", s.reconnect_window_s}}}};
}

Result<Settings> read_settings(const Json &json) {
    auto in = TRY(ObjectReader::of(json, "settings"));
    TRY(in.integer("v", 1, 1));
    Settings s;
    s.doc_id = TRY(in.string("doc_id", 64));
    s.serial = TRY(in.integer("serial"));
    s.reservation = TRY(read_id(in, "reservation"));
    s.issuer = TRY(seal::KeyId::parse(TRY(in.string("issuer", 16))));
    s.recipient = TRY(seal::KeyId::parse(TRY(in.string("recipient", 16))));
    s.issued_at = TRY(in.time("issued_at"));
    s.not_after = TRY(in.time("not_after"));
    const Json *request = TRY(in.value("request"));
    s.request = TRY(read_request(*request, in.where("request")));
    auto window = TRY(in.object("window"));
    s.window.start = TRY(window.time("start"));
    s.window.end = TRY(window.time("end"));
    s.window.lead_in = base::Seconds{TRY(window.integer("lead_in_s", 0, 86'400))};
    s.window.drain = base::Seconds{TRY(window.integer("drain_s", 0, 86'400))};
    TRY(window.finish());
    if (s.window.end <= s.window.start)
        return fail(Errc::bad_data, "settings.window.end: not after start");
    for (const Json &item : *TRY(in.array("carriers", 16)))
        s.carriers.push_back(TRY(read_carrier(item, in.where("carriers"))));
    for (const Json &item : *TRY(in.array("relays", 16)))
        s.relays.push_back(TRY(read_relay(item, in.where("relays"))));
    if (s.carriers.empty() || s.relays.empty())
        return fail(Errc::bad_data, "settings: no carrier or no relay");
    for (const CarrierInfo &c : s.carriers) {
        if (s.carrier(c.name) != &c)
            return fail(Errc::bad_data, "settings.carriers: '{}' stands twice", c.name);
        for (const IngestAddress &a : c.ingest)
            if (s.relay(a.relay) == nullptr)
                return fail(Errc::bad_data, "settings.carriers: {} leads to unknown relay '{}'",
                            c.name, a.relay);
        TRY(check_underlay(s, c));
        TRY(check_use(s, c));
    }
    s.stream = TRY(read_stream(TRY(in.object("stream"))));
    auto viewer = TRY(in.object("viewer"));
    s.viewer_url = TRY(viewer.string("url"));
    if (std::ranges::any_of(s.viewer_url, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
        return fail(Errc::bad_data, "{}: holds a space or control character", viewer.where("url"));
    s.disclosure = TRY(resv::parse_disclosure(TRY(viewer.string("disclosure", 16))));
    TRY(viewer.finish());
    auto loss = TRY(in.object("on_loss"));
    s.reconnect_window_s = TRY(loss.integer("reconnect_window_s", 0, 86'400));
    TRY(loss.finish());
    TRY(in.finish());
    return s;
}

} // namespace wire
