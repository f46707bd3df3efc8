#include "ical/recurrence.hpp"

#include "ical/libical.hpp"

#include <date/tz.h>

namespace ical {

using base::Errc;
using base::Result;
using base::UtcTime;
using LocalTime = date::local_time<base::Millis>;

namespace {

// How far beyond its limit a rule is followed that seldom falls.
constexpr std::chrono::hours k_look_beyond{24 * 366 * 10};

icaltimetype ical_time(date::local_seconds t) {
    const auto day = date::floor<date::days>(t);
    const date::year_month_day ymd{day};
    const date::hh_mm_ss<base::Seconds> time{t - day};
    icaltimetype out = icaltime_null_time();
    out.year = int{ymd.year()};
    out.month = static_cast<int>(unsigned{ymd.month()});
    out.day = static_cast<int>(unsigned{ymd.day()});
    out.hour = static_cast<int>(time.hours().count());
    out.minute = static_cast<int>(time.minutes().count());
    out.second = static_cast<int>(time.seconds().count());
    return out;
}

// The day that libical finds next, if any, at the time of day of the start.
std::optional<LocalTime> next_of(const Iterator &iterator, base::Millis time_of_day) {
    const icaltimetype t = icalrecur_iterator_next(iterator.get());
    if (icaltime_is_null_time(t))
        return std::nullopt;
    const date::local_days day{date::year{t.year} / date::month{static_cast<unsigned>(t.month)} /
                               date::day{static_cast<unsigned>(t.day)}};
    return day + time_of_day;
}

// RFC 5545 section 3.3.10 sends to 3.3.5: a wall time that clocks skip is read with the offset from
// before the gap; of two instants with the same wall time it is the first.
UtcTime instant_of(const date::time_zone &zone, LocalTime local) {
    const date::local_info info = zone.get_info(date::floor<base::Seconds>(local));
    return UtcTime{local.time_since_epoch() - info.first.offset};
}

bool is_over(const resv::Rrule &rule, UtcTime start, LocalTime local) {
    if (!rule.until)
        return false;
    if (const auto *last = std::get_if<UtcTime>(&*rule.until))
        return start > *last;
    const auto day = std::get<std::chrono::year_month_day>(*rule.until);
    return date::floor<date::days>(local).time_since_epoch() >
           std::chrono::sys_days{day}.time_since_epoch();
}

// libical looks for days until @p end, and centuries far when it is not told one.
Iterator iterator_of(const std::string &pattern, LocalTime from, LocalTime end) {
    const std::string bounded = pattern + date::format(";UNTIL=%Y%m%d", end);
    icalrecurrencetype rule = icalrecurrencetype_from_string(bounded.c_str());
    if (rule.freq == ICAL_NO_RECURRENCE)
        return nullptr;
    return Iterator{icalrecur_iterator_new(rule, ical_time(date::floor<base::Seconds>(from)))};
}

Result<const date::time_zone *> zone_of(const std::string &name) {
    try {
        return date::locate_zone(name);
    } catch (const std::exception &) {
        return base::fail_hint(Errc::bad_data,
                               "name it as in /usr/share/zoneinfo, for example Europe/Paris",
                               "'{}' is not a time zone", name.substr(0, 64));
    }
}

} // namespace

Result<std::vector<Occurrence>> occurrences(const resv::Rrule &rule, const std::string &zone_name,
                                            UtcTime start, std::size_t most, UtcTime limit) {
    const date::time_zone &zone = *TRY(zone_of(zone_name));
    const LocalTime first = zone.to_local(start);
    const base::Millis time_of_day = first - date::floor<date::days>(first);
    // libical would look for such a day for centuries.
    const std::chrono::year_month_day day{
        std::chrono::sys_days{date::floor<date::days>(first).time_since_epoch()}};
    if (!resv::names_day(rule, day))
        return base::fail_hint(Errc::refused, "let the series begin on one of its days",
                               "the rule does not fall on the start, {}",
                               date::format("%A %F", first));
    const std::scoped_lock lock{library()};
    const LocalTime end = zone.to_local(std::max(start, limit) + k_look_beyond);
    const Iterator iterator = iterator_of(rule.pattern, first, end);
    if (!iterator)
        return base::fail(Errc::bad_data, "libical does not take the rule {}", rule.pattern);
    std::vector<Occurrence> out;
    while (const auto local = next_of(iterator, time_of_day)) {
        Occurrence o{.local = date::format("%FT%T", date::floor<base::Seconds>(*local)),
                     .start = instant_of(zone, *local)};
        if (out.empty() && *local != first)
            return base::fail_hint(Errc::refused, "let the series begin then, or change the rule",
                                   "the rule first falls on {}, not on the start", o.local);
        if (out.empty())
            o.start = start; // of two instants with that local time the one that was given
        else if (o.start <= out.back().start)
            continue; // a whole day was skipped: the next one is at the same instant
        if (is_over(rule, o.start, *local))
            break;
        if (out.size() == most)
            return base::fail_hint(Errc::refused, "give a smaller COUNT, or an earlier UNTIL",
                                   "that is more than {} reservations", most);
        out.push_back(std::move(o));
        if (out.back().start > limit || (rule.count && std::cmp_equal(out.size(), *rule.count)))
            return out;
    }
    if (out.empty())
        return base::fail_hint(Errc::refused, "give a later UNTIL, or another rule",
                               "the rule never falls on the start or after it");
    if (!is_over(rule, instant_of(zone, end), end))
        return base::fail_hint(Errc::refused, "give a smaller COUNT, or an earlier UNTIL",
                               "the rule comes to only {} until {}", out.size(),
                               date::format("%F", end));
    return out;
}

} // namespace ical
