// The ticket: what a publisher shows to the relay, checked there offline. 148 bytes, big-endian.
#pragma once

#include "base/id.hpp"
#include "base/time.hpp"
#include "seal/keys.hpp"

#include <optional>

namespace seal {

enum class TicketMode : std::uint8_t { publish = 1, play = 2, preflight = 3 };

/// Layout, in order: version u8 = 1, mode u8, flags u16, key id 8, ticket id 16, reservation 16,
/// channel id 8 (short_hash of the name), not-before u64 ms, expiry u64 ms, max_kbps u32,
/// generation u32, audience 8 (short_hash of the relay id), Ed25519 64 over
/// "slotcast-ticket-v1\0" and the rest.
struct Ticket {
    TicketMode mode = TicketMode::publish;
    std::uint16_t flags = 0;
    KeyId issuer;
    std::array<std::uint8_t, 16> ticket_id{};
    base::Id reservation;
    std::array<std::uint8_t, 8> channel{};
    base::UtcTime not_before; ///< start - lead_in
    base::UtcTime expiry;     ///< end + drain, exclusive
    std::uint32_t max_kbps = 0;
    std::uint32_t generation = 0;
    std::array<std::uint8_t, 8> audience{};

    bool operator==(const Ticket &) const = default;
};

constexpr std::size_t k_ticket_bytes = 148;
constexpr std::size_t k_ticket_text = 198;

/// The signed ticket as 198 base64url characters; sets `issuer` to @p key's id.
[[nodiscard]] std::string issue_ticket(Ticket ticket, const SigningKey &key);

/// Reads and verifies one. bad_data: not a ticket; not_permitted: signature or issuer is not
/// @p issuer's. Says nothing of time, audience or generation: the relay's admission does.
[[nodiscard]] base::Result<Ticket> open_ticket(std::string_view text, const PublicKey &issuer);

/// The SRT passphrase that goes with a ticket: base64url(BLAKE2b-24(key = group key, "srt\0" +
/// ticket id)), 32 characters. Control and every relay of the group compute the same.
[[nodiscard]] std::string srt_passphrase(ByteView group_key,
                                         const std::array<std::uint8_t, 16> &ticket_id);

/// What stands in an SRT stream id: a bare ticket, `TICKET.INSTANCE.PATH`, or the
/// `#!::…,s=TICKET` form of the SRT access control guidelines.
struct StreamId {
    std::string ticket;
    std::array<std::uint8_t, 8> instance{}; ///< all zero for a bare ticket
    unsigned path = 0;                      ///< 0 or 1
};

[[nodiscard]] base::Result<StreamId> parse_stream_id(std::string_view text);
/// `TICKET.INSTANCE.PATH`
[[nodiscard]] std::string format_stream_id(const StreamId &id);

} // namespace seal
