// What the ledger keeps: bookings, enrolled parties, one-time tokens, answers to repeat.
#pragma once

#include "resv/admission.hpp"
#include "resv/lifecycle.hpp"
#include "resv/quota.hpp"
#include "seal/hash.hpp"
#include "seal/keys.hpp"
#include "wire/reservation.hpp"

#include <optional>
#include <string>

namespace ledger {

/// A reservation with all that control must remember of it.
struct Booking {
    base::Id id;
    std::string owner; ///< a party's name
    std::string channel;
    std::string relay;
    std::int64_t viewers = 0;
    wire::ReservationRequest request; ///< as it was asked; settings echo it
    resv::Life life;                  ///< its state as last written, see resv::state_at
    std::string vid;                  ///< what stands in viewers' URLs
    std::array<std::uint8_t, 16> ticket_id{};
    std::uint32_t generation = 1;
    std::int64_t revision = 1;        ///< rises with every change
    std::int64_t settings_serial = 0; ///< of the newest settings document issued
    std::int64_t feed_serial = 0;     ///< of its newest feed entry; 0: relays never heard of it
    base::UtcTime created;
    std::optional<base::UtcTime> first_media;
    std::optional<base::Id> series; ///< that it was booked with
    std::optional<resv::Money> fee; ///< as quoted, with what extensions added
    /// When it may try the line, before its window opens. Nothing: it may not, or did.
    std::optional<resv::Span> preflight;
    std::int64_t history = 0;     ///< entries that its history has
    seal::Hash256 history_head{}; ///< of the last one; zero without
};

/// One link of a reservation's history.
struct HistoryEntry {
    base::Id reservation;
    std::int64_t sequence = 0; ///< from 1 on
    std::string text;          ///< canonical JSON
    seal::Hash256 hash{};
    bool operator==(const HistoryEntry &) const = default;
};

/// What several reservations were booked as.
struct Series {
    base::Id id;
    std::string owner;
    std::string repeat; ///< the rule, as it was asked
    std::string zone;   ///< in which the wall time stays
    base::UtcTime created;
    bool operator==(const Series &) const = default;
};

enum class Role { distributor, relay, operator_ };
[[nodiscard]] std::string_view name(Role role);
[[nodiscard]] base::Result<Role> parse_role(std::string_view text);

/// Somebody whose keys are enrolled. Names are unique, and so are signing keys.
struct Party {
    std::string name;
    Role role = Role::distributor;
    seal::PublicKey sign_key{};
    seal::PublicKey box_key{};
    base::UtcTime enrolled;
    std::optional<base::UtcTime> seen; ///< last request, to about a minute
    /// Of a distributor: no other one that is enrolled has the same, and it stays while it is.
    /// Small, since carriers number its addresses by it. 0: of all others.
    std::int64_t account = 0;
    [[nodiscard]] seal::KeyId id() const { return seal::key_id(sign_key); }
    bool operator==(const Party &) const = default;
};

/// A key that a party signed with before. While it is good, it still signs for that party.
struct FormerKey {
    seal::PublicKey sign_key{};
    std::string name;    ///< of the party
    base::UtcTime until; ///< it is good before that
    bool revoked = false;
    [[nodiscard]] seal::KeyId id() const { return seal::key_id(sign_key); }
    bool operator==(const FormerKey &) const = default;
};

/// A one-time enrolment token, of which only the hash is kept.
struct Token {
    seal::Hash256 hash{};
    std::string name;
    Role role = Role::distributor;
    base::UtcTime expires;
    std::optional<seal::KeyId> used_by;
    bool operator==(const Token &) const = default;
};

/// The answer that an idempotency key gets again.
struct StoredAnswer {
    std::string by; ///< the caller's name: the keys of different callers are different
    std::string key;
    seal::Hash256 request{}; ///< of method, path and body
    int status = 200;
    std::string body;
    base::UtcTime created;
    bool operator==(const StoredAnswer &) const = default;
};

/// What a relay reported, as it came.
struct StoredReport {
    std::string relay;
    base::Id reservation;
    std::string event;
    base::UtcTime at;
    std::int64_t bytes = 0;
    base::UtcTime received;
};

/// What somebody outside is to be told of a reservation, until that was done.
struct Notice {
    base::Id id; ///< the same at every attempt
    base::Id reservation;
    std::int64_t revision = 0; ///< of the reservation: what is newer is told later
    std::string target;        ///< a mailto: or https: address
    std::string event;
    std::string body; ///< JSON
    base::UtcTime created;
    base::UtcTime due;         ///< not before
    std::int64_t attempts = 0; ///< begun
    bool operator==(const Notice &) const = default;
};

} // namespace ledger
