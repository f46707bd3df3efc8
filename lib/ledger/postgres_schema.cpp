// The tables of a PostgreSQL ledger: those of SQLite, translated, so that no table is forgotten.
#include "ledger/postgres_schema.hpp"

#include "ledger/sqlite_schema.hpp"

#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace ledger {

namespace {

void replace_all(std::string &text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

// The dialects differ in these words, and in the PRAGMAs that frame the tables. "C" orders texts as
// SQLite does.
std::string translated(std::string text) {
    text.erase(0, text.find("CREATE TABLE"));
    text.erase(text.find("PRAGMA"));
    for (const auto &[from, to] :
         {std::pair<std::string_view, std::string_view>{" STRICT, WITHOUT ROWID", ""},
          {" STRICT", ""},
          {" BLOB", " BYTEA"},
          {" INTEGER", " BIGINT"},
          {" TEXT", " TEXT COLLATE \"C\""}})
        replace_all(text, from, to);
    return text;
}

// No channel can be taken twice, even if the lock were forgotten. btree_gist is what lets EXCLUDE
// compare names.
constexpr std::string_view k_own = R"sql(
ALTER TABLE demands ADD CONSTRAINT one_at_a_time EXCLUDE USING gist
    (resource WITH =, int8range(opens_ms, closes_ms) WITH &&) WHERE (resource LIKE 'channel:%');
)sql";

} // namespace

std::string postgres_schema() {
    return fmt::format("SET LOCAL client_min_messages = error;"
                       "CREATE SCHEMA slotcast;"
                       "CREATE EXTENSION IF NOT EXISTS btree_gist;"
                       "CREATE TABLE ledger (one BIGINT PRIMARY KEY CHECK (one = 1), "
                       "version BIGINT NOT NULL);"
                       "INSERT INTO ledger VALUES (1, {});",
                       k_ledger_version) +
           translated(k_sqlite_schema) + std::string(k_own);
}

} // namespace ledger
