#include "ledger/migrate.hpp"

#include "ledger/postgres_db.hpp"
#include "ledger/postgres_schema.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/sqlite_db.hpp"

#include <deque>
#include <vector>

namespace ledger {

using base::Result;

namespace {

constexpr std::int64_t k_rows_at_once = 500; // the server's answers to them have to fit its buffers

Result<std::vector<std::string>> names(Database &db, const std::string &sql) {
    std::vector<std::string> out;
    const auto rows = TRY(db.query(sql));
    while (TRY(rows->next()))
        out.push_back(rows->text(0));
    return out;
}

Result<std::vector<std::string>> tables(Database &db) {
    return names(db, "SELECT name FROM sqlite_master WHERE type = 'table' "
                     "AND name NOT LIKE 'sqlite%' ORDER BY name");
}

// One row as values, which point into `kept`.
std::vector<Value> values_of(const Rows &row, int columns, std::deque<std::string> &texts,
                             std::deque<seal::Bytes> &blobs) {
    std::vector<Value> out;
    for (int i = 0; i < columns; ++i)
        switch (row.type(i)) {
        case Rows::Type::integer:
            out.emplace_back(row.integer(i));
            break;
        case Rows::Type::text:
            out.emplace_back(texts.emplace_back(row.text(i)));
            break;
        case Rows::Type::blob:
            out.emplace_back(seal::ByteView{blobs.emplace_back(row.blob(i))});
            break;
        case Rows::Type::null:
            out.emplace_back(std::optional<base::UtcTime>{});
        }
    return out;
}

Result<std::int64_t> copy(Database &from, PostgresConnection &to, const std::string &table) {
    const auto columns =
        TRY(names(from, fmt::format("SELECT name FROM pragma_table_info('{}')", table)));
    std::string marks = "?";
    for (std::size_t i = 1; i < columns.size(); ++i)
        marks += ", ?";
    const std::string list = fmt::format("{}", fmt::join(columns, ", "));
    const std::string insert = fmt::format("INSERT INTO {} ({}) VALUES ({})", table, list, marks);
    TRY(to.run(fmt::format("DELETE FROM {}", table))); // what an empty ledger begins with
    std::int64_t count = 0;
    const auto rows = TRY(from.query(fmt::format("SELECT {} FROM {}", list, table)));
    while (TRY(rows->next())) {
        std::deque<std::string> texts;
        std::deque<seal::Bytes> blobs;
        TRY(to.run_with(insert, values_of(*rows, static_cast<int>(columns.size()), texts, blobs)));
        if (++count % k_rows_at_once == 0)
            TRY(to.query("SELECT 1"));
    }
    const auto there = TRY(to.number(fmt::format("SELECT count(*) FROM {}", table)));
    if (there != count)
        return base::fail(base::Errc::bug, "migrate: {} has {} rows instead of {}", table,
                          there.value_or(0), count);
    return count;
}

Result<Migrated> copy_all(Database &from, PostgresConnection &to) {
    TRY(to.execute(postgres_schema().c_str()));
    Migrated out;
    for (const std::string &table : TRY(tables(from)))
        out[table] = TRY(copy(from, to, table));
    TRY(to.commit());
    return out;
}

} // namespace

Result<Migrated> migrate_to_postgres(const std::filesystem::path &from, const std::string &uri) {
    TRY(open_sqlite_ledger(from, Verify::yes)); // it is whole, and private
    auto source = TRY(Database::open(from, Database::Mode::existing));
    TRY(source.execute("BEGIN"));
    const auto target = TRY(PostgresConnection::open(uri));
    TRY(target->execute("BEGIN"));
    if (TRY(target->number("SELECT count(*) FROM pg_namespace WHERE nspname = 'slotcast'")) != 0)
        return base::fail_hint(base::Errc::refused,
                               "drop the schema slotcast there if nobody needs it",
                               "migrate: there is a ledger already in {}", uri);
    auto done = copy_all(source, *target);
    if (!done && done.error().message.empty())
        return base::fail_hint(base::Errc::unavailable, "run it again",
                               "migrate: the database went away; nothing was copied");
    return done;
}

Result<Migrated> count_sqlite_rows(const std::filesystem::path &from) {
    TRY(open_sqlite_ledger(from, Verify::yes));
    auto source = TRY(Database::open(from, Database::Mode::existing));
    Migrated out;
    for (const std::string &table : TRY(tables(source)))
        out[table] = TRY(source.number(fmt::format("SELECT count(*) FROM {}", table))).value_or(0);
    return out;
}

} // namespace ledger
