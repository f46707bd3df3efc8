// One notice on its way out: as an e-mail with a calendar, or as a signed webhook.
#pragma once

#include "control/config.hpp"
#include "control/keys.hpp"
#include "ledger/records.hpp"

#include <atomic>

namespace control {

/// Tells one target of one event. Thread-safe.
class Messenger {
  public:
    virtual ~Messenger() = default;
    /// refused, bad_data: it will never work; anything else: perhaps later. The error's text names
    /// no path of a webhook and no secret. Returns soon with try_again once @p cancelled is true.
    [[nodiscard]] virtual base::Result<void> tell(const ledger::Notice &notice, base::UtcTime now,
                                                  const std::atomic<bool> &cancelled) = 0;
};

/// By SMTP and HTTPS, as @p config says; both outlive it.
[[nodiscard]] std::unique_ptr<Messenger> make_messenger(const Config &config, const Keys &keys);

/// The key that webhooks are signed with: derived from control's own, so that all processes of one
/// control have it, and used for nothing else.
[[nodiscard]] seal::SigningKey webhook_key(const Keys &keys);
/// `whpk_…`, as Standard Webhooks has public keys.
[[nodiscard]] std::string webhook_key_text(const Keys &keys);

/// The calendar of a reservation: its UID stays, its SEQUENCE is the revision.
[[nodiscard]] std::string calendar_of(const ledger::Booking &booking, const Config &config,
                                      base::UtcTime now);

/// @p text as the value of an RFC 5322 header field: as it is, or in encoded words (RFC 2047).
[[nodiscard]] std::string header_text(std::string_view text);

} // namespace control
