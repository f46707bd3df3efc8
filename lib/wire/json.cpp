#include "wire/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>
#include <utility>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

namespace {

// Boost.JSON keeps the last of two members with one name; two readers could then disagree about
// what was signed, so a SAX pass refuses duplicates before the document is built. It refuses
// fractions too, for which RFC 8785 has rules that our documents have no use for.
class StrictPass {
  public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;
    using error_code = boost::json::error_code;

    bool on_document_begin(error_code &) { return true; }
    bool on_document_end(error_code &) { return true; }
    bool on_object_begin(error_code &) {
        m_names.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t, error_code &) {
        m_names.pop_back();
        return true;
    }
    bool on_array_begin(error_code &) { return true; }
    bool on_array_end(std::size_t, error_code &) { return true; }
    bool on_key_part(boost::json::string_view part, std::size_t, error_code &) {
        m_key.append(part.data(), part.size());
        return true;
    }
    bool on_key(boost::json::string_view part, std::size_t, error_code &ec) {
        m_key.append(part.data(), part.size());
        if (!m_names.back().insert(m_key).second) {
            duplicate = m_key;
            ec = boost::json::error::syntax;
            return false;
        }
        m_key.clear();
        return true;
    }
    bool on_string_part(boost::json::string_view, std::size_t, error_code &) { return true; }
    bool on_string(boost::json::string_view, std::size_t, error_code &) { return true; }
    bool on_number_part(boost::json::string_view, error_code &) { return true; }
    bool on_int64(std::int64_t, boost::json::string_view, error_code &) { return true; }
    bool on_uint64(std::uint64_t, boost::json::string_view, error_code &) { return true; }
    bool on_double(double, boost::json::string_view, error_code &ec) {
        fraction = true;
        ec = boost::json::error::syntax;
        return false;
    }
    bool on_bool(bool, error_code &) { return true; }
    bool on_null(error_code &) { return true; }
    bool on_comment_part(boost::json::string_view, error_code &) { return true; }
    bool on_comment(boost::json::string_view, error_code &) { return true; }

    std::string duplicate;
    bool fraction = false;

  private:
    std::vector<std::set<std::string>> m_names;
    std::string m_key;
};

boost::json::parse_options options() {
    boost::json::parse_options o;
    o.max_depth = 32;
    return o;
}

void write_canonical(const Json &value, std::string &out) {
    switch (value.kind()) {
    case boost::json::kind::object: {
        // RFC 8785 sorts by UTF-16 code units; our names are ASCII, where bytes sort the same.
        std::vector<std::string_view> names;
        for (const auto &member : value.get_object())
            names.emplace_back(member.key().data(), member.key().size());
        std::ranges::sort(names);
        out += '{';
        for (const std::string_view name : names) {
            if (out.back() != '{')
                out += ',';
            out += boost::json::serialize(boost::json::string_view{name.data(), name.size()});
            out += ':';
            write_canonical(value.get_object().at({name.data(), name.size()}), out);
        }
        out += '}';
        return;
    }
    case boost::json::kind::array: {
        out += '[';
        bool first = true;
        for (const Json &item : value.get_array()) {
            if (!std::exchange(first, false))
                out += ',';
            write_canonical(item, out);
        }
        out += ']';
        return;
    }
    case boost::json::kind::double_:
        throw std::invalid_argument("canonical_json: our documents hold no fractions");
    default:
        out += boost::json::serialize(value);
    }
}

} // namespace

