#include "control/receipts.hpp"

#include "control/auth.hpp"
#include "control/documents.hpp"

namespace control {

using base::Result;
using ledger::Booking;
using ledger::Transaction;

namespace {

constexpr std::string_view k_verb = "receipt";

// A key that this relay has, or had until lately: a receipt may have waited for control.
Outcome<void> check_signature(Transaction &t, const Booking &b, const wire::SignedReceipt &r,
                              base::UtcTime now) {
    const auto signer = find_signer(t, r.signer, now);
    if (!signer && signer.error().problem.status != 401)
        return std::unexpected(signer.error());
    if (r.receipt.relay != b.relay || !signer || signer->party.name != b.relay ||
        !wire::is_signed_by(r, signer->key))
        return refuse(
            422, "bad_receipt",
            fmt::format("the receipt of {} is not signed by relay {}", b.id.text(), b.relay));
    return {};
}

Result<std::optional<wire::SignedReceipt>> receipt_in(const ledger::HistoryEntry &entry) {
    const wire::Json json = TRY(wire::parse_json(entry.text, "history"));
    auto in = TRY(wire::ObjectReader::of(json, "history"));
    if (TRY(in.string("verb")) != k_verb)
        return std::nullopt;
    auto changes = TRY(in.object("changes"));
    return TRY(wire::read_receipt(*TRY(changes.value("receipt")), changes.where("receipt")));
}

} // namespace

Result<std::optional<wire::SignedReceipt>> receipt_of(Transaction &t, const Booking &b) {
    if (b.history < 2)
        return std::nullopt;
    const auto entries = TRY(t.history(b.id));
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        if (auto found = TRY(receipt_in(*entry)))
            return found;
    return std::nullopt;
}

Outcome<Booking> keep_receipt(Transaction &t, Booking b, const wire::SignedReceipt &receipt,
                              const Act &act) {
    TRY(check_signature(t, b, receipt, act.now));
    const auto kept = TRY(receipt_of(t, b));
    if (kept && (kept->receipt == receipt.receipt || receipt.receipt.ended < kept->receipt.ended))
        return b;
    if (kept && kept->receipt.ended == receipt.receipt.ended)
        return refuse(409, "receipt_differs",
                      fmt::format("another receipt of {} is kept", b.id.text()));
    const Booking before = b;
    ++b.revision;
    TRY(t.put(next_entry(k_verb, act, &before, b, {{k_verb, wire::to_json(receipt)}})));
    // What it takes stays as it is: it may drain still, by control's clock.
    const bool takes = resv::occupies(b.life.state) || b.life.state == resv::State::ended;
    TRY(t.put(b, takes ? demands_of(b) : std::vector<resv::Demand>{}));
    return b;
}

} // namespace control
