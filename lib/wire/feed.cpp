#include "wire/feed.hpp"

#include <algorithm>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;
using namespace std::string_view_literals;

namespace {
constexpr std::string_view k_context = "slotcast-feed-v1\0"sv;

Result<base::Id> read_id(ObjectReader &in, std::string_view key) {
    auto id = base::Id::parse(TRY(in.string(key, 64)));
    if (!id)
        return std::unexpected(std::move(id).error().in(in.where(key)));
    return *id;
}
} // namespace

Json to_json(const FeedEntry &e) {
    return JsonObject{{"reservation", e.reservation.text()},
                      {"serial", e.serial},
                      {"channel", e.channel},
                      {"start", base::format_rfc3339(e.window.start)},
                      {"end", base::format_rfc3339(e.window.end)},
                      {"lead_in_s", e.window.lead_in.count()},
                      {"drain_s", e.window.drain.count()},
                      {"state", resv::name(e.state)},
                      {"generation", e.generation},
                      {"title", e.title},
                      {"disclosure", resv::name(e.disclosure)},
                      {"vid", e.vid},
                      {"password_hash", e.password_hash},
                      {"viewers", e.viewers},
                      {"max_rate_bps", e.max_rate.bps},
                      {"retention_s", e.retention_s}};
}

Result<FeedEntry> read_feed_entry(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    FeedEntry e;
    e.reservation = TRY(read_id(in, "reservation"));
    e.serial = TRY(in.integer("serial"));
    e.channel = TRY(in.string("channel", 32));
    e.window.start = TRY(in.time("start"));
    e.window.end = TRY(in.time("end"));
    e.window.lead_in = base::Seconds{TRY(in.integer("lead_in_s", 0, 86'400))};
    e.window.drain = base::Seconds{TRY(in.integer("drain_s", 0, 86'400))};
    e.state = TRY(resv::parse_state(TRY(in.string("state", 16))));
    e.generation = static_cast<std::uint32_t>(TRY(in.integer("generation", 0, 0xffffffffLL)));
    e.title = TRY(in.string("title", 200));
    e.disclosure = TRY(resv::parse_disclosure(TRY(in.string("disclosure", 16))));
    e.vid = TRY(in.string("vid", 64));
    e.password_hash = TRY(in.string("password_hash", 128));
    e.viewers = TRY(in.integer("viewers"));
    e.max_rate.bps = TRY(in.integer("max_rate_bps", 1));
    e.retention_s = TRY(in.integer("retention_s"));
    return e;
}

std::string sign_feed(const Feed &feed, const seal::SigningKey &issuer) {
    JsonArray entries;
    for (const FeedEntry &e : feed.entries)
        entries.push_back(to_json(e));
    const Json document = JsonObject{{"v", 1},
                                     {"relay", feed.relay},
                                     {"serial", feed.serial},
                                     {"time", base::format_rfc3339(feed.time)},
                                     {"entries", std::move(entries)}};
    const auto signature = issuer.sign(k_context, seal::bytes_of(canonical_json(document)));
    return canonical_json(
        JsonObject{{"feed", document}, {"signature", seal::to_base64url(signature)}});
}

Result<Feed> open_feed(std::string_view text, const seal::PublicKey &issuer,
                       std::string_view relay) {
    const Json json = TRY(parse_json(text, "feed"));
    auto outer = TRY(ObjectReader::of(json, "feed"));
    const Json &document = *TRY(outer.value("feed"));
    const auto given = seal::from_base64url(TRY(outer.string("signature", 128)));
    seal::Signature signature{};
    if (!given || given->size() != signature.size())
        return fail(Errc::bad_data, "feed.signature: malformed");
    std::ranges::copy(*given, signature.begin());
    if (!seal::verify(issuer, k_context, seal::bytes_of(canonical_json(document)), signature))
        return fail(Errc::not_permitted, "feed: not signed by the control this relay trusts");
    auto in = TRY(ObjectReader::of(document, "feed"));
    TRY(in.integer("v", 1, 1));
    Feed feed;
    feed.relay = TRY(in.string("relay", 32));
    feed.serial = TRY(in.integer("serial"));
    feed.time = TRY(in.time("time"));
    if (feed.relay != relay)
        return fail(Errc::bad_data, "feed.relay: made for relay '{}'", feed.relay);
    for (const Json &item : *TRY(in.array("entries")))
        feed.entries.push_back(TRY(read_feed_entry(item, "feed.entries")));
    return feed;
}

Json to_json(const Report &r) {
    return JsonObject{{"event", r.event},
                      {"reservation", r.reservation.text()},
                      {"at", base::format_rfc3339(r.at)},
                      {"bytes", r.bytes}};
}

Result<Report> read_report(const Json &json, std::string where) {
    auto in = TRY(ObjectReader::of(json, std::move(where)));
    Report r;
    r.event = TRY(in.string("event", 32));
    r.reservation = TRY(read_id(in, "reservation"));
    r.at = TRY(in.time("at"));
    r.bytes = TRY(in.integer_or("bytes", 0));
    return r;
}

} // namespace wire
