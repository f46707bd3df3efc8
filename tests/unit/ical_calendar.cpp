// What goes into calendars that others read.
#include "ical/calendar.hpp"

#include <algorithm>
#include <doctest/doctest.h>

namespace {

ical::Event event(std::string summary) {
    return {.uid = "one@slotcast",
            .sequence = 3,
            .stamp = base::from_unix_ms(1'800'000'000'000),
            .start = base::from_unix_ms(1'800'003'600'000),
            .end = base::from_unix_ms(1'800'007'200'999),
            .summary = std::move(summary)};
}

bool has(const std::string &text, const std::string &line) {
    return text.find("\r\n" + line + "\r\n") != std::string::npos;
}

// RFC 5545, 3.1: how it is read.
std::string unfolded(std::string text) {
    for (std::size_t at; (at = text.find("\r\n ")) != std::string::npos;)
        text.erase(at, 3);
    return text;
}

} // namespace

TEST_CASE("ical: times are UTC to the second, the method says what to do") {
    const std::string text = ical::event_calendar(event("x"), ical::Method::request);
    CHECK(has(text, "DTSTART:20270115T090000Z"));
    CHECK(has(text, "DTEND:20270115T100000Z"));
    CHECK(has(text, "SEQUENCE:3"));
    CHECK(has(text, "METHOD:REQUEST"));
    CHECK(ical::event_calendar(event("x"), ical::Method::none).find("METHOD") == std::string::npos);
}

TEST_CASE("ical: a title cannot add lines, and long ones are folded") {
    const std::string title =
        "a;b,c\\d\nATTENDEE:mailto:eve@example.org\r\nEND:VEVENT " + std::string(300, 'x');
    const std::string text = ical::event_calendar(event(title), ical::Method::none);
    CHECK_FALSE(has(unfolded(text), "ATTENDEE:mailto:eve@example.org"));
    CHECK(unfolded(text).find("a\\;b\\,c\\\\d\\nATTENDEE") != std::string::npos);
    std::size_t longest = 0;
    for (std::size_t at = 0, end = 0; (end = text.find("\r\n", at)) != std::string::npos;
         at = end + 2)
        longest = std::max(longest, end - at);
    CHECK(longest <= 75);
}
