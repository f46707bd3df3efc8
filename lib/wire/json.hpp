// Strict JSON: documents are read field by field, unknown fields are refused, errors name the
// field.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/units.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wire {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

/// Parses one document: UTF-8, at most 32 levels, duplicate names and fractions refused. @p name is
/// for errors.
[[nodiscard]] base::Result<Json> parse_json(std::string_view text, std::string_view name);

/// RFC 8785 canonical form. Numbers are integers in our documents; a fraction throws.
[[nodiscard]] std::string canonical_json(const Json &value);

/// Compact, members in insertion order: for records on stdout.
[[nodiscard]] std::string compact_json(const Json &value);

/// Reads the members of one object. `where` ("settings.window") starts every error.
class ObjectReader {
  public:
    [[nodiscard]] static base::Result<ObjectReader> of(const Json &value, std::string where);

    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] base::Result<std::string> string(std::string_view key,
                                                   std::size_t max_bytes = 1024);
    [[nodiscard]] base::Result<std::optional<std::string>>
    optional_string(std::string_view key, std::size_t max_bytes = 1024);
    [[nodiscard]] base::Result<std::int64_t>
    integer(std::string_view key, std::int64_t min = 0,
            std::int64_t max = std::numeric_limits<std::int64_t>::max());
    [[nodiscard]] base::Result<std::int64_t>
    integer_or(std::string_view key, std::int64_t fallback, std::int64_t min = 0,
               std::int64_t max = std::numeric_limits<std::int64_t>::max());
    [[nodiscard]] base::Result<bool> boolean_or(std::string_view key, bool fallback);
    [[nodiscard]] base::Result<base::UtcTime> time(std::string_view key);
    [[nodiscard]] base::Result<std::optional<base::UtcTime>> optional_time(std::string_view key);
    [[nodiscard]] base::Result<std::vector<std::string>> strings(std::string_view key,
                                                                 std::size_t max_items = 64);
    /// The member as it is; fails when absent.
    [[nodiscard]] base::Result<const Json *> value(std::string_view key);
    [[nodiscard]] base::Result<const JsonArray *> array(std::string_view key,
                                                        std::size_t max_items = 100'000);
    [[nodiscard]] base::Result<ObjectReader> object(std::string_view key);

    /// Refuses any member that nobody asked for. Answers of a newer control are read without it.
    [[nodiscard]] base::Result<void> finish() const;
    [[nodiscard]] std::string where(std::string_view key) const;

  private:
    ObjectReader(const JsonObject &object, std::string where)
        : m_object(&object), m_where(std::move(where)) {}
    [[nodiscard]] const Json *find(std::string_view key);
    const JsonObject *m_object; // borrowed: the document outlives its readers
    std::string m_where;
    std::vector<const Json *> m_seen; ///< members that were asked for
};

/// Names that stand in rules, files and labels: 1 to 32 letters, digits, - and _, a letter or digit
/// first.
[[nodiscard]] bool is_plain_name(std::string_view text);

} // namespace wire
