// The part of SqlTransaction that is the history of reservations: written once, never changed.
#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

namespace ledger {

using base::Result;

namespace {

Result<HistoryEntry> read_entry(const Rows &row) {
    HistoryEntry e;
    e.reservation.bytes = TRY(fixed<16>(row.blob(0)));
    e.sequence = row.integer(1);
    e.text = row.text(2);
    e.hash = TRY(fixed<32>(row.blob(3)));
    return e;
}

} // namespace

std::array<Value, k_history_columns> history_row(const HistoryEntry &e) {
    return {seal::ByteView{e.reservation.bytes}, e.sequence, e.text, seal::ByteView{e.hash}};
}

Result<void> SqlTransaction::put(const HistoryEntry &e) {
    return m_sql.run_with("INSERT INTO history VALUES (?, ?, ?, ?)", history_row(e));
}

Result<std::vector<HistoryEntry>> SqlTransaction::history(const base::Id &id) {
    const auto rows = TRY(m_sql.query("SELECT reservation, sequence, entry, hash FROM history "
                                      "WHERE reservation = ? ORDER BY sequence",
                                      {seal::ByteView{id.bytes}}));
    std::vector<HistoryEntry> out;
    while (TRY(rows->next()))
        out.push_back(TRY(read_entry(*rows)));
    return out;
}

Result<void> SqlTransaction::each_history(const HistoryReader &read) {
    base::Id after;
    std::int64_t sequence = 0;
    for (bool more = true; more;) { // in pages: some connections hold all rows of a query
        const auto rows = TRY(m_sql.query("SELECT reservation, sequence, entry, hash FROM history "
                                          "WHERE (reservation, sequence) > (?, ?) "
                                          "ORDER BY reservation, sequence LIMIT 5000",
                                          {seal::ByteView{after.bytes}, sequence}));
        for (more = false; TRY(rows->next()); more = true) {
            const HistoryEntry e = TRY(read_entry(*rows));
            TRY(read(e));
            after = e.reservation;
            sequence = e.sequence;
        }
    }
    return {};
}

} // namespace ledger
