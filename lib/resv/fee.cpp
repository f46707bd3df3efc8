#include "resv/fee.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace resv {

namespace {

// ISO 4217:2015 table A.1: currencies that do not have two decimals.
constexpr std::array<std::string_view, 16> k_no_decimals{"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                                         "KMF", "KRW", "PYG", "RWF", "UGX", "VND",
                                                         "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<std::string_view, 7> k_three_decimals{"BHD", "IQD", "JOD", "KWD",
                                                           "LYD", "OMR", "TND"};

} // namespace

base::Result<std::int64_t> fee_of(const std::vector<Fee> &fees, base::Millis duration) {
    std::int64_t sum = 0;
    for (const Fee &fee : fees) {
        const std::int64_t started = (duration + fee.unit - base::Millis{1}) / fee.unit;
        std::int64_t part = 0;
        if (__builtin_mul_overflow(started, fee.per_unit, &part) ||
            __builtin_add_overflow(part, fee.set_up, &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return base::fail(base::Errc::refused, "its fee is beyond all bounds");
    }
    return sum;
}

bool is_currency(std::string_view text) {
    return text.size() == 3 &&
           std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::string format_money(const Money &m) {
    if (std::ranges::find(k_no_decimals, m.currency) != k_no_decimals.end())
        return fmt::format("{} {}", m.minor, m.currency);
    const bool three = std::ranges::find(k_three_decimals, m.currency) != k_three_decimals.end();
    const std::int64_t unit = three ? 1000 : 100;
    return fmt::format("{}.{:0{}} {}", m.minor / unit, m.minor % unit, three ? 3 : 2, m.currency);
}

} // namespace resv
