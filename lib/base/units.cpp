#include "base/units.hpp"

#include <charconv>

namespace base {

namespace {

constexpr std::int64_t k_max = 1'000'000'000'000;

// A decimal number with an optional fraction and an optional K, M or G; must come out whole.
Result<std::int64_t> parse_si(std::string_view text, std::string_view what) {
    const auto bad = [&] {
        return fail_hint(Errc::bad_data,
                         "write it as 6M, 2.5M or 800K (K, M, G are powers of 1000)",
                         "'{}' is not a {}", text, what);
    };
    std::string_view rest = text;
    std::int64_t scale = 1;
    if (!rest.empty()) {
        switch (rest.back()) {
        case 'k':
        case 'K':
            scale = 1'000;
            break;
        case 'm':
        case 'M':
            scale = 1'000'000;
            break;
        case 'g':
        case 'G':
            scale = 1'000'000'000;
            break;
        default:
            break;
        }
        if (scale != 1)
            rest.remove_suffix(1);
    }
    std::int64_t whole = 0;
    const auto [end, err] = std::from_chars(rest.data(), rest.data() + rest.size(), whole);
    if (err != std::errc{} || whole < 0 || rest.front() == '-' || whole > k_max / scale)
        return bad();
    std::int64_t value = whole * scale;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (!rest.empty()) {
        if (rest.front() != '.' || rest.size() < 2)
            return bad();
        for (const char c : rest.substr(1)) {
            if (c < '0' || c > '9' || (scale % 10 != 0 && c != '0'))
                return bad();
            scale /= 10;
            value += (c - '0') * scale;
        }
    }
    if (value <= 0 || value > k_max)
        return bad();
    return value;
}

} // namespace

Result<BitRate> parse_rate(std::string_view text) {
    return BitRate{TRY(parse_si(text, "bit rate"))};
}

std::string format_rate(BitRate rate) {
    if (rate.bps % 1'000'000'000 == 0 && rate.bps != 0)
        return fmt::format("{}G", rate.bps / 1'000'000'000);
    if (rate.bps % 1'000'000 == 0 && rate.bps != 0)
        return fmt::format("{}M", rate.bps / 1'000'000);
    if (rate.bps % 1'000 == 0 && rate.bps != 0)
        return fmt::format("{}K", rate.bps / 1'000);
    return fmt::format("{}", rate.bps);
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    return parse_si(text, "size in bytes");
}

} // namespace base
