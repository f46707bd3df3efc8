#include "net/http_server.hpp"

#include <algorithm>

namespace net {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t k_max_parameters = 64;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
            return fail(Errc::bad_data, "query: a malformed % escape");
        out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
        i += 2;
    }
    return out;
}

} // namespace

std::optional<std::string> Request::header(std::string_view name) const {
    std::optional<std::string> out;
    for (const auto &[key, value] : headers) {
        if (!std::ranges::equal(key, name, {}, lower, lower))
            continue;
        out = out ? *out + ", " + value : value;
    }
    return out;
}

Result<Headers> parse_query(std::string_view query, const std::vector<std::string> &repeatable) {
    Headers out;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const std::size_t equals = std::min(pair.find('='), pair.size());
        std::string name = TRY(percent_decode(pair.substr(0, equals)));
        std::string value = TRY(percent_decode(pair.substr(std::min(equals + 1, pair.size()))));
        const bool known = std::ranges::any_of(out, [&](const auto &p) { return p.first == name; });
        if (known && std::ranges::find(repeatable, name) == repeatable.end())
            return fail(Errc::bad_data, "query: {} stands twice", name.substr(0, 40));
        if (out.size() == k_max_parameters)
            return fail(Errc::bad_data, "query: more than {} parameters", k_max_parameters);
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view k_digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const char l = lower(c);
        if ((l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
            c == '~') {
            out += c;
        } else {
            out += '%';
            out += k_digits[byte >> 4U];
            out += k_digits[byte & 15U];
        }
    }
    return out;
}

} // namespace net
