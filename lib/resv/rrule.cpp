#include "resv/rrule.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace resv {

using base::Errc;
using base::Result;

namespace {

constexpr std::size_t k_max_text = 512;
constexpr std::int64_t k_max_count = 100'000; // more than anybody books; control allows less
constexpr std::int64_t k_max_interval = 1'000;
constexpr std::array<std::string_view, 7> k_days{"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

using Frequency = Rrule::Frequency;

struct Part {
    std::string_view name;
    std::string_view value;
};

std::unexpected<base::Error> bad(const Part &part, std::string_view what, std::string hint = {}) {
    return base::fail_hint(Errc::bad_data, std::move(hint), "{}={}: {}", part.name,
                           part.value.substr(0, 64), what);
}

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t out = 0;
    if (text.starts_with('+'))
        text.remove_prefix(1);
    if (text.empty() || text.size() > 7 || text.starts_with('+') || text == "-")
        return std::nullopt;
    const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (err != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return out;
}

Result<std::int64_t> positive(const Part &part, std::int64_t most) {
    const auto n = number(part.value);
    if (!n || *n < 1 || *n > most || part.value.starts_with('+'))
        return bad(part, fmt::format("is not a number from 1 to {}", most));
    return *n;
}

// Calls `judge` with each value of a list; it says what is wrong with one, or nothing.
template <typename Judge> Result<void> each(const Part &part, Judge judge) {
    std::vector<std::string_view> seen;
    std::string_view rest = part.value;
    for (;;) {
        const std::size_t comma = rest.find(',');
        const std::string_view value = rest.substr(0, comma);
        if (const std::string wrong = judge(value); !wrong.empty())
            return bad(part, fmt::format("'{}' {}", value.substr(0, 16), wrong));
        if (std::ranges::find(seen, value) != seen.end())
            return bad(part, fmt::format("'{}' stands twice", value));
        seen.push_back(value);
        if (comma == std::string_view::npos)
            return {};
        rest.remove_prefix(comma + 1);
    }
}

// Numbers from 1 to `most`, also from the end when `both`.
Result<void> numbers(const Part &part, std::int64_t most, bool both) {
    return each(part, [&](std::string_view value) -> std::string {
        const auto n = number(value);
        if (!n || *n == 0 || *n > most || *n < (both ? -most : 1))
            return fmt::format("is not from 1 to {}{}", most, both ? " or the same below 0" : "");
        return {};
    });
}

// MO, or 2MO and -1MO where days of a month or year are counted.
Result<void> days(const Part &part, bool counted, std::int64_t most) {
    return each(part, [&](std::string_view value) -> std::string {
        if (value.size() < 2 ||
            std::ranges::find(k_days, value.substr(value.size() - 2)) == std::end(k_days))
            return "is no day: SU MO TU WE TH FR SA";
        value.remove_suffix(2);
        if (value.empty())
            return {};
        if (!counted)
            return "has a number, which goes with FREQ=MONTHLY and YEARLY";
        const auto n = number(value);
        if (!n || *n == 0 || *n > most || *n < -most)
            return fmt::format("has a number that is not from 1 to {} or the same below 0", most);
        return {};
    });
}

bool digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// 20261231 or 20261231T235959Z.
Result<void> read_until(const Part &part, Rrule &rule) {
    const std::string_view v = part.value;
    const bool day = v.size() == 8 && digits(v);
    const bool instant = v.size() == 16 && digits(v.substr(0, 8)) && v[8] == 'T' &&
                         digits(v.substr(9, 6)) && v[15] == 'Z';
    if (!day && !instant)
        return bad(part, "is neither a day nor an instant of UTC",
                   "write UNTIL=20261231 or UNTIL=20261231T225959Z");
    const auto at = base::parse_rfc3339(
        fmt::format("{}-{}-{}T{}:{}:{}Z", v.substr(0, 4), v.substr(4, 2), v.substr(6, 2),
                    instant ? v.substr(9, 2) : "00", instant ? v.substr(11, 2) : "00",
                    instant ? v.substr(13, 2) : "00"));
    if (!at)
        return bad(part, "there is no such time");
    if (instant)
        rule.until = *at;
    else
        rule.until = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(*at)};
    return {};
}

// Part by part, each once.
Result<std::vector<Part>> split(std::string_view text) {
    std::vector<Part> out;
    for (;;) {
        const std::size_t end = text.find(';');
        const std::string_view one = text.substr(0, end);
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos || equals == 0 || equals + 1 == one.size())
            return base::fail_hint(Errc::bad_data, "write it as FREQ=WEEKLY;BYDAY=MO;COUNT=10",
                                   "'{}': is not NAME=VALUE", one.substr(0, 64));
        const Part part{.name = one.substr(0, equals), .value = one.substr(equals + 1)};
        if (std::ranges::find(out, part.name, &Part::name) != out.end())
            return bad(part, "stands twice");
        out.push_back(part);
        if (end == std::string_view::npos)
            return out;
        text.remove_prefix(end + 1);
    }
}

