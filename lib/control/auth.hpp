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

/// Whoever signed a request.
struct Caller : ledger::Party {
    seal::KeyId key; ///< that signed: the party's own, or a former one that is good still
};

/// Whether @p key signs for its party still.
[[nodiscard]] inline bool is_good(const ledger::FormerKey &key, base::UtcTime now) {
    return !key.revoked && now < key.until;
}

/// A party, and its key that verifies what @p key signed.
struct Signer {
    ledger::Party party;
    seal::PublicKey key{};
};
/// 401 unknown_key: it is nobody's, or was replaced; revoked_key.
[[nodiscard]] Outcome<Signer> find_signer(ledger::Transaction &t, const seal::KeyId &key,
                                          base::UtcTime now);

/// Signers that the ledger named a moment ago. Thread-safe.
class SignerCache {
  public:
    [[nodiscard]] std::optional<Signer> find(const seal::KeyId &key, base::UtcTime now);
    void keep(const seal::KeyId &key, const Signer &signer, base::UtcTime now);
    void clear();

  private:
    struct Seen {
        Signer signer;
        base::UtcTime at;
    };
    std::mutex m_mutex;
    std::map<seal::KeyId, Seen> m_seen;
};

/// Whether to ask the ledger who signs with a key, or to believe what it said within this second.
enum class Freshness { now, lately };

/// Verifies requests against the keys of the ledger. Thread-safe.
///
/// Refusals are 401: unsigned, bad_signature, signature_expired, unknown_key, revoked_key,
/// replayed; 400: bad_digest.
class Authenticator {
  public:
    /// Both outlive it.
    Authenticator(ledger::Ledger &ledger, NonceCache &nonces)
        : m_ledger(ledger), m_nonces(nonces) {}

    /// The enrolled party that signed @p request. @p freshness: lately is for what confirm()s it.
    [[nodiscard]] Outcome<Caller> caller(const net::Request &request, base::UtcTime now,
                                         Freshness freshness = Freshness::now);
    /// That @p caller still is who signs with its key, in the transaction of what it asked for.
    [[nodiscard]] Outcome<void> confirm(ledger::Transaction &t, const Caller &caller,
                                        base::UtcTime now);
    /// Keys have changed.
    void forget() { m_signers.clear(); }

  private:
    [[nodiscard]] Outcome<Signer> signer(const seal::KeyId &key, base::UtcTime now,
                                         Freshness freshness);

    ledger::Ledger &m_ledger;
    NonceCache &m_nonces;
    SignerCache m_signers;
};

/// Verifies that @p key signed @p request now: for one who is not enrolled yet. Its nonce is not
/// remembered, as its token serves once anyway.
[[nodiscard]] Outcome<void> verify_self_signed(const net::Request &request,
                                               const seal::PublicKey &key, base::UtcTime now);

/// The value within the quotes; 400 idempotency_key_missing or idempotency_key_bad (malformed, or
/// given twice).
[[nodiscard]] Outcome<std::string> idempotency_key(const net::Request &request);

} // namespace control
