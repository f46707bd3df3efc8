// The part of SqlTransaction that is the outbox: who is still to be told what.
#include "ledger/sql_rows.hpp"
#include "ledger/sql_transaction.hpp"

namespace ledger {

using base::Result;
using base::UtcTime;

namespace {

// Those that wait for no earlier one.
constexpr std::string_view k_first =
    "FROM outbox AS n WHERE NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.reservation = "
    "n.reservation AND o.target = n.target AND (o.revision < n.revision OR (o.revision = "
    "n.revision AND o.id < n.id))) ";

Result<Notice> read_notice(const Rows &row) {
    Notice n;
    n.id.bytes = TRY(fixed<16>(row.blob(0)));
    n.reservation.bytes = TRY(fixed<16>(row.blob(1)));
    n.revision = row.integer(2);
    n.target = row.text(3);
    n.event = row.text(4);
    n.body = row.text(5);
    n.created = row.time(6);
    n.due = row.time(7);
    n.attempts = row.integer(8);
    return n;
}

} // namespace

Result<void> put_notice(Sql &sql, const Notice &n) {
    return sql.run("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO "
                   "UPDATE SET due_ms = excluded.due_ms, attempts = excluded.attempts",
                   {seal::ByteView{n.id.bytes}, seal::ByteView{n.reservation.bytes}, n.revision,
                    n.target, n.event, n.body, n.created, n.due, n.attempts});
}

Result<void> SqlTransaction::put(const Notice &n) {
    return put_notice(m_sql, n);
}

Result<std::optional<UtcTime>> SqlTransaction::next_notice() {
    static const std::string sql =
        fmt::format("SELECT n.due_ms {} ORDER BY n.due_ms LIMIT 1", k_first);
    const auto due = TRY(m_sql.number(sql));
    return due ? std::optional(base::from_unix_ms(*due)) : std::nullopt;
}

// Nobody else writes meanwhile: they find it due later.
Result<std::vector<Notice>> SqlTransaction::claim_notices(UtcTime now, UtcTime until,
                                                          std::size_t most) {
    const std::string sql =
        fmt::format("SELECT n.id, n.reservation, n.revision, n.target, n.event, n.body, "
                    "n.created_ms, n.due_ms, n.attempts {} AND n.due_ms <= ? ORDER BY n.due_ms, "
                    "n.id LIMIT ?",
                    k_first);
    std::vector<Notice> out;
    {
        const auto rows = TRY(m_sql.query(sql, {now, static_cast<std::int64_t>(most)}));
        while (TRY(rows->next()))
            out.push_back(TRY(read_notice(*rows)));
    }
    for (Notice &n : out) {
        n.due = until;
        ++n.attempts;
        TRY(put(n));
    }
    return out;
}

Result<void> SqlTransaction::forget_notice(const base::Id &id) {
    return m_sql.run("DELETE FROM outbox WHERE id = ?", {seal::ByteView{id.bytes}});
}

} // namespace ledger
