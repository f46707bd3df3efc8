#include "ical/calendar.hpp"

#include "ical/libical.hpp"

#include <stdexcept>

namespace ical {

namespace {

// Adopts what libical made; null is out of memory.
template <typename T> T *made(T *object) {
    if (object == nullptr)
        throw std::bad_alloc();
    return object;
}

icaltimetype utc(base::UtcTime t) {
    return icaltime_from_timet_with_zone(
        std::chrono::floor<base::Seconds>(t).time_since_epoch().count(), 0,
        icaltimezone_get_utc_timezone());
}

void add(icalcomponent *to, icalproperty *property) {
    icalcomponent_add_property(to, made(property));
}

Component calendar_with(icalcomponent *inner, Method method) {
    Component out{made(icalcomponent_new_vcalendar())};
    icalcomponent_add_component(out.get(), inner);
    add(out.get(), icalproperty_new_version("2.0"));
    add(out.get(), icalproperty_new_prodid("-//Slotcast//Slotcast//EN"));
    if (method != Method::none)
        add(out.get(), icalproperty_new_method(method == Method::cancel ? ICAL_METHOD_CANCEL
                                                                        : ICAL_METHOD_REQUEST));
    return out;
}

std::string text_of(const Component &calendar) {
    char *raw = made(icalcomponent_as_ical_string_r(calendar.get()));
    std::string out{raw};
    icalmemory_free_buffer(raw);
    return out;
}

void add_people(icalcomponent *event, const Event &e) {
    if (!e.organizer.empty())
        add(event, icalproperty_new_organizer(("mailto:" + e.organizer).c_str()));
    if (e.attendee.empty())
        return;
    icalproperty *attendee = made(icalproperty_new_attendee(("mailto:" + e.attendee).c_str()));
    icalproperty_add_parameter(attendee, icalparameter_new_rsvp(ICAL_RSVP_FALSE));
    add(event, attendee);
}

} // namespace

std::string_view name(Method method) {
    switch (method) {
    case Method::request:
        return "REQUEST";
    case Method::cancel:
        return "CANCEL";
    case Method::none:
        break;
    }
    return "";
}

std::string event_calendar(const Event &e, Method method) {
    const std::scoped_lock lock{library()};
    icalcomponent *event = made(icalcomponent_new_vevent());
    const Component calendar = calendar_with(event, method);
    add(event, icalproperty_new_uid(e.uid.c_str()));
    add(event, icalproperty_new_sequence(static_cast<int>(e.sequence)));
    add(event, icalproperty_new_dtstamp(utc(e.stamp)));
    add(event, icalproperty_new_dtstart(utc(e.start)));
    add(event, icalproperty_new_dtend(utc(e.end)));
    add(event, icalproperty_new_summary(e.summary.c_str()));
    add(event, icalproperty_new_status(e.cancelled   ? ICAL_STATUS_CANCELLED
                                       : e.tentative ? ICAL_STATUS_TENTATIVE
                                                     : ICAL_STATUS_CONFIRMED));
    if (!e.description.empty())
        add(event, icalproperty_new_description(e.description.c_str()));
    if (!e.url.empty())
        add(event, icalproperty_new_url(e.url.c_str()));
    add_people(event, e);
    return text_of(calendar);
}

std::string freebusy_calendar(const FreeBusy &f) {
    const std::scoped_lock lock{library()};
    icalcomponent *inner = made(icalcomponent_new_vfreebusy());
    const Component calendar = calendar_with(inner, Method::none);
    add(inner, icalproperty_new_uid(f.uid.c_str()));
    add(inner, icalproperty_new_dtstamp(utc(f.stamp)));
    add(inner, icalproperty_new_dtstart(utc(f.window.from)));
    add(inner, icalproperty_new_dtend(utc(f.window.to)));
    const auto all = [&](const std::vector<resv::Span> &spans, icalparameter_fbtype type) {
        for (const resv::Span &span : spans) {
            icalperiodtype period = icalperiodtype_null_period();
            period.start = utc(span.from);
            // What ends within a second takes all of it.
            period.end = utc(std::chrono::ceil<base::Seconds>(span.to));
            icalproperty *property = made(icalproperty_new_freebusy(period));
            icalproperty_add_parameter(property, icalparameter_new_fbtype(type));
            add(inner, property);
        }
    };
    all(f.busy, ICAL_FBTYPE_BUSY);
    all(f.unavailable, ICAL_FBTYPE_BUSYUNAVAILABLE);
    return text_of(calendar);
}

} // namespace ical
