#include "relay/ingest_admission.hpp"

#include "resv/admission.hpp"

#include <algorithm>

namespace relay {

using base::Errc;
using base::fail;
using base::Result;
using wire::IngestRefusal;

Result<AdmissionKeys> admission_keys(const wire::IngestSetup &setup) {
    AdmissionKeys keys;
    keys.audience = seal::short_hash(setup.relay);
    auto control = seal::public_key_from_text(setup.control_key);
    if (!control)
        return std::unexpected(std::move(control).error().in("setup.control_key"));
    keys.control = *control;
    // The text of a key that cannot be read must not be told.
    auto group = seal::from_base64url(setup.group_key);
    if (!group || group->size() < 16 || group->size() > 64)
        return fail(Errc::bad_data, "setup.group_key: not a key");
    keys.group = seal::Secret{std::move(*group)};
    return keys;
}

const AdmissionEntry *AdmissionTable::find(const base::Id &reservation) const {
    const auto found = entries.find(reservation);
    return found == entries.end() ? nullptr : &found->second;
}

namespace {

bool is_preflight(const seal::Ticket &ticket) {
    return ticket.mode == seal::TicketMode::preflight;
}

bool was_over_rate(const AdmissionEntry &entry, const seal::StreamId &id, base::SteadyTime now) {
    return entry.over_rate && entry.over_rate->instance == id.instance &&
           now < entry.over_rate->until;
}

// Which live sessions @p newcomer takes over from, or busy. A bare ticket does not say whose it is:
// two encoders with the same URL would otherwise throw each other out for ever, so it is a
// stranger to every session, another bare one too.
std::expected<std::vector<std::int64_t>, IngestRefusal>
take_over(const std::vector<LivePointer> &live, const seal::Ticket &ticket,
          const seal::StreamId &newcomer, base::SteadyTime now) {
    const bool anonymous = newcomer.instance == std::array<std::uint8_t, 8>{};
    std::vector<std::int64_t> replaces;
    for (const LivePointer &session : live) {
        if (session->preflight.has_value() != is_preflight(ticket))
            continue;
        const bool same = !anonymous && session->instance == newcomer.instance;
        if (same && session->path != newcomer.path)
            continue; // the other path of the same publisher
        const bool newer = ticket.generation > session->generation;
        const bool silent = now - session->delivered.load() >= k_busy_for;
        if (!same && !newer && !silent)
            return std::unexpected(IngestRefusal::busy);
        replaces.push_back(session->stream);
    }
    return replaces;
}

} // namespace

Verdict decide(std::string_view stream_id, const AdmissionTable &table, const AdmissionKeys &keys,
               const base::ControlClock &clock) {
    auto id = seal::parse_stream_id(stream_id);
    if (!id)
        return std::unexpected(IngestRefusal::bad_ticket);
    const auto ticket = seal::open_ticket(id->ticket, keys.control);
    if (!ticket)
        return std::unexpected(IngestRefusal::bad_ticket);
    if (ticket->audience != keys.audience)
        return std::unexpected(IngestRefusal::wrong_relay);
    if (ticket->mode != seal::TicketMode::publish && !is_preflight(*ticket))
        return std::unexpected(IngestRefusal::wrong_use);
    const base::UtcTime now = clock.now();
    const AdmissionEntry *entry = table.find(ticket->reservation);
    if (entry == nullptr)
        return std::unexpected(now >= ticket->expiry ? IngestRefusal::ended
                                                     : IngestRefusal::unknown);
    // The feed's window counts for publishers; of preflights it says nothing.
    const resv::Span when = is_preflight(*ticket) ? resv::Span{ticket->not_before, ticket->expiry}
                                                  : resv::occupied(entry->terms.window);
    // An event that is over is withdrawn too: the publisher is better told that it has ended.
    if (now >= when.to)
        return std::unexpected(IngestRefusal::ended);
    if (entry->withdrawn || ticket->generation < entry->terms.generation)
        return std::unexpected(IngestRefusal::withdrawn);
    if (now < when.from)
        return std::unexpected(
            Refusal{IngestRefusal::too_early, std::chrono::ceil<base::Millis>(when.from - now)});
    if (!is_preflight(*ticket) && was_over_rate(*entry, *id, clock.steady()))
        return std::unexpected(IngestRefusal::over_rate);
    auto replaces = take_over(entry->live, *ticket, *id, clock.steady());
    if (!replaces)
        return std::unexpected(replaces.error());
    return Admitted{.ticket = *ticket, .id = std::move(*id), .replaces = std::move(*replaces)};
}

std::optional<std::string_view> must_end(const AdmissionEntry *entry, std::uint32_t generation,
                                         base::UtcTime now) {
    // First, for relay-serve withdraws an event that is over, too.
    if (entry != nullptr && now >= entry->terms.window.closes())
        return "ended";
    if (entry == nullptr || entry->withdrawn || generation < entry->terms.generation)
        return "withdrawn";
    if (now < entry->terms.window.opens())
        return "too_early"; // the reservation was moved
    return std::nullopt;
}

std::optional<std::string_view> must_end(const AdmissionEntry *entry, const LiveSession &preflight,
                                         base::UtcTime now, base::SteadyTime steady) {
    if (now >= preflight.preflight || steady - preflight.begun >= k_preflight_session)
        return "ended";
    if (entry == nullptr || entry->withdrawn || preflight.generation < entry->terms.generation)
        return "withdrawn";
    return std::nullopt;
}

std::string_view gone_reason(const AdmissionEntry *entry, base::UtcTime now) {
    return entry != nullptr && now >= entry->terms.window.end ? "ended" : "lost";
}

} // namespace relay
