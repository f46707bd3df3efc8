// Keys that are replaced by their owner, or withdrawn by an operator.
#pragma once

#include "control/auth.hpp"
#include "control/booking.hpp"
#include "wire/key_change.hpp"

namespace control {

/// Puts the keys of @p request in the place of @p caller's; the one that @p caller signed with is
/// good for the overlap. 403 former_key: it was replaced before; 409 key_in_use: the new one is, or
/// was, somebody's; 422 bad_key: no key, or not shown to be had.
[[nodiscard]] Outcome<wire::RotateAnswer> rotate(ledger::Transaction &t, const Caller &caller,
                                                 const wire::RotateRequest &request,
                                                 base::UtcTime now);

/// What is revoked.
struct Revocation {
    std::string who;           ///< a party's name, or the id of one of its keys
    bool reservations = false; ///< its live reservations too
};
[[nodiscard]] base::Result<Revocation> read_revocation(const wire::Json &json, std::string where);

struct Revoked {
    std::string name;
    std::vector<seal::KeyId> keys; ///< those that were good until now
    std::vector<base::Id> reservations;
};
/// `{"type":"revocation","v":1,"name","keys","reservations"}`
[[nodiscard]] wire::Json to_json(const Revoked &revoked);

/// Refuses from now on what is signed by any key of the party, which is forgotten, so that its name
/// may be enrolled anew; the key itself never. Only that key when @p what names one that was
/// replaced. Done again, it does what is left to do. 404 not_found: there is no such party or key.
[[nodiscard]] Outcome<Revoked> revoke(ledger::Transaction &t, const Desk &desk,
                                      const Revocation &what, base::UtcTime now);

/// The same in a transaction of its own; @p dry_run undoes it.
[[nodiscard]] base::Result<Revoked> revoke(ledger::Ledger &ledger, const Config &config,
                                           const Revocation &what, base::UtcTime now, bool dry_run);

/// Every key that signs or signed: `{"type":"key","v":1,"key_id","name","state",…}`.
[[nodiscard]] base::Result<std::vector<wire::Json>> key_records(ledger::Ledger &ledger,
                                                                base::UtcTime now);

} // namespace control
