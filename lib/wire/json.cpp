#include "wire/json.hpp"

#include <algorithm>
#include <utility>

namespace wire {

using base::Errc;
using base::fail;
using base::Result;

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
    const Json *found = m_object->if_contains({key.data(), key.size()});
    if (found != nullptr)
        m_seen.push_back(found);
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
        if (std::ranges::find(m_seen, &member.value()) != m_seen.end())
            continue;
        const std::string_view key{member.key().data(), member.key().size()};
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
