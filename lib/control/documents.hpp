// What control tells of a booking: to its owner, to relays, and, sealed, to the terminal.
#pragma once

#include "control/config.hpp"
#include "control/keys.hpp"
#include "ledger/records.hpp"
#include "wire/feed.hpp"

namespace control {

/// The booking as its owner sees it at @p now.
[[nodiscard]] wire::Reservation reservation_of(const ledger::Booking &booking, const Config &config,
                                               base::UtcTime now);

/// The newest word on it for its relay.
[[nodiscard]] wire::FeedEntry feed_entry_of(const ledger::Booking &booking, const Config &config);

/// A settings document for @p recipient, serial and ticket id as @p booking has them. Throws when
/// the configuration lost a relay or carrier of it: callers check servable() first.
[[nodiscard]] wire::SealedSettings settings_of(const ledger::Booking &booking,
                                               const ledger::Party &recipient, const Config &config,
                                               const Keys &keys, base::UtcTime now);

/// True when the configuration (still) has its channel, relay, carriers and their addresses.
[[nodiscard]] bool servable(const ledger::Booking &booking, const Config &config);

/// A fresh ULID, and 16 random base64url characters for URLs that must not be guessed.
[[nodiscard]] base::Id new_id(base::UtcTime now);
[[nodiscard]] std::string new_vid();
[[nodiscard]] std::array<std::uint8_t, 16> new_ticket_id();

/// What it takes, when its state occupies anything.
[[nodiscard]] std::vector<resv::Demand> demands_of(const ledger::Booking &booking);

} // namespace control
