#include "cli/time_arg.hpp"

#include <date/tz.h>
#include <sstream>

namespace cli {

using base::Errc;
using base::fail_hint;
using base::Result;
using base::UtcTime;

namespace {

Result<const date::time_zone *> find_zone(std::string_view zone) {
    try {
        return zone.empty() ? date::current_zone() : date::locate_zone(std::string(zone));
    } catch (const std::exception &) {
        if (zone.empty())
            return date::locate_zone("Etc/UTC"); // a machine without /etc/localtime keeps UTC
        return fail_hint(Errc::usage, "name it as in /usr/share/zoneinfo, for example Europe/Paris",
                         "'{}' is not a time zone", zone);
    }
}

bool reads_as(std::string_view text, const char *format, date::local_seconds &out) {
    std::istringstream in{std::string(text)};
    in >> date::parse(format, out);
    return !in.fail() && in.peek() == std::istringstream::traits_type::eof();
}

// The local time, with today's date when none is given.
Result<date::local_seconds> parse_local(std::string_view text, const date::time_zone &zone,
                                        UtcTime now) {
    const auto today = date::floor<date::days>(zone.to_local(now));
    const std::string dated = date::format("%F ", today) + std::string(text);
    date::local_seconds local;
    for (const char *format : {"%F %H:%M:%S", "%F %H:%M", "%FT%H:%M:%S", "%FT%H:%M"})
        if (reads_as(text, format, local))
            return local;
    for (const char *format : {"%F %H:%M:%S", "%F %H:%M"})
        if (reads_as(dated, format, local))
            return local;
    return fail_hint(Errc::usage,
                     "write 18:00, '2026-11-22 18:00' (with --zone) or 2026-11-22T18:00:00Z",
                     "'{}' is not a time", text);
}

} // namespace

Result<UtcTime> parse_time(std::string_view text, std::string_view zone, UtcTime now) {
    if (const auto exact = base::parse_rfc3339(text))
        return *exact;
    const date::time_zone *tz = TRY(find_zone(zone));
    const date::local_seconds local = TRY(parse_local(text, *tz, now));
    const date::local_info info = tz->get_info(local);
    const auto at = [&](const date::sys_info &i) {
        return base::format_rfc3339(UtcTime{local.time_since_epoch() - i.offset});
    };
    if (info.result == date::local_info::nonexistent)
        return fail_hint(Errc::usage,
                         fmt::format("give the instant itself, such as {}", at(info.first)),
                         "'{}' does not exist in {}: clocks go forward over it", text, tz->name());
    if (info.result == date::local_info::ambiguous)
        return fail_hint(Errc::usage,
                         fmt::format("say which: {} or {}", at(info.first), at(info.second)),
                         "'{}' happens twice in {}: clocks go back over it", text, tz->name());
    return UtcTime{local.time_since_epoch() - info.first.offset};
}

Result<UtcTime> not_past(UtcTime t, UtcTime now, std::string_view option) {
    if (t >= now)
        return t;
    return fail_hint(Errc::usage, "for tomorrow, give the date too", "{} {} is past: it is {} now",
                     option, base::format_rfc3339(t), base::format_rfc3339(now));
}

Result<std::string> zone_name(std::string_view zone) {
    return TRY(find_zone(zone))->name();
}

Result<std::chrono::minutes> zone_offset(UtcTime t, std::string_view zone) {
    const date::time_zone *tz = TRY(find_zone(zone));
    return std::chrono::floor<std::chrono::minutes>(tz->get_info(t).offset);
}

std::string format_local(UtcTime t, std::string_view zone) {
    const auto tz = find_zone(zone);
    if (!tz)
        return base::format_rfc3339(t);
    return date::format("%F %T %Z", date::make_zoned(*tz, date::floor<std::chrono::seconds>(t)));
}

} // namespace cli