Result<Json> parse_json(std::string_view text, std::string_view name) {
    boost::json::error_code ec;
    boost::json::basic_parser<StrictPass> check{options()};
    const std::size_t read = check.write_some(false, text.data(), text.size(), ec);
    if (!check.handler().duplicate.empty())
        return fail(Errc::bad_data, "{}: the name '{}' stands twice in one object", name,
                    check.handler().duplicate.substr(0, 64));
    if (check.handler().fraction)
        return fail(Errc::bad_data, "{}: a number that is not whole, or too large", name);
    if (!ec && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
        return fail(Errc::bad_data, "{}: more text after the JSON document, at byte {}", name,
                    read);
    if (ec)
        return fail(Errc::bad_data, "{}: not JSON at byte {}: {}", name, read, ec.message());
    Json value = boost::json::parse({text.data(), text.size()}, ec, {}, options());
    if (ec)
        return fail(Errc::bad_data, "{}: not JSON: {}", name, ec.message());
    return value;
}

std::string canonical_json(const Json &value) {
    std::string out;
    write_canonical(value, out);
    return out;
}

std::string compact_json(const Json &value) {
    return boost::json::serialize(value);
}

Result<ObjectReader> ObjectReader::of(const Json &value, std::string where) {
    if (!value.is_object())
        return fail(Errc::bad_data, "{}: expected an object", where);
    return ObjectReader{value.get_object(), std::move(where)};
}

std::string ObjectReader::where(std::string_view key) const {
    return fmt::format("{}.{}", m_where, key);
}

bool ObjectReader::has(std::string_view key) const {
    const Json *found = m_object->if_contains({key.data(), key.size()});
    return found != nullptr && !found->is_null();
}

const Json *ObjectReader::find(std::string_view key) {
    m_seen.emplace_back(key);
    const Json *found = m_object->if_contains({key.data(), key.size()});
    return found != nullptr && found->is_null() ? nullptr : found;
}

Result<const Json *> ObjectReader::value(std::string_view key) {
    const Json *found = find(key);
    if (found == nullptr)
        return fail(Errc::bad_data, "{}: missing", where(key));
    return found;
}

Result<std::string> ObjectReader::string(std::string_view key, std::size_t max_bytes) {
    const Json *found = TRY(value(key));
    if (!found->is_string())
        return fail(Errc::bad_data, "{}: expected a string", where(key));
    const auto &text = found->get_string();
    if (text.size() > max_bytes)
        return fail(Errc::bad_data, "{}: longer than {} bytes", where(key), max_bytes);
    return std::string(text.data(), text.size());
}

Result<std::optional<std::string>> ObjectReader::optional_string(std::string_view key,
                                                                 std::size_t max_bytes) {
    if (find(key) == nullptr)
        return std::optional<std::string>{};
    return std::optional{TRY(string(key, max_bytes))};
}

Result<std::int64_t> ObjectReader::integer(std::string_view key, std::int64_t min,
                                           std::int64_t max) {
    const Json *found = TRY(value(key));
    std::int64_t number = 0;
    if (found->is_int64())
        number = found->get_int64();
    else if (found->is_uint64() && std::in_range<std::int64_t>(found->get_uint64()))
        number = static_cast<std::int64_t>(found->get_uint64()); // built, not parsed
    else
        return fail(Errc::bad_data, "{}: expected an integer", where(key));
    if (number < min || number > max)
        return fail(Errc::bad_data, "{}: {} is not in {} to {}", where(key), number, min, max);
    return number;
}

Result<std::int64_t> ObjectReader::integer_or(std::string_view key, std::int64_t fallback,
                                              std::int64_t min, std::int64_t max) {
    if (find(key) == nullptr)
        return fallback;
    return integer(key, min, max);
}

Result<bool> ObjectReader::boolean_or(std::string_view key, bool fallback) {
    const Json *found = find(key);
    if (found == nullptr)
        return fallback;
    if (!found->is_bool())
        return fail(Errc::bad_data, "{}: expected true or false", where(key));
    return found->get_bool();
}

Result<base::UtcTime> ObjectReader::time(std::string_view key) {
    const std::string text = TRY(string(key, 64));
    auto parsed = base::parse_rfc3339(text);
    if (!parsed)
        return std::unexpected(std::move(parsed).error().in(where(key)));
    return *parsed;
}

Result<std::optional<base::UtcTime>> ObjectReader::optional_time(std::string_view key) {
    if (find(key) == nullptr)
        return std::optional<base::UtcTime>{};
    return std::optional{TRY(time(key))};
}

Result<const JsonArray *> ObjectReader::array(std::string_view key, std::size_t max_items) {
    const Json *found = TRY(value(key));
    if (!found->is_array())
        return fail(Errc::bad_data, "{}: expected an array", where(key));
    if (found->get_array().size() > max_items)
        return fail(Errc::bad_data, "{}: more than {} items", where(key), max_items);
    return &found->get_array();
}

Result<std::vector<std::string>> ObjectReader::strings(std::string_view key,
                                                       std::size_t max_items) {
    std::vector<std::string> out;
    for (const Json &item : *TRY(array(key, max_items))) {
        if (!item.is_string() || item.get_string().size() > 1024)
            return fail(Errc::bad_data, "{}: expected strings of at most 1024 bytes", where(key));
        out.emplace_back(item.get_string().data(), item.get_string().size());
    }
    return out;
}

Result<ObjectReader> ObjectReader::object(std::string_view key) {
    return of(*TRY(value(key)), where(key));
}

Result<void> ObjectReader::finish() const {
    for (const auto &member : *m_object) {
        const std::string_view key{member.key().data(), member.key().size()};
        if (std::ranges::find(m_seen, key) == m_seen.end())
            return fail(Errc::bad_data, "{}: not a known field", where(key.substr(0, 64)));
    }
    return {};
}

bool is_plain_name(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, plain) &&
           text.front() != '-' && text.front() != '_';
}

} // namespace wire
