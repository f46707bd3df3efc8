// Strict TOML: every key must be known, every error names file, line and key.
#pragma once

#include "base/result.hpp"
#include "base/time.hpp"
#include "base/units.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace conf {

/// One table of a configuration file. Getters mark their key as known; finish() refuses the rest.
class Table {
  public:
    /// Reads a whole file (at most 1 MiB).
    [[nodiscard]] static base::Result<Table> load(const std::filesystem::path &path);
    /// The same from text; @p name stands for the file in errors.
    [[nodiscard]] static base::Result<Table> parse(std::string_view text, std::string_view name);
    /// An empty one, for "no file": every getter falls back.
    [[nodiscard]] static Table empty();

    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] base::Result<std::string> string(std::string_view key) const;
    [[nodiscard]] base::Result<std::string> string_or(std::string_view key,
                                                      std::string fallback) const;
    [[nodiscard]] base::Result<std::int64_t> integer_or(std::string_view key, std::int64_t fallback,
                                                        std::int64_t min, std::int64_t max) const;
    [[nodiscard]] base::Result<std::int64_t> integer(std::string_view key, std::int64_t min,
                                                     std::int64_t max) const;
    [[nodiscard]] base::Result<bool> boolean_or(std::string_view key, bool fallback) const;
    /// `rate = "6M"`; a bare number is refused: the unit must be written.
    [[nodiscard]] base::Result<base::BitRate> rate(std::string_view key) const;
    [[nodiscard]] base::Result<base::BitRate> rate_or(std::string_view key,
                                                      base::BitRate fallback) const;
    /// `lead_in = "10s"`; `"0s"` is allowed.
    [[nodiscard]] base::Result<base::Millis> duration_or(std::string_view key,
                                                         base::Millis fallback) const;
    [[nodiscard]] base::Result<std::vector<std::string>>
    strings_or_empty(std::string_view key) const;
    /// A sub-table; fails when absent.
    [[nodiscard]] base::Result<Table> table(std::string_view key) const;
    /// A sub-table, or an empty one.
    [[nodiscard]] base::Result<Table> table_or_empty(std::string_view key) const;
    /// The sub-tables of `[key.NAME]`, in order of name.
    [[nodiscard]] base::Result<std::vector<std::pair<std::string, Table>>>
    tables(std::string_view key) const;

    /// Refuses keys that no getter of this table asked for (sub-tables check their own).
    [[nodiscard]] base::Result<void> finish() const;

    /// An error at @p key: `control.toml:12: channels.a.rate: text`.
    [[nodiscard]] base::Error error_at(std::string_view key, std::string_view text,
                                       std::string hint = {}) const;

  private:
    struct Impl;
    explicit Table(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}
    std::shared_ptr<Impl> m_impl;
};

} // namespace conf
