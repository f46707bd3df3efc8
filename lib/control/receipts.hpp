// Receipts of relays: kept as links of the reservation's history, which nobody can change.
#pragma once

#include "control/history.hpp"
#include "control/problem.hpp"
#include "ledger/ledger.hpp"
#include "wire/receipt.hpp"

namespace control {

/// Keeps @p receipt, which the relay of @p b sent as @p act: a new revision and a link of the
/// history. One that is kept already, or older than that one, changes nothing; a later one (the
/// event went on after all) takes its place. Refusals: 422 bad_receipt: another relay's, or not
/// signed by a key of this one; 409 receipt_differs: other figures for the same end.
[[nodiscard]] Outcome<ledger::Booking> keep_receipt(ledger::Transaction &t, ledger::Booking b,
                                                    const wire::SignedReceipt &receipt,
                                                    const Act &act);

/// The newest that was kept of @p b.
[[nodiscard]] base::Result<std::optional<wire::SignedReceipt>> receipt_of(ledger::Transaction &t,
                                                                          const ledger::Booking &b);

} // namespace control
