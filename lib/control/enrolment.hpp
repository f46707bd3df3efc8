// Enrolment: one-time tokens, and the keys they let in.
#pragma once

#include "control/answer.hpp"
#include "control/keys.hpp"
#include "ledger/ledger.hpp"

namespace control {

constexpr std::chrono::hours k_token_life{24};

/// Whether @p name can be given a token. refused: it is enrolled in another role; usage: not a
/// name, or a relay that is not configured.
[[nodiscard]] base::Result<void> check_enrolment(ledger::Ledger &ledger, const Config &config,
                                                 const std::string &name, ledger::Role role);

/// A token for @p name, to be shown once, kept hashed: 32 base64url characters. Errors as above.
[[nodiscard]] base::Result<std::string> make_token(ledger::Ledger &ledger, const Config &config,
                                                   const std::string &name, ledger::Role role,
                                                   base::UtcTime now);

/// Whether something can be sealed to @p key: it is a point of the curve.
[[nodiscard]] bool is_box_key(const seal::PublicKey &key);

/// Enrols the keys of @p request under the token's name, in place of those it had. The same keys
/// with the same token again get the same answer. 403 bad_token, token_used, revoked_key; 409
/// key_in_use, no_address; 422 bad_key.
[[nodiscard]] Outcome<wire::EnrolAnswer> enrol(ledger::Transaction &t, const Config &config,
                                               const Keys &keys, const wire::EnrolRequest &request,
                                               base::UtcTime now);

} // namespace control
