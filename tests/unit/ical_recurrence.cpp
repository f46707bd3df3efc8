// When series fall: as an independent reader of RFC 5545 has it, also where clocks change.
#include "ical/recurrence.hpp"

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>

namespace {

using base::UtcTime;
using ical::Occurrence;
using Texts = std::vector<std::string>;

UtcTime utc(std::string_view text) {
    return base::parse_rfc3339(text).value();
}
constexpr std::string_view k_far = "2200-01-01T00:00:00Z";

base::Result<std::vector<Occurrence>> fall(std::string_view rule, const std::string &zone,
                                           std::string_view start, std::size_t most = 400,
                                           std::string_view limit = k_far) {
    const auto read = resv::parse_rrule(rule);
    REQUIRE_MESSAGE(read, read.error().message);
    return ical::occurrences(*read, zone, utc(start), most, utc(limit));
}

Texts instants(std::string_view rule, const std::string &zone, std::string_view start) {
    const auto found = fall(rule, zone, start);
    REQUIRE_MESSAGE(found, found.error().message);
    Texts out;
    for (const Occurrence &o : *found)
        out.push_back(base::format_rfc3339(o.start));
    return out;
}

std::string joined(const std::vector<Occurrence> &all) {
    std::string out;
    for (const Occurrence &o : all)
        out += (out.empty() ? "" : " ") + base::format_rfc3339(o.start);
    return out;
}

// The same, as days of UTC.
Texts days_of(std::string_view rule, std::string_view start) {
    Texts out;
    for (const std::string &text : instants(rule, "Etc/UTC", start))
        out.push_back(text.substr(0, 10));
    return out;
}

} // namespace

// Made by tests/lib/recurrences, which says what is in it.
TEST_CASE("ical: series fall when dateutil has them fall") {
    std::ifstream file{std::filesystem::path(__FILE__).parent_path() / "recurrences.txt"};
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
        CAPTURE(line);
        const auto space = line.find(' ', line.find(' ') + 1);
        const std::string expected = line.substr(space + 1);
        const auto zone = line.substr(line.find(' ') + 1, space - line.find(' ') - 1);
        const auto found =
            fall(line.substr(0, line.find(' ')), zone, expected.substr(0, expected.find(' ')));
        CHECK((found ? joined(*found) : found.error().message) == expected);
    }
    CHECK(lines > 100);
}

