#include "resv/rrule.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

using resv::parse_rrule;

TEST_CASE("resv: rules of RFC 5545 that can be booked are read") {
    using namespace std::chrono;
    for (const char *text :
         {"FREQ=DAILY;COUNT=10",
          "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
          "FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
          "FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6",
          "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
          "FREQ=YEARLY;BYMONTH=6,7,8;BYDAY=TH;COUNT=13",
          "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5",
          "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=3", "count=1;freq=daily",
          "FREQ=MONTHLY;BYDAY=+2MO;COUNT=2", "FREQ=DAILY;BYMONTH=1;UNTIL=20280101"}) {
        CAPTURE(text);
        const auto rule = parse_rrule(text);
        CHECK_MESSAGE(rule, rule.error().message);
    }
    const auto rule = parse_rrule("UNTIL=20280229;WKST=SU;FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU");
    REQUIRE(rule);
    CHECK(rule->pattern == "WKST=SU;FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU");
    CHECK(rule->interval == 2);
    CHECK_FALSE(rule->count);
    CHECK(std::get<year_month_day>(*rule->until) == 2028y / February / 29);
    const auto instant = parse_rrule("FREQ=DAILY;UNTIL=20270328T005959Z");
    REQUIRE(instant);
    CHECK(base::format_rfc3339(std::get<base::UtcTime>(*instant->until)) == "2027-03-28T00:59:59Z");
}