Result<Frequency> frequency_of(const std::vector<Part> &parts) {
    const auto found = std::ranges::find(parts, "FREQ", &Part::name);
    if (found == parts.end())
        return base::fail_hint(Errc::bad_data,
                               "begin it with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY",
                               "FREQ: is missing");
    constexpr std::array k_all{
        std::pair{"DAILY", Frequency::daily}, std::pair{"WEEKLY", Frequency::weekly},
        std::pair{"MONTHLY", Frequency::monthly}, std::pair{"YEARLY", Frequency::yearly}};
    for (const auto &[name, frequency] : k_all)
        if (found->value == name)
            return frequency;
    if (found->value == "SECONDLY" || found->value == "MINUTELY" || found->value == "HOURLY")
        return bad(*found, "nothing is reserved more often than daily",
                   "for several times of a day make a series for each");
    return bad(*found, "is not DAILY, WEEKLY, MONTHLY or YEARLY");
}

const Part *find(const std::vector<Part> &parts, std::string_view name) {
    const auto found = std::ranges::find(parts, name, &Part::name);
    return found == parts.end() ? nullptr : &*found;
}

// 30,-2 names one day twice where months have 31: libical then counts it twice.
bool counts_from_both_ends(std::string_view list) {
    bool from_start = list.front() != '-';
    for (std::size_t comma = list.find(',');
         comma + 1 < list.size() && comma != std::string_view::npos;
         comma = list.find(',', comma + 1))
        from_start = from_start || list[comma + 1] != '-';
    return from_start && list.contains('-');
}

Result<void> check_month_days(const Part &part, const std::vector<Part> &parts, Frequency f) {
    if (f == Frequency::weekly)
        return bad(part, "does not go with FREQ=WEEKLY");
    if (f == Frequency::daily && part.value.contains('-')) // libical finds no such day
        return bad(part, "days are counted from the end of months with FREQ=MONTHLY");
    // Of every month by the RFC, of that of the start by libical.
    if (f == Frequency::yearly && find(parts, "BYMONTH") == nullptr)
        return bad(part, "needs BYMONTH with FREQ=YEARLY", "for every month: FREQ=MONTHLY");
    return numbers(part, 31, true);
}

Result<void> check_year_days(const Part &part, const std::vector<Part> &parts, Frequency f) {
    if (f != Frequency::yearly)
        return bad(part, "goes with FREQ=YEARLY");
    for (const std::string_view other : {"BYMONTH", "BYMONTHDAY", "BYDAY"}) // libical takes none
        if (find(parts, other) != nullptr)
            return bad(part, fmt::format("does not go with {}", other));
    return numbers(part, 366, true);
}

Result<void> check_positions(const Part &part, const std::vector<Part> &parts, Frequency f) {
    if (f == Frequency::daily || f == Frequency::weekly) // libical chooses from all days then
        return bad(part, "goes with FREQ=MONTHLY and YEARLY", "name the days with BYDAY");
    const Part *of_month = find(parts, "BYMONTHDAY");
    if (of_month != nullptr && counts_from_both_ends(of_month->value))
        return bad(*of_month, "with BYSETPOS days are counted from one end of the month");
    if (of_month == nullptr && find(parts, "BYDAY") == nullptr &&
        find(parts, "BYYEARDAY") == nullptr)
        return bad(part, "needs BYDAY, BYMONTHDAY or BYYEARDAY to choose from");
    return numbers(part, 366, true);
}

