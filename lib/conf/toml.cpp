#include "conf/toml.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <set>
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace conf {

using base::Errc;
using base::Error;
using base::Result;

struct Table::Impl {
    std::shared_ptr<toml::table> document; // keeps `table` alive
    const toml::table *table = nullptr;
    std::string file;
    std::string prefix; // "channels.a."
    std::set<std::string, std::less<>> known;

    const toml::node *find(std::string_view key) {
        known.emplace(key);
        return table->get(key);
    }
};

namespace {

constexpr std::size_t k_max_file = 1U << 20U;

std::shared_ptr<toml::table> no_table() {
    return std::make_shared<toml::table>();
}

} // namespace

Result<Table> Table::parse(std::string_view text, std::string_view name) {
    toml::parse_result parsed = toml::parse(text, name);
    if (!parsed)
        return std::unexpected(
            Error{Errc::config,
                  fmt::format("{}:{}: not TOML: {}", name, parsed.error().source().begin.line,
                              parsed.error().description()),
                  {}});
    auto impl = std::make_shared<Impl>();
    impl->document = std::make_shared<toml::table>(std::move(parsed).table());
    impl->table = impl->document.get();
    impl->file = name;
    return Table{std::move(impl)};
}

Result<Table> Table::load(const std::filesystem::path &path) {
    auto text = base::read_regular_file(path, k_max_file);
    if (!text) {
        Error e = std::move(text).error();
        e.code = Errc::config;
        if (e.hint.empty())
            e.hint = "give another with --config, or see slotcast(7) for where it is looked for";
        return std::unexpected(std::move(e));
    }
    return parse(*text, path.native());
}

Table Table::empty() {
    auto impl = std::make_shared<Impl>();
    impl->document = no_table();
    impl->table = impl->document.get();
    impl->file = "(defaults)";
    return Table{std::move(impl)};
}

Error Table::error_at(std::string_view key, std::string_view text, std::string hint) const {
    const toml::node *node = m_impl->table->get(key);
    const auto line = (node != nullptr ? node->source() : m_impl->table->source()).begin.line;
    return {Errc::config,
            fmt::format("{}:{}: {}{}: {}", m_impl->file, line, m_impl->prefix, key, text),
            std::move(hint)};
}

bool Table::has(std::string_view key) const {
    return m_impl->table->contains(key);
}

Result<std::string> Table::string(std::string_view key) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return std::unexpected(error_at(key, "missing"));
    if (!node->is_string())
        return std::unexpected(error_at(key, "expected a string in quotes"));
    return node->as_string()->get();
}

Result<std::string> Table::string_or(std::string_view key, std::string fallback) const {
    return m_impl->find(key) == nullptr ? Result<std::string>{std::move(fallback)} : string(key);
}

Result<std::int64_t> Table::integer(std::string_view key, std::int64_t min,
                                    std::int64_t max) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return std::unexpected(error_at(key, "missing"));
    if (!node->is_integer())
        return std::unexpected(error_at(key, "expected a whole number"));
    const std::int64_t value = node->as_integer()->get();
    if (value < min || value > max)
        return std::unexpected(
            error_at(key, fmt::format("{} is not in {} to {}", value, min, max)));
    return value;
}

Result<std::int64_t> Table::integer_or(std::string_view key, std::int64_t fallback,
                                       std::int64_t min, std::int64_t max) const {
    return m_impl->find(key) == nullptr ? Result<std::int64_t>{fallback} : integer(key, min, max);
}

Result<bool> Table::boolean_or(std::string_view key, bool fallback) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return fallback;
    if (!node->is_boolean())
        return std::unexpected(error_at(key, "expected true or false"));
    return node->as_boolean()->get();
}

Result<base::BitRate> Table::rate(std::string_view key) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return std::unexpected(error_at(key, "missing"));
    auto parsed =
        node->is_string()
            ? base::parse_rate(node->as_string()->get())
            : Result<base::BitRate>{std::unexpected(
                  Error{Errc::config, "a bit rate is text with its unit", "write it as \"6M\""})};
    if (!parsed)
        return std::unexpected(error_at(key, parsed.error().message, parsed.error().hint));
    return *parsed;
}

Result<base::BitRate> Table::rate_or(std::string_view key, base::BitRate fallback) const {
    return m_impl->find(key) == nullptr ? Result<base::BitRate>{fallback} : rate(key);
}

Result<base::Millis> Table::duration_or(std::string_view key, base::Millis fallback) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return fallback;
    if (!node->is_string())
        return std::unexpected(
            error_at(key, "a duration is text with its unit", "write it as \"10s\" or \"2h30m\""));
    const std::string &text = node->as_string()->get();
    if (text == "0s")
        return base::Millis{0};
    const auto parsed = base::parse_duration(text);
    if (!parsed)
        return std::unexpected(error_at(key, parsed.error().message, parsed.error().hint));
    return *parsed;
}

Result<std::vector<std::string>> Table::strings_or_empty(std::string_view key) const {
    std::vector<std::string> out;
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return out;
    if (!node->is_array())
        return std::unexpected(error_at(key, "expected a list of strings"));
    for (const toml::node &item : *node->as_array()) {
        if (!item.is_string())
            return std::unexpected(error_at(key, "expected a list of strings"));
        out.push_back(item.as_string()->get());
    }
    return out;
}

Result<Table> Table::table(std::string_view key) const {
    const toml::node *node = m_impl->find(key);
    if (node == nullptr)
        return std::unexpected(
            error_at(key, fmt::format("the table [{}{}] is missing", m_impl->prefix, key)));
    if (!node->is_table())
        return std::unexpected(error_at(key, "expected a table"));
    auto impl = std::make_shared<Impl>();
    impl->document = m_impl->document;
    impl->table = node->as_table();
    impl->file = m_impl->file;
    impl->prefix = fmt::format("{}{}.", m_impl->prefix, key);
    return Table{std::move(impl)};
}

Result<Table> Table::table_or_empty(std::string_view key) const {
    return m_impl->find(key) == nullptr ? Result<Table>{empty()} : table(key);
}

Result<std::vector<std::pair<std::string, Table>>> Table::tables(std::string_view key) const {
    std::vector<std::pair<std::string, Table>> out;
    if (m_impl->find(key) == nullptr)
        return out;
    const Table parent = TRY(table(key));
    for (const auto &[name, node] : *parent.m_impl->table)
        out.emplace_back(std::string(name.str()), TRY(parent.table(name.str())));
    return out;
}

Result<void> Table::finish() const {
    for (const auto &[name, node] : *m_impl->table)
        if (!m_impl->known.contains(name.str()))
            return std::unexpected(
                error_at(name.str(), "not a known key",
                         fmt::format("known here: {}", fmt::join(m_impl->known, ", "))));
    return {};
}

} // namespace conf