TEST_CASE("resv: a wrong rule is refused, and the part that is wrong named") {
    struct Case {
        std::string_view text;
        std::string_view says;
    };
    for (const Case &c : std::initializer_list<Case>{
             {"", "''"},
             {"FREQ=DAILY", "COUNT or UNTIL: is missing"},
             {"COUNT=3", "FREQ: is missing"},
             {"FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT or UNTIL: give one"},
             {"FREQ=DAILY;COUNT=3;COUNT=4", "COUNT=4: stands twice"},
             {"FREQ=DAILY;COUNT=3;", "''"},
             {"FREQ=DAILY;;COUNT=3", "''"},
             {"FREQ=DAILY;COUNT=", "'COUNT='"},
             {"FREQ=DAILY;=3", "'=3'"},
             {"FREQ=DAILY;COUNT", "'COUNT'"},
             {"RRULE:FREQ=DAILY;COUNT=3", "FREQ: is missing"},
             {"FREQ=DAILY;BYMONTHDAY=-1;COUNT=3", "BYMONTHDAY=-1: days are counted from the end"},
             {"FREQ=FORTNIGHTLY;COUNT=3", "FREQ=FORTNIGHTLY: is not"},
             {"FREQ=HOURLY;COUNT=3", "FREQ=HOURLY: nothing is reserved more often than daily"},
             {"FREQ=MINUTELY;COUNT=3", "FREQ=MINUTELY: nothing"},
             {"FREQ=SECONDLY;COUNT=3", "FREQ=SECONDLY: nothing"},
             {"FREQ=DAILY;BYHOUR=9;COUNT=3", "BYHOUR=9: the time of day is that of the start"},
             {"FREQ=DAILY;BYMINUTE=9;COUNT=3", "BYMINUTE=9:"},
             {"FREQ=DAILY;BYSECOND=9;COUNT=3", "BYSECOND=9:"},
             {"FREQ=DAILY;COUNT=0", "COUNT=0: is not a number from 1"},
             {"FREQ=DAILY;COUNT=-1", "COUNT=-1"},
             {"FREQ=DAILY;COUNT=+1", "COUNT=+1"},
             {"FREQ=DAILY;COUNT=1x", "COUNT=1X"},
             {"FREQ=DAILY;COUNT=99999999999999999999", "COUNT=9"},
             {"FREQ=DAILY;INTERVAL=0;COUNT=3", "INTERVAL=0"},
             {"FREQ=DAILY;INTERVAL=1001;COUNT=3", "INTERVAL=1001"},
             {"FREQ=DAILY;UNTIL=20271301", "UNTIL=20271301: there is no such time"},
             {"FREQ=DAILY;UNTIL=20270229", "UNTIL=20270229: there is no such time"},
             {"FREQ=DAILY;UNTIL=20270101T000000", "UNTIL=20270101T000000: is neither"},
             {"FREQ=DAILY;UNTIL=2027-01-01", "UNTIL=2027-01-01"},
             {"FREQ=DAILY;BYMONTH=13;COUNT=3", "BYMONTH=13: '13' is not from 1 to 12"},
             {"FREQ=DAILY;BYMONTH=-1;COUNT=3", "BYMONTH=-1"},
             {"FREQ=DAILY;BYMONTH=1,1;COUNT=3", "BYMONTH=1,1: '1' stands twice"},
             {"FREQ=DAILY;BYMONTH=1,;COUNT=3", "BYMONTH=1,: ''"},
             {"FREQ=DAILY;BYMONTHDAY=0;COUNT=3", "BYMONTHDAY=0"},
             {"FREQ=DAILY;BYMONTHDAY=32;COUNT=3", "BYMONTHDAY=32"},
             {"FREQ=MONTHLY;BYMONTHDAY=--3;COUNT=3", "BYMONTHDAY=--3"},
             {"FREQ=WEEKLY;BYMONTHDAY=3;COUNT=3", "BYMONTHDAY=3: does not go with FREQ=WEEKLY"},
             {"FREQ=WEEKLY;BYDAY=2MO;COUNT=3", "'2MO' has a number"},
             {"FREQ=DAILY;BYDAY=1MO;COUNT=3", "'1MO' has a number"},
             {"FREQ=MONTHLY;BYDAY=6MO;COUNT=3", "'6MO' has a number that is not"},
             {"FREQ=YEARLY;BYDAY=54MO;COUNT=3", "'54MO'"},
             {"FREQ=WEEKLY;BYDAY=XX;COUNT=3", "BYDAY=XX: 'XX' is no day"},
             {"FREQ=WEEKLY;BYDAY=M;COUNT=3", "'M' is no day"},
             {"FREQ=MONTHLY;BYYEARDAY=3;COUNT=3", "BYYEARDAY=3: goes with FREQ=YEARLY"},
             {"FREQ=YEARLY;BYYEARDAY=367;COUNT=3", "BYYEARDAY=367"},
             {"FREQ=YEARLY;BYYEARDAY=3;BYMONTH=1;COUNT=3", "does not go with BYMONTH"},
             {"FREQ=YEARLY;BYDAY=MO;BYYEARDAY=3;COUNT=3", "does not go with BYDAY"},
             {"FREQ=YEARLY;BYMONTHDAY=3;COUNT=3", "BYMONTHDAY=3: needs BYMONTH"},
             {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "BYWEEKNO=20: weeks are not counted"},
             {"FREQ=MONTHLY;BYSETPOS=1;COUNT=3",
              "BYSETPOS=1: needs BYDAY, BYMONTHDAY or BYYEARDAY"},
             {"FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=3", "BYSETPOS=1: goes with FREQ=MONTHLY"},
             {"FREQ=MONTHLY;BYMONTHDAY=-2,30;BYSETPOS=1;COUNT=3",
              "BYMONTHDAY=-2,30: with BYSETPOS days are counted from one end"},
             {"FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0;COUNT=3", "BYSETPOS=0"},
             {"FREQ=WEEKLY;WKST=1MO;COUNT=3", "WKST=1MO"},
             {"FREQ=WEEKLY;WKST=MO,TU;COUNT=3", "WKST=MO,TU: is not MO or SU"},
             {"FREQ=WEEKLY;INTERVAL=2;BYDAY=FR;WKST=SA;COUNT=3", "WKST=SA: is not MO or SU"},
             {"FREQ=DAILY;BYEASTER=0;COUNT=3", "BYEASTER=0: is no part of a rule"},
             {"FREQ=DAILY;RSCALE=GREGORIAN;COUNT=3", "RSCALE=GREGORIAN: is no part"},
             {"FREQ=DAILY;X-FOO=1;COUNT=3", "X-FOO=1: is no part"}}) {
        CAPTURE(c.text);
        const auto rule = parse_rrule(c.text);
        REQUIRE_FALSE(rule);
        CHECK(rule.error().code == base::Errc::bad_data);
        CHECK_MESSAGE(rule.error().message.find(c.says) != std::string::npos, rule.error().message);
    }
    CHECK_FALSE(parse_rrule("FREQ=DAILY;COUNT=3;BYMONTH=" + std::string(600, '1')));
    CHECK_FALSE(parse_rrule(std::string_view("FREQ=DAILY;COUNT=3\0", 19)));
}

TEST_CASE("resv: no text breaks the reader of rules, and what it reads it reads again") {
    CHECK(rc::check("mutations of a rule", [](std::uint32_t seed) {
        std::string text = "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1MO,FR;BYSETPOS=1;WKST=SU;COUNT=7";
        for (std::uint32_t i = 0; i < seed % 4; ++i) {
            const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
            text[at] = *rc::gen::element(';', '=', ',', '-', '0', '9', 'M', '\0', '\xff');
        }
        const auto rule = parse_rrule(text);
        if (rule) {
            const auto again =
                parse_rrule(rule->pattern + (rule->count ? ";COUNT=7" : ";UNTIL=20270101"));
            RC_ASSERT(again.has_value());
            RC_ASSERT(again->pattern == rule->pattern);
        }
    }));
}
