// Who asks: signed requests (RFC 9421), digests (RFC 9530), nonces that serve once, and the
// Idempotency-Key.
#pragma once

#include "base/clock.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"
#include "net/http_server.hpp"
#include "seal/http_signature.hpp"

#include <map>
#include <mutex>

namespace control {

/// The nonces that were used, until their signatures expire anyway. Thread-safe.
class NonceCache {
  public:
    /// False when @p key used @p nonce before.
    [[nodiscard]] bool use(const seal::KeyId &key, const std::string &nonce, base::UtcTime expires,
                           base::UtcTime now);

  private:
    std::mutex m_mutex;
    std::map<std::pair<seal::KeyId, std::string>, base::UtcTime> m_used;
    base::UtcTime m_next_sweep;
};

/// Verifies requests against the keys of the ledger. Thread-safe.
///
/// Refusals are 401: unsigned, bad_signature, signature_expired, unknown_key, replayed; 400:
/// bad_digest.
class Authenticator {
  public:
    /// Both outlive it.
    Authenticator(ledger::Ledger &ledger, NonceCache &nonces)
        : m_ledger(ledger), m_nonces(nonces) {}

    /// The enrolled party that signed @p request.
    [[nodiscard]] Outcome<ledger::Party> caller(const net::Request &request, base::UtcTime now);

  private:
    ledger::Ledger &m_ledger;
    NonceCache &m_nonces;
};

/// Verifies that @p key signed @p request now: for one who is not enrolled yet. Its nonce is not
/// remembered, as its token serves once anyway.
[[nodiscard]] Outcome<void> verify_self_signed(const net::Request &request,
                                               const seal::PublicKey &key, base::UtcTime now);

/// The value within the quotes; 400 idempotency_key_missing or idempotency_key_bad (malformed, or
/// given twice).
[[nodiscard]] Outcome<std::string> idempotency_key(const net::Request &request);

} // namespace control
