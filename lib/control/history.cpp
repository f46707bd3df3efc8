#include "control/history.hpp"

#include "seal/encoding.hpp"
#include "wire/lists.hpp"

namespace control {

using base::Errc;
using base::Result;
using ledger::Booking;
using ledger::HistoryEntry;
using wire::JsonObject;

namespace {

constexpr std::string_view k_domain{"slotcast-history-v1\0", 20};

seal::Hash256 hash_of(std::string_view text) {
    return seal::hash256(seal::bytes_of(std::string(k_domain) + std::string(text)));
}

// What of a booking its history tells. Of a password only that it is another one.
JsonObject told(const Booking &b) {
    const resv::Window &w = b.life.window;
    const wire::ReservationRequest &r = b.request;
    JsonObject out{{"state", resv::name(b.life.state)},
                   {"owner", b.owner},
                   {"channel", b.channel},
                   {"relay", b.relay},
                   {"start", base::format_rfc3339(w.start)},
                   {"end", base::format_rfc3339(w.end)},
                   {"lead_in_s", w.lead_in.count()},
                   {"drain_s", w.drain.count()},
                   {"rate_bps", r.rate.bps},
                   {"viewers", b.viewers},
                   {"carriers", wire::to_array(r.carriers)},
                   {"title", r.title},
                   {"disclosure", resv::name(r.disclosure)},
                   {"notify", wire::to_array(r.notify)},
                   {"generation", b.generation}};
    if (r.password_hash)
        out["password"] = seal::check_value(*r.password_hash);
    if (b.series)
        out["series"] = b.series->text();
    if (b.life.hold_expires)
        out["hold_expires"] = base::format_rfc3339(*b.life.hold_expires);
    if (b.first_media)
        out["first_media"] = base::format_rfc3339(*b.first_media);
    if (b.preflight) {
        out["preflight_from"] = base::format_rfc3339(b.preflight->from);
        out["preflight_until"] = base::format_rfc3339(b.preflight->to);
    }
    if (b.fee)
        out["fee"] = JsonObject{{"minor", b.fee->minor}, {"currency", b.fee->currency}};
    return out;
}

// What `after` has otherwise; null: not any more.
JsonObject differences(const JsonObject &before, const JsonObject &after) {
    JsonObject out;
    for (const auto &[key, value] : after)
        if (const auto *former = before.if_contains(key); former == nullptr || *former != value)
            out[key] = value;
    for (const auto &[key, value] : before)
        if (!after.contains(key))
            out[key] = nullptr;
    return out;
}

std::unexpected<base::Error> broken(const base::Id &id, std::int64_t sequence,
                                    std::string_view why) {
    return base::fail_hint(Errc::bad_data,
                           "somebody wrote into the ledger: compare it with a backup",
                           "history of {}: entry {} {}", id.text(), sequence, why);
}

} // namespace

Act::Act(base::UtcTime at, const ledger::Party &by)
    : now(at), name(by.name), role(ledger::name(by.role)), key(by.id().text()) {}

HistoryEntry next_entry(std::string_view verb, const Act &act, const Booking *before,
                        Booking &after, const JsonObject &more) {
    JsonObject changes = before != nullptr ? differences(told(*before), told(after)) : told(after);
    for (const auto &[key, value] : more)
        changes[key] = value;
    JsonObject actor{{"name", act.name}, {"role", act.role}};
    if (!act.key.empty())
        actor["key"] = act.key;
    HistoryEntry out{
        .reservation = after.id, .sequence = after.history + 1, .text = {}, .hash = {}};
    out.text = wire::canonical_json(JsonObject{{"type", "history"},
                                               {"v", 1},
                                               {"reservation", after.id.text()},
                                               {"sequence", out.sequence},
                                               {"at", base::format_rfc3339(act.now)},
                                               {"actor", std::move(actor)},
                                               {"verb", verb},
                                               {"revision", after.revision},
                                               {"changes", std::move(changes)},
                                               {"previous", seal::to_hex(after.history_head)}});
    out.hash = hash_of(out.text);
    after.history = out.sequence;
    after.history_head = out.hash;
    return out;
}

Result<wire::Json> record_of(const HistoryEntry &entry) {
    wire::Json out = TRY(wire::parse_json(entry.text, "history"));
    if (!out.is_object())
        return base::fail(Errc::bad_data, "history: an entry is no object");
    out.as_object()["hash"] = seal::to_hex(entry.hash);
    return out;
}

HistoryCheck::HistoryCheck(const std::vector<Booking> &bookings) {
    for (const Booking &b : bookings)
        m_heads[b.id] = {.length = b.history, .hash = b.history_head, .seen = false};
}

// Whether the chain that was followed ends where its reservation says.
Result<void> HistoryCheck::close() const {
    if (!m_reservation)
        return {};
    const Head &head = m_heads.at(*m_reservation);
    if (m_now.length < head.length)
        return broken(*m_reservation, m_now.length + 1, "is missing");
    if (m_now.length > head.length)
        return broken(*m_reservation, head.length + 1, "is not the reservation's");
    if (m_now.hash != head.hash)
        return broken(*m_reservation, m_now.length, "is not the one that the reservation names");
    return {};
}

Result<void> HistoryCheck::add(const HistoryEntry &entry) {
    if (m_reservation != entry.reservation) {
        TRY(close());
        m_reservation = entry.reservation;
        m_now = {};
        const auto head = m_heads.find(entry.reservation);
        if (head == m_heads.end()) {
            m_reservation.reset();
            return broken(entry.reservation, entry.sequence, "is of no reservation");
        }
        head->second.seen = true;
    }
    const std::int64_t expected = m_now.length + 1;
    if (entry.sequence != expected)
        return broken(entry.reservation, expected, "is missing");
    if (hash_of(entry.text) != entry.hash)
        return broken(entry.reservation, expected, "is not what its hash is of");
    const auto json = wire::parse_json(entry.text, "history");
    auto in = json ? wire::ObjectReader::of(*json, "history") : std::unexpected(json.error());
    const bool fits = in && in->string("reservation") == entry.reservation.text() &&
                      in->integer("sequence") == expected &&
                      in->string("previous") == seal::to_hex(m_now.hash);
    if (!fits)
        return broken(entry.reservation, expected, "does not follow the one before");
    m_now = {.length = expected, .hash = entry.hash, .seen = true};
    ++m_entries;
    return {};
}

Result<void> HistoryCheck::end() {
    TRY(close());
    m_reservation.reset();
    for (const auto &[id, head] : m_heads)
        if (!head.seen)
            return broken(id, 1, "is missing");
    return {};
}

} // namespace control
