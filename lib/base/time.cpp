#include "base/time.hpp"

#include <array>
#include <charconv>
#include <concepts>

namespace base {

namespace {

constexpr Millis k_max_duration = std::chrono::hours{24 * 366};

// Reads exactly `digits` decimal digits at the front of `text` and drops them.
bool take_digits(std::string_view &text, std::size_t digits, int &out) {
    if (text.size() < digits)
        return false;
    out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        out = out * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return true;
}

bool take_char(std::string_view &text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos)
        return false;
    text.remove_prefix(1);
    return true;
}

// The fraction after '.', in milliseconds; finer digits must be zero.
bool take_fraction(std::string_view &text, int &ms) {
    ms = 0;
    int digits = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        const int digit = text.front() - '0';
        if (digits < 3)
            ms = ms * 10 + digit;
        else if (digit != 0)
            return false;
        ++digits;
        text.remove_prefix(1);
    }
    for (int i = digits; i < 3; ++i)
        ms *= 10;
    return digits > 0;
}

// "Z" or "+hh:mm": minutes east of UTC.
bool take_offset(std::string_view &text, int &minutes) {
    if (take_char(text, "Zz")) {
        minutes = 0;
        return true;
    }
    if (text.empty() || (text.front() != '+' && text.front() != '-'))
        return false;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    int h = 0;
    int m = 0;
    if (!take_digits(text, 2, h) || !take_char(text, ":") || !take_digits(text, 2, m) || h > 23 ||
        m > 59)
        return false;
    minutes = sign * (h * 60 + m);
    return true;
}

struct Unit {
    std::string_view name;
    Millis value;
};
using namespace std::chrono_literals;
constexpr std::array<Unit, 5> k_units{{{"d", 24h}, {"h", 1h}, {"m", 1min}, {"s", 1s}, {"ms", 1ms}}};

// A menu has tens of thousands of times: fmt would be most of what it costs.
char *put_digits(char *at, std::integral auto number, int digits) {
    for (char *digit = at + digits; digit != at; number /= 10)
        *--digit = static_cast<char>('0' + number % 10);
    return at + digits;
}

} // namespace

// By hand: a menu holds hundreds of thousands of times.
std::string format_rfc3339(UtcTime t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{t - day};
    const auto year = static_cast<int>(date.year());
    std::array<char, sizeof "-32768-11-22T18:00:00.000Z"> text{};
    char *at = text.data();
    if (year < 0 || year > 9999)
        at = fmt::format_to(at, "{:04}", year);
    else
        at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, static_cast<unsigned>(date.month()), 2);
    *at++ = '-';
    at = put_digits(at, static_cast<unsigned>(date.day()), 2);
    *at++ = 'T';
    at = put_digits(at, clock.hours().count(), 2);
    *at++ = ':';
    at = put_digits(at, clock.minutes().count(), 2);
    *at++ = ':';
    at = put_digits(at, clock.seconds().count(), 2);
    if (const auto millis = clock.subseconds().count(); millis != 0) {
        *at++ = '.';
        at = put_digits(at, millis, 3);
    }
    *at++ = 'Z';
    return {text.data(), at};
}

Result<UtcTime> parse_rfc3339(std::string_view text) {
    std::string_view rest = text;
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, offset = 0;
    bool ok = take_digits(rest, 4, year) && take_char(rest, "-") && take_digits(rest, 2, month) &&
              take_char(rest, "-") && take_digits(rest, 2, day) && take_char(rest, "Tt ") &&
              take_digits(rest, 2, hour) && take_char(rest, ":") && take_digits(rest, 2, minute) &&
              take_char(rest, ":") && take_digits(rest, 2, second);
    if (ok && take_char(rest, "."))
        ok = take_fraction(rest, ms);
    ok = ok && take_offset(rest, offset) && rest.empty();
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (!ok || !date.ok() || year < 1970 || hour > 23 || minute > 59 || second > 59)
        return fail_hint(Errc::bad_data,
                         "write it as 2026-11-22T18:00:00Z or with an offset, +01:00",
                         "'{}' is not an RFC 3339 time", text);
    using namespace std::chrono;
    const UtcTime t{sys_days{date} + hours{hour} + minutes{minute} + seconds{second} + Millis{ms} -
                    minutes{offset}};
    if (t < UtcTime{} || t >= UtcTime{sys_days{std::chrono::year{10'000} / 1 / 1}})
        return fail(Errc::bad_data, "'{}' is not in the years 1970 to 9999 of UTC", text);
    return t;
}

Result<Millis> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return fail_hint(Errc::bad_data, "write it as 2h30m, 90s, 1d or 500ms",
                         "'{}' is not a duration", text);
    };
    std::string_view rest = text;
    Millis total{0};
    std::size_t next_unit = 0;
    while (!rest.empty()) {
        std::int64_t count = 0;
        const auto [end, err] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
        if (err != std::errc{} || rest.front() == '-' || count > k_max_duration.count())
            return bad();
        rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        const std::size_t letters = std::min(rest.find_first_of("0123456789"), rest.size());
        const std::string_view name = rest.substr(0, letters);
        while (next_unit < k_units.size() && k_units[next_unit].name != name)
            ++next_unit;
        if (next_unit == k_units.size())
            return bad();
        if (count > k_max_duration / k_units[next_unit].value)
            return bad();
        total += count * k_units[next_unit++].value;
        rest.remove_prefix(letters);
    }
    if (total <= Millis{0} || total > k_max_duration)
        return bad();
    return total;
}

std::string format_duration(Millis d) {
    if (d == Millis{0})
        return "0s";
    std::string out = d < Millis{0} ? "-" : "";
    Millis rest = std::chrono::abs(d);
    for (const Unit &unit : k_units) {
        if (const auto count = rest / unit.value; count > 0) {
            out += fmt::format("{}{}", count, unit.name);
            rest -= count * unit.value;
        }
    }
    return out;
}

} // namespace base
