// A connection to an SQLite database. Only these two files know sqlite3.h.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "seal/encoding.hpp"

#include <filesystem>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

struct sqlite3;
struct sqlite3_stmt;

namespace ledger {

/// A parameter of a statement; borrowed until the statement is reset.
struct Value {
    std::variant<std::monostate, std::int64_t, std::string_view, seal::ByteView> value;

    Value(std::int64_t number) : value(number) {}                           // NOLINT(*-explicit-*)
    Value(std::string_view text) : value(text) {}                           // NOLINT(*-explicit-*)
    Value(const std::string &text) : value(std::string_view(text)) {}       // NOLINT(*-explicit-*)
    Value(seal::ByteView bytes) : value(bytes) {}                           // NOLINT(*-explicit-*)
    Value(base::UtcTime time) : value(std::int64_t{base::unix_ms(time)}) {} // NOLINT(*-explicit-*)
    Value(const std::optional<base::UtcTime> &time) {                       // NOLINT(*-explicit-*)
        if (time)
            value = std::int64_t{base::unix_ms(*time)};
    }
};

/// The rows of a running statement; resets it when it dies. Columns count from 0.
class Cursor {
  public:
    Cursor(Cursor &&other) noexcept;
    Cursor &operator=(Cursor &&) = delete;
    ~Cursor();

    /// Steps to the next row; false when there is none.
    [[nodiscard]] base::Result<bool> next();
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] seal::Bytes blob(int column) const;
    [[nodiscard]] std::optional<base::UtcTime> optional_time(int column) const;
    [[nodiscard]] base::UtcTime time(int column) const {
        return base::from_unix_ms(integer(column));
    }

  private:
    friend class Database;
    Cursor(class Database &db, sqlite3_stmt *statement) : m_db(&db), m_statement(statement) {}
    Database *m_db;
    sqlite3_stmt *m_statement;
};

/// One connection; not thread-safe. Errors name the file: io (disk full or broken), try_again
/// (locked by another process), bad_data (damaged or no database), not_permitted, no_input.
class Database {
  public:
    enum class Mode { existing, create };
    [[nodiscard]] static base::Result<Database> open(const std::filesystem::path &path, Mode mode);
    Database(Database &&) noexcept;
    Database &operator=(Database &&) noexcept;
    ~Database();

    /// Statements without parameters or rows.
    [[nodiscard]] base::Result<void> execute(const char *sql);
    /// One statement, prepared once per connection.
    [[nodiscard]] base::Result<Cursor> query(std::string_view sql,
                                             std::initializer_list<Value> values = {});
    /// query() for its effect.
    [[nodiscard]] base::Result<void> run(std::string_view sql,
                                         std::initializer_list<Value> values = {});
    /// The first column of the only row; nothing without a row.
    [[nodiscard]] base::Result<std::optional<std::int64_t>>
    number(std::string_view sql, std::initializer_list<Value> values = {});

    /// False also after an error ended the transaction on its own (a full disk does).
    [[nodiscard]] bool in_transaction() const;

  private:
    friend class Cursor;
    struct Close {
        void operator()(sqlite3 *db) const;
        void operator()(sqlite3_stmt *statement) const;
    };
    Database(std::unique_ptr<sqlite3, Close> db, std::string name);
    [[nodiscard]] std::unexpected<base::Error> failure(int code) const;

    std::string m_name;
    std::unique_ptr<sqlite3, Close> m_db; // before the statements: they are finalised first
    std::map<std::string, std::unique_ptr<sqlite3_stmt, Close>, std::less<>> m_statements;
};

} // namespace ledger
