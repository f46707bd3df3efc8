// What a transaction needs of a database, whichever it is: statements with parameters, and rows.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "seal/encoding.hpp"

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace ledger {

/// A parameter of a statement; borrowed until the statement is reset.
struct Value {
    std::variant<std::monostate, std::int64_t, std::string_view, seal::ByteView> value;

    Value() = default;                                                      // NULL
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

/// The rows of a statement, valid until the next statement of its connection. Columns count from 0.
class Rows {
  public:
    virtual ~Rows() = default;
    /// Steps to the next row; false when there is none.
    [[nodiscard]] virtual base::Result<bool> next() = 0;
    enum class Type { null, integer, text, blob };
    [[nodiscard]] virtual Type type(int column) const = 0;
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    [[nodiscard]] virtual std::string text(int column) const = 0;
    [[nodiscard]] virtual seal::Bytes blob(int column) const = 0;

    [[nodiscard]] base::UtcTime time(int column) const {
        return base::from_unix_ms(integer(column));
    }
    [[nodiscard]] std::optional<base::UtcTime> optional_time(int column) const {
        return type(column) == Type::null ? std::nullopt : std::optional(time(column));
    }
};

/// A connection to a database; not thread-safe. Parameters stand as `?`.
class Sql {
  public:
    virtual ~Sql() = default;
    using Values = std::span<const Value>;

    /// One statement, prepared once per connection.
    [[nodiscard]] virtual base::Result<std::unique_ptr<Rows>> query_with(std::string_view sql,
                                                                         Values values) = 0;
    /// One without rows. Its error may be that of a later statement, or of the commit.
    [[nodiscard]] virtual base::Result<void> run_with(std::string_view sql, Values values) = 0;

    /// Has the database begin with what it was given, if it was only collected.
    virtual void send_now() {}

    [[nodiscard]] base::Result<std::unique_ptr<Rows>>
    query(std::string_view sql, std::initializer_list<Value> values = {}) {
        return query_with(sql, Values{values.begin(), values.size()});
    }
    [[nodiscard]] base::Result<void> run(std::string_view sql,
                                         std::initializer_list<Value> values = {}) {
        return run_with(sql, Values{values.begin(), values.size()});
    }
    /// The first column of the first row; nothing without a row.
    [[nodiscard]] base::Result<std::optional<std::int64_t>>
    number(std::string_view sql, std::initializer_list<Value> values = {}) {
        const auto rows = TRY(query(sql, values));
        if (!TRY(rows->next()))
            return std::nullopt;
        return rows->integer(0);
    }
};

} // namespace ledger
