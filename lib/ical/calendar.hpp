// Calendars as other programs read them: RFC 5545, made by libical.
#pragma once

#include "resv/timetable.hpp"

#include <optional>

namespace ical {

/// Thread-safe, all of it.

/// What RFC 5546 calls the method: what whoever reads it should do.
enum class Method {
    none,    ///< a file: show it
    request, ///< put it into the calendar, or change it there
    cancel   ///< take it out
};
[[nodiscard]] std::string_view name(Method method);

struct Event {
    std::string uid;           ///< the same for all versions of the event
    std::int64_t sequence = 0; ///< rises with each version
    base::UtcTime stamp;       ///< when this version was made
    base::UtcTime start;
    base::UtcTime end;
    std::string summary; ///< UTF-8
    std::string description{};
    std::string url{};
    std::string organizer{}; ///< mailboxes; empty: none
    std::string attendee{};
    bool cancelled = false;
    bool tentative = false; ///< it may still not take place
};

/// A VCALENDAR with that VEVENT; lines end with CR LF. Times to the second.
[[nodiscard]] std::string event_calendar(const Event &event, Method method);

struct FreeBusy {
    std::string uid;
    base::UtcTime stamp;
    resv::Span window;
    std::vector<resv::Span> busy;        ///< taken by somebody
    std::vector<resv::Span> unavailable; ///< nobody can take it
};

/// A VCALENDAR with that VFREEBUSY, which tells of nobody.
[[nodiscard]] std::string freebusy_calendar(const FreeBusy &freebusy);

} // namespace ical
