// The part of SqlTransaction that is about series.
#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

namespace ledger {

using base::Result;

Result<void> SqlTransaction::put(const Series &s) {
    return m_sql.run("INSERT INTO series VALUES (?, ?, ?, ?, ?)",
                     {seal::ByteView{s.id.bytes}, s.owner, s.repeat, s.zone, s.created});
}

Result<std::optional<Series>> SqlTransaction::series(const base::Id &id) {
    return one<Series>(
        TRY(m_sql.query("SELECT id, owner, repeat, zone, created_ms FROM series WHERE id = ?",
                        {seal::ByteView{id.bytes}})),
        [](const Rows &row) -> Result<Series> {
            Series out;
            out.id.bytes = TRY(fixed<16>(row.blob(0)));
            out.owner = row.text(1);
            out.repeat = row.text(2);
            out.zone = row.text(3);
            out.created = row.time(4);
            return out;
        });
}

} // namespace ledger
