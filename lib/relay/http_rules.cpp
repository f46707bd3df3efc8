#include "relay/http_rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace relay {

namespace {

constexpr std::size_t k_max_path = 512;

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The front of @p rest up to @p separator, without blanks; drops both.
std::string_view take_item(std::string_view &rest, char separator) {
    const std::string_view item = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    return trimmed(item);
}

bool is_same_word(std::string_view a, std::string_view lower) {
    return std::ranges::equal(a, lower, [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

// `;q=0`, `;q=0.000`: not acceptable (section 12.4.2).
bool is_refused(std::string_view parameters) {
    while (!parameters.empty()) {
        std::string_view parameter = take_item(parameters, ';');
        const std::string_view name = take_item(parameter, '=');
        if (is_same_word(name, "q"))
            return parameter.find_first_not_of("0. \t") == std::string_view::npos;
    }
    return false;
}

} // namespace

std::optional<std::vector<std::string_view>> split_path(std::string_view path) {
    if (!path.starts_with('/') || path.size() > k_max_path)
        return std::nullopt;
    std::vector<std::string_view> parts;
    for (path.remove_prefix(1);;) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        const bool last = slash == std::string_view::npos;
        if (part == "." || part == ".." || (part.empty() && !last) ||
            !std::ranges::all_of(part, is_plain))
            return std::nullopt;
        parts.push_back(part);
        if (last)
            return parts;
        path.remove_prefix(slash + 1);
    }
}

std::optional<std::pair<std::int64_t, std::int64_t>> parse_range(std::string_view range,
                                                                 std::int64_t size) {
    const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
        std::int64_t value = -1;
        const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (ec != std::errc{} || end != text.data() + text.size() || value < 0)
            return std::nullopt;
        return value;
    };
    if (!range.starts_with("bytes="))
        return std::nullopt;
    range.remove_prefix(6);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos)
        return std::nullopt;
    const auto last = number(range.substr(dash + 1));
    if (dash == 0) {
        if (!last)
            return std::nullopt;
        return std::pair{size - std::min(*last, size), size};
    }
    const auto first = number(range.substr(0, dash));
    if (!first || (!last && dash + 1 != range.size()) || (last && *last < *first))
        return std::nullopt;
    if (*first >= size)
        return std::pair{size, size};
    return std::pair{*first, last ? std::min(*last, size - 1) + 1 : size};
}

bool names_etag(std::string_view field, std::string_view etag) {
    if (trimmed(field) == "*")
        return true;
    // No tag of ours holds a comma.
    while (!field.empty()) {
        std::string_view item = take_item(field, ',');
        if (item.starts_with("W/"))
            item.remove_prefix(2);
        if (item == etag)
            return true;
    }
    return false;
}

bool accepts_gzip(std::string_view field) {
    bool by_star = false;
    while (!field.empty()) {
        std::string_view item = take_item(field, ',');
        const std::string_view name = take_item(item, ';');
        if (is_same_word(name, "gzip") || is_same_word(name, "x-gzip"))
            return !is_refused(item);
        by_star = by_star || (name == "*" && !is_refused(item));
    }
    return by_star;
}

std::optional<Directives> parse_directives(std::string_view query) {
    constexpr std::size_t k_digits = 15;
    Directives out;
    bool skips = false;
    while (!query.empty()) {
        const std::string_view item = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), item.size() + 1));
        const std::size_t equals = std::min(item.find('='), item.size());
        const std::string_view name = item.substr(0, equals);
        const std::string_view value = item.substr(std::min(equals + 1, item.size()));
        if (name == "_HLS_skip") { // YES or v2: there are no date ranges to tell them apart
            if (std::exchange(skips, true))
                return std::nullopt;
            out.skip = value == "YES" || value == "v2";
        }
        if (name != "_HLS_msn" && name != "_HLS_part")
            continue;
        std::int64_t &number = name == "_HLS_msn" ? out.sequence : out.part;
        if (number >= 0 || value.empty() || value.size() > k_digits ||
            !std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }))
            return std::nullopt;
        std::from_chars(value.data(), value.data() + value.size(), number);
    }
    if (out.part >= 0 && out.sequence < 0)
        return std::nullopt;
    return out;
}

std::string http_date(base::UtcTime t) {
    static constexpr std::array<std::string_view, 7> k_days{"Sun", "Mon", "Tue", "Wed",
                                                            "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> k_months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::seconds>(t - day)};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", k_days[std::chrono::weekday{day}.c_encoding()],
        static_cast<unsigned>(date.day()), k_months[static_cast<unsigned>(date.month()) - 1],
        static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
        time.seconds().count());
}

} // namespace relay