TEST_CASE("ical: ends of months, leap days, positions, as RFC 5545 has them") {
    CHECK(days_of("FREQ=MONTHLY;COUNT=4", "2027-01-31T18:00:00Z") ==
          Texts{"2027-01-31", "2027-03-31", "2027-05-31", "2027-07-31"});
    CHECK(days_of("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "2027-12-31T18:00:00Z") ==
          Texts{"2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31"});
    CHECK(days_of("FREQ=YEARLY;COUNT=3", "2028-02-29T18:00:00Z") ==
          Texts{"2028-02-29", "2032-02-29", "2036-02-29"});
    CHECK(days_of("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3",
                  "2027-01-29T18:00:00Z") == Texts{"2027-01-29", "2027-02-26", "2027-03-31"});
    CHECK(days_of("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "2027-08-13T18:00:00Z") ==
          Texts{"2027-08-13", "2028-10-13", "2029-04-13"});
    CHECK(days_of("FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=TU,SU;COUNT=4", "1997-08-05T18:00:00Z") ==
          Texts{"1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"});
    CHECK(days_of("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU;COUNT=4", "1997-08-05T18:00:00Z") ==
          Texts{"1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"});
    CHECK(days_of("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "1997-05-19T09:00:00Z") ==
          Texts{"1997-05-19", "1998-05-18", "1999-05-17"});
    CHECK(days_of("FREQ=DAILY;UNTIL=20270303", "2027-03-01T18:00:00Z") ==
          Texts{"2027-03-01", "2027-03-02", "2027-03-03"});
    CHECK(days_of("FREQ=DAILY;UNTIL=20270303T175959Z", "2027-03-01T18:00:00Z").size() == 2);
    CHECK(days_of("FREQ=DAILY;UNTIL=20270303T180000Z", "2027-03-01T18:00:00Z").size() == 3);
}

TEST_CASE("ical: the wall time stays over both changes of the clocks, here and there") {
    CHECK(instants("FREQ=WEEKLY;COUNT=3", "Europe/Berlin", "2027-03-21T17:00:00Z") ==
          Texts{"2027-03-21T17:00:00Z", "2027-03-28T16:00:00Z", "2027-04-04T16:00:00Z"});
    CHECK(instants("FREQ=WEEKLY;COUNT=3", "Europe/Berlin", "2027-10-24T16:00:00Z") ==
          Texts{"2027-10-24T16:00:00Z", "2027-10-31T17:00:00Z", "2027-11-07T17:00:00Z"});
    CHECK(instants("FREQ=WEEKLY;COUNT=3", "America/New_York", "2027-03-07T23:00:00Z") ==
          Texts{"2027-03-07T23:00:00Z", "2027-03-14T22:00:00Z", "2027-03-21T22:00:00Z"});
    CHECK(instants("FREQ=WEEKLY;COUNT=3", "America/New_York", "2027-10-31T22:00:00Z") ==
          Texts{"2027-10-31T22:00:00Z", "2027-11-07T23:00:00Z", "2027-11-14T23:00:00Z"});
    // The day is the zone's, not UTC's.
    CHECK(instants("FREQ=WEEKLY;BYDAY=MO;COUNT=2", "Europe/Berlin", "2027-06-06T22:30:00Z") ==
          Texts{"2027-06-06T22:30:00Z", "2027-06-13T22:30:00Z"});
    CHECK(instants("FREQ=DAILY;UNTIL=20270608", "Europe/Berlin", "2027-06-06T22:30:00Z").size() ==
          2);
    CHECK(instants("FREQ=DAILY;COUNT=2", "Etc/UTC", "2027-06-06T22:30:00.250Z").back() ==
          "2027-06-07T22:30:00.250Z");
}

// RFC 5545 section 3.3.5, to which 3.3.10 sends.
TEST_CASE("ical: a wall time that is skipped is read with the former offset, of two it is the "
          "first") {
    CHECK(instants("FREQ=DAILY;COUNT=3", "Europe/Berlin", "2027-03-27T01:30:00Z") ==
          Texts{"2027-03-27T01:30:00Z", "2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"});
    CHECK(fall("FREQ=DAILY;COUNT=2", "Europe/Berlin", "2027-03-27T01:30:00Z")->back().local ==
          "2027-03-28T02:30:00");
    CHECK(instants("FREQ=DAILY;COUNT=3", "Europe/Berlin", "2027-10-30T00:30:00Z") ==
          Texts{"2027-10-30T00:30:00Z", "2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"});
    CHECK(instants("FREQ=DAILY;COUNT=3", "America/New_York", "2027-03-13T07:30:00Z") ==
          Texts{"2027-03-13T07:30:00Z", "2027-03-14T07:30:00Z", "2027-03-15T06:30:00Z"});
    CHECK(instants("FREQ=DAILY;COUNT=3", "America/New_York", "2027-11-06T05:30:00Z") ==
          Texts{"2027-11-06T05:30:00Z", "2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"});
    // Half an hour: 2027-10-03 02:00 to 02:30, and 2027-04-04 02:00 back to 01:30.
    CHECK(instants("FREQ=DAILY;COUNT=3", "Australia/Lord_Howe", "2027-10-01T15:45:00Z") ==
          Texts{"2027-10-01T15:45:00Z", "2027-10-02T15:45:00Z", "2027-10-03T15:15:00Z"});
    CHECK(instants("FREQ=DAILY;COUNT=3", "Australia/Lord_Howe", "2027-04-02T14:45:00Z") ==
          Texts{"2027-04-02T14:45:00Z", "2027-04-03T14:45:00Z", "2027-04-04T15:15:00Z"});
    // The start is an instant: of the two it is the one that was given.
    CHECK(instants("FREQ=DAILY;COUNT=2", "Europe/Berlin", "2027-10-31T01:30:00Z") ==
          Texts{"2027-10-31T01:30:00Z", "2027-11-01T01:30:00Z"});
    // A day that a zone never had is no second reservation of the next one.
    CHECK(instants("FREQ=DAILY;COUNT=3", "Pacific/Apia", "2011-12-29T20:00:00Z") ==
          Texts{"2011-12-29T20:00:00Z", "2011-12-30T20:00:00Z", "2011-12-31T20:00:00Z"});
}

TEST_CASE("ical: what never ends, never falls, or begins elsewhere is refused") {
    const auto no = [](std::string_view rule, const std::string &zone, std::string_view start,
                       std::size_t most = 400) {
        const auto found = fall(rule, zone, start, most);
        REQUIRE_FALSE(found);
        return found.error().message;
    };
    CHECK(no("FREQ=DAILY;COUNT=3", "Europe/Berlino", "2027-01-01T00:00:00Z") ==
          "'Europe/Berlino' is not a time zone");
    CHECK(no("FREQ=DAILY;COUNT=3", "../../etc/passwd", "2027-01-01T00:00:00Z")
              .ends_with("not a time zone"));
    CHECK(no("FREQ=DAILY;COUNT=3", "", "2027-01-01T00:00:00Z").ends_with("not a time zone"));
    CHECK(no("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "Etc/UTC", "2027-01-05T10:00:00Z") ==
          "the rule does not fall on the start, Tuesday 2027-01-05");
    CHECK(no("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=3;COUNT=3", "Etc/UTC", "2027-01-05T10:00:00Z") ==
          "the rule does not fall on the start, Tuesday 2027-01-05");
    CHECK(no("FREQ=DAILY;COUNT=11", "Etc/UTC", "2027-01-05T10:00:00Z", 10) ==
          "that is more than 10 reservations");
    CHECK(no("FREQ=DAILY;UNTIL=99991231", "Etc/UTC", "2027-01-05T10:00:00Z") ==
          "that is more than 400 reservations");
    for (const char *never :
         {"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=3",
          "FREQ=MONTHLY;BYDAY=1SU;BYMONTHDAY=21;COUNT=2",
          "FREQ=YEARLY;BYMONTH=2;BYDAY=53MO;COUNT=2",
          "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=70;COUNT=2", "FREQ=YEARLY;BYYEARDAY=-366;COUNT=2",
          "FREQ=MONTHLY;INTERVAL=2;BYMONTH=2;COUNT=2"})
        CHECK(no(never, "Etc/UTC", "2027-01-05T10:00:00Z").starts_with("the rule does not fall"));
    // What seldom falls is followed for ten years, and not cut short silently.
    CHECK(fall("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=7;COUNT=2", "Etc/UTC",
               "2028-02-29T10:00:00Z", 400, "2029-01-01T00:00:00Z")
              .error()
              .message == "the rule comes to only 1 until 2039-01-09");
    CHECK(fall("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=7;UNTIL=20380101", "Etc/UTC",
               "2028-02-29T10:00:00Z", 400, "2029-01-01T00:00:00Z")
              ->size() == 1);
    CHECK(no("FREQ=DAILY;UNTIL=20270104", "Etc/UTC", "2027-01-05T10:00:00Z").find("never falls") !=
          std::string::npos);
    // One after the limit tells that it is beyond; the rest is nobody's business.
    const auto cut = fall("FREQ=YEARLY;COUNT=300", "Etc/UTC", "2027-01-05T10:00:00Z", 400,
                          "2030-01-01T00:00:00Z");
    REQUIRE(cut);
    CHECK(cut->size() == 4);
    CHECK(cut->back().local == "2030-01-05T10:00:00");
}
