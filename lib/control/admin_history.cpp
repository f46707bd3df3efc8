// The histories of reservations, as who runs control reads and checks them.
#include "control/admin.hpp"
#include "control/history.hpp"
#include "control/ledgers.hpp"

namespace control {

using base::Result;
using ledger::Transaction;

Result<std::vector<wire::Json>> history_records(const Config &config, const base::Id &id) {
    const auto ledger = TRY(open_ledger(config));
    std::vector<wire::Json> out;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        const auto booking = TRY(t.booking(id));
        if (!booking)
            return base::fail_hint(base::Errc::refused, "resv-control reservations shows all",
                                   "there is no reservation {}", id.text());
        HistoryCheck check{{*booking}};
        for (const ledger::HistoryEntry &entry : TRY(t.history(id))) {
            TRY(check.add(entry));
            out.push_back(TRY(record_of(entry)));
        }
        return check.end();
    }));
    return out;
}

Result<std::string> check_histories(const Config &config) {
    const auto ledger = TRY(open_ledger(config));
    std::string out;
    TRY(ledger->read([&](Transaction &t) -> Result<void> {
        HistoryCheck check{TRY(t.bookings(""))};
        TRY(t.each_history([&](const ledger::HistoryEntry &entry) { return check.add(entry); }));
        TRY(check.end());
        out = fmt::format("{} entries, every link whole", check.entries());
        return {};
    }));
    return out;
}

} // namespace control
