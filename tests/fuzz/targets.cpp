#include "targets.hpp"

#include "ical/recurrence.hpp"
#include "seal/http_signature.hpp"
#include "seal/ticket.hpp"
#include "wire/feed.hpp"
#include "wire/key_change.hpp"
#include "wire/problem.hpp"
#include "wire/series.hpp"
#include "wire/settings.hpp"

#include <algorithm>
#include <array>

namespace fuzz {

namespace {

using base::Result;
using wire::Json;

void hold(bool promise, const char *what) {
    if (!promise)
        throw Broken(what);
}

// What one document reads and writes has to be the same to the next reader.
template <typename T> void check_round_trip(const Json &json, Result<T> (*read)(const Json &)) {
    const auto first = read(json);
    if (!first)
        return;
    const std::string text = wire::compact_json(wire::to_json(*first));
    const auto again = wire::parse_json(text, "again");
    hold(again.has_value(), "what was written is not JSON");
    const auto second = read(*again);
    hold(second.has_value(), "what was written is refused");
    hold(wire::compact_json(wire::to_json(*second)) == text, "it changes on its way");
}

template <typename T, Result<T> (*Read)(const Json &, std::string)>
Result<T> named(const Json &json) {
    return Read(json, "input");
}

const seal::SigningKey &key() {
    static const auto made =
        *seal::SigningKey::from_seed(std::array<std::uint8_t, 32>{7}); // not a secret
    return made;
}

// Bodies of requests to control, and the documents that answer them.
void request(std::string_view input) {
    const auto json = wire::parse_json(input, "input");
    if (!json)
        return;
    const auto canonical = wire::parse_json(wire::canonical_json(*json), "canonical");
    hold(canonical.has_value(), "the canonical form is not JSON");
    hold(wire::canonical_json(*canonical) == wire::canonical_json(*json),
         "the canonical form has one of its own");
    check_round_trip(*json, named<wire::ReservationRequest, wire::read_request>);
    check_round_trip(*json, named<wire::EnrolRequest, wire::read_enrol_request>);
    check_round_trip(*json, named<wire::RotateRequest, wire::read_rotate_request>);
    check_round_trip(*json, named<wire::Report, wire::read_report>);
    check_round_trip(*json, named<wire::Reservation, wire::read_reservation>);
    check_round_trip(*json, named<wire::Slot, wire::read_slot>);
    check_round_trip(*json, named<wire::SeriesRequest, wire::read_series_request>);
    check_round_trip(*json, named<wire::FeedEntry, wire::read_feed_entry>);
    (void)wire::read_asked(*json, "input");
    (void)wire::read_problem(*json, "input");
    (void)wire::open_feed(input, key().public_key(), "r1");
}

// Lines: Signature-Input, Signature, Content-Digest, then the body.
void signature(std::string_view input) {
    std::array<std::string, 3> lines;
    for (std::string &line : lines) {
        const std::size_t end = std::min(input.find('\n'), input.size());
        line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
    }
    const seal::HttpParts parts{.method = "POST",
                                .authority = "control.example:8443",
                                .path = "/v1/reservations",
                                .query = "?",
                                .content_digest = lines[2],
                                .idempotency_key = lines[1].size() % 2 == 0
                                                       ? std::optional<std::string>{"\"abc\""}
                                                       : std::nullopt};
    const auto claim = seal::read_claim(parts, {lines[0], lines[1]});
    if (claim) {
        hold(claim->expires > claim->created &&
                 claim->expires - claim->created <= base::Seconds{60},
             "a lifetime of more than a minute");
        hold(claim->nonce.size() >= 8 && claim->nonce.size() <= 64, "a nonce of that length");
        for (const auto &field : seal::signed_fields(parts))
            hold(std::ranges::count(claim->components, field.name) == 1, "not all is covered");
        hold(lines[0].ends_with(claim->params), "what is signed is not what was sent");
        // Made with nobody's key; whoever changes a good one by a bit makes another.
        (void)seal::verify_request(parts, *claim, key().public_key(), claim->created);
    }
    if (seal::content_digest_matches(lines[2], input))
        hold(lines[2].find(seal::content_digest(input)) != std::string::npos,
             "a digest matches that is not there");
}

// A settings document as it is when its seal is broken, and the envelope.
void settings(std::string_view input) {
    const auto json = wire::parse_json(input, "input");
    if (!json)
        return;
    check_round_trip(*json, wire::read_settings);
    check_round_trip(*json, named<wire::SealedSettings, wire::read_sealed>);
}

// An SRT stream id; and the bytes of a ticket, signed here so that they are read at all.
void ticket(std::string_view input) {
    if (const auto id = seal::parse_stream_id(input)) {
        const auto again = seal::parse_stream_id(seal::format_stream_id(*id));
        hold(again && again->ticket == id->ticket && again->instance == id->instance &&
                 again->path == id->path,
             "a stream id changes on its way");
        hold(!seal::open_ticket(id->ticket, key().public_key()) ||
                 id->ticket.size() == seal::k_ticket_text,
             "a ticket of another length");
    }
    using namespace std::string_view_literals;
    seal::Bytes bytes(input.begin(), input.end());
    bytes.resize(seal::k_ticket_bytes - sizeof(seal::Signature));
    const auto signed_by = key().sign("slotcast-ticket-v1\0"sv, bytes);
    bytes.insert(bytes.end(), signed_by.begin(), signed_by.end());
    const std::string text = seal::to_base64url(bytes);
    if (const auto opened = seal::open_ticket(text, key().public_key()))
        hold(seal::issue_ticket(*opened, key()) == text, "a ticket changes on its way");
    bytes.back() ^= 1;
    hold(!seal::open_ticket(seal::to_base64url(bytes), key().public_key()),
         "a ticket that nobody signed");
}

// A rule, and when it falls from some hour on in some zone: the length of the input says which.
void rrule(std::string_view input) {
    static constexpr std::array k_zones{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "Pacific/Apia"};
    const auto rule = resv::parse_rrule(input);
    if (!rule)
        return;
    const std::string bound = rule->count ? ";COUNT=7" : ";UNTIL=20270101";
    const auto again = resv::parse_rrule(rule->pattern + bound);
    hold(again && again->pattern == rule->pattern && again->interval == rule->interval &&
             again->frequency == rule->frequency,
         "a rule changes on its way");
    constexpr std::size_t k_most = 50;
    const base::UtcTime now = base::from_unix_ms(1'790'000'000'000);
    const base::UtcTime limit = now + std::chrono::hours{24 * 800};
    const std::string zone = k_zones[input.size() % k_zones.size()];
    auto start = now + std::chrono::hours{input.size() * 5};
    auto found = ical::occurrences(*rule, zone, start, k_most, limit);
    for (int i = 0; i < 31 && !found; ++i) // few rules fall on just any day
        found = ical::occurrences(*rule, zone, start += std::chrono::hours{24}, k_most, limit);
    if (!found)
        return;
    hold(!found->empty() && found->size() <= k_most && found->front().start == start,
         "a series that does not begin with its start, or is too long");
    hold(!rule->count || std::cmp_less_equal(found->size(), *rule->count), "more than COUNT");
    for (std::size_t i = 1; i < found->size(); ++i)
        hold((*found)[i - 1].start < (*found)[i].start && (*found)[i - 1].start <= limit,
             "a series that goes back, or beyond its limit");
}

constexpr std::array<Target, 9> k_targets{{{"http", http},
                                           {"merge", merge},
                                           {"pull", pull},
                                           {"request", request},
                                           {"rrule", rrule},
                                           {"settings", settings},
                                           {"signature", signature},
                                           {"ticket", ticket},
                                           {"ts", transport_stream}}};

} // namespace

std::span<const Target> targets() {
    return k_targets;
}

} // namespace fuzz
