// Whether a rule names a day: when it falls after that is for libical to say.
#include "resv/rrule.hpp"

#include <algorithm>

namespace resv {

using namespace std::chrono;

namespace {

// Whether `list`, which may count from the end, has the day that is `nth` of `all`; empty: any.
bool has(const std::vector<std::int64_t> &list, std::int64_t nth, std::int64_t all) {
    return list.empty() || std::ranges::any_of(list, [&](std::int64_t n) {
               return n == nth || n == nth - all - 1;
           });
}

bool names_without_positions(const Rrule &rule, year_month_day day) {
    const auto length = [](sys_days from, sys_days to) { return (to - from).count() + 1; };
    const sys_days month = day.year() / day.month() / 1;
    const sys_days month_end = day.year() / day.month() / last;
    const sys_days year = day.year() / January / 1;
    const sys_days year_end = day.year() / December / 31;
    const std::int64_t all_months = 12;
    if (!has(rule.months, unsigned{day.month()}, all_months) ||
        !has(rule.month_days, unsigned{day.day()}, length(month, month_end)) ||
        !has(rule.year_days, length(year, day), length(year, year_end)))
        return false;
    const bool of_year = rule.frequency == Rrule::Frequency::yearly && rule.months.empty();
    const std::int64_t nth = (length(of_year ? year : month, day) + 6) / 7;
    const std::int64_t from_end = (length(day, of_year ? year_end : month_end) + 6) / 7;
    const unsigned weekday = std::chrono::weekday{sys_days{day}}.c_encoding();
    return rule.week_days.empty() ||
           std::ranges::any_of(rule.week_days, [&](const Rrule::WeekDay &w) {
               return w.day == weekday && (w.nth == 0 || w.nth == nth || w.nth == -from_end);
           });
}

} // namespace

bool names_day(const Rrule &rule, year_month_day day) {
    if (!names_without_positions(rule, day))
        return false;
    if (rule.positions.empty())
        return true;
    const bool yearly = rule.frequency == Rrule::Frequency::yearly;
    sys_days from = day.year() / (yearly ? January : day.month()) / 1;
    const sys_days to = day.year() / (yearly ? December : day.month()) / last;
    std::int64_t nth = 0;
    std::int64_t all = 0;
    for (; from <= to; from += days{1})
        if (names_without_positions(rule, from)) {
            nth += int{from <= sys_days{day}};
            ++all;
        }
    return has(rule.positions, nth, all);
}

} // namespace resv