// A BY part: its values, and whether it goes with the others: by the table of section 3.3.10, and
// as far as libical 3.0.16 is right. It reads outside its own tables for some BYWEEKNO.
Result<void> check_by(const Part &part, const std::vector<Part> &parts, Frequency f) {
    if (part.name == "BYMONTH")
        return numbers(part, 12, false);
    if (part.name == "BYMONTHDAY")
        return check_month_days(part, parts, f);
    if (part.name == "BYYEARDAY")
        return check_year_days(part, parts, f);
    if (part.name == "BYDAY")
        return days(part, f == Frequency::monthly || f == Frequency::yearly,
                    f == Frequency::monthly ? 5 : 53);
    if (part.name == "BYSETPOS")
        return check_positions(part, parts, f);
    if (part.name == "BYWEEKNO")
        return bad(part, "weeks are not counted here", "name days with BYYEARDAY, or BYMONTH");
    if (part.name == "BYHOUR" || part.name == "BYMINUTE" || part.name == "BYSECOND")
        return bad(part, "the time of day is that of the start",
                   "for several times of a day make a series for each");
    return bad(part, "is no part of a rule",
               "FREQ INTERVAL COUNT UNTIL WKST BYMONTH BYYEARDAY BYMONTHDAY BYDAY BYSETPOS");
}

// With other days libical is wrong about every second week and the like.
Result<void> check_week_start(const Part &part) {
    if (part.value == "MO" || part.value == "SU")
        return {};
    return bad(part, "is not MO or SU");
}

// The values of a BY part that is good.
void keep(const Part &part, Rrule &rule) {
    std::vector<std::int64_t> *list = part.name == "BYMONTH"      ? &rule.months
                                      : part.name == "BYMONTHDAY" ? &rule.month_days
                                      : part.name == "BYYEARDAY"  ? &rule.year_days
                                      : part.name == "BYSETPOS"   ? &rule.positions
                                                                  : nullptr;
    (void)each(part, [&](std::string_view value) -> std::string {
        if (list != nullptr)
            list->push_back(number(value).value_or(0));
        if (part.name == "BYDAY") {
            const auto day = std::ranges::find(k_days, value.substr(value.size() - 2));
            rule.week_days.push_back(
                {.nth = number(value.substr(0, value.size() - 2)).value_or(0),
                 .day = static_cast<unsigned>(std::distance(std::begin(k_days), day))});
        }
        return {};
    });
}

Result<void> read_part(const Part &part, const std::vector<Part> &parts, Rrule &rule) {
    if (part.name == "INTERVAL") {
        rule.interval = TRY(positive(part, k_max_interval));
        return {};
    }
    if (part.name == "COUNT") {
        rule.count = TRY(positive(part, k_max_count));
        return {};
    }
    if (part.name == "UNTIL")
        return read_until(part, rule);
    if (part.name == "WKST")
        return check_week_start(part);
    if (part.name == "FREQ")
        return {};
    TRY(check_by(part, parts, rule.frequency));
    keep(part, rule);
    return {};
}

} // namespace

Result<Rrule> parse_rrule(std::string_view given) {
    if (given.size() > k_max_text)
        return base::fail(Errc::bad_data, "the rule has more than {} bytes", k_max_text);
    std::string text{given};
    for (char &c : text)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A'); // RFC 5545 section 1.3: either case
    const auto parts = TRY(split(text));
    Rrule rule;
    rule.frequency = TRY(frequency_of(parts));
    for (const Part &part : parts) {
        TRY(read_part(part, parts, rule));
        if (part.name != "COUNT" && part.name != "UNTIL")
            rule.pattern +=
                fmt::format("{}{}={}", rule.pattern.empty() ? "" : ";", part.name, part.value);
    }
    if (rule.count.has_value() == rule.until.has_value())
        return base::fail_hint(Errc::bad_data, "add COUNT=10, or UNTIL=20261231",
                               "COUNT or UNTIL: {}",
                               rule.count ? "give one of them" : "is missing");
    return rule;
}

} // namespace resv
