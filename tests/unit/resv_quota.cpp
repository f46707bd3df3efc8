#include "resv/quota.hpp"

#include <doctest/doctest.h>

using base::parse_rfc3339;
using resv::over_quota;
using std::chrono::hours;

TEST_CASE("resv: months are those of the calendar, in UTC") {
    const auto at = [](const char *text) { return parse_rfc3339(text).value(); };
    for (const auto &[in, from, to] :
         {std::tuple{"2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
          {"2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
          {"2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
          {"2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"}})
        CHECK(resv::month_of(at(in)) == resv::Span{at(from), at(to)});
}

TEST_CASE("resv: a quota bounds the number ahead and the time of a month") {
    const resv::Span when{base::from_unix_ms(0), base::from_unix_ms(0) + hours{2}};
    const resv::Quota none;
    CHECK(over_quota(none, "a", {.ahead = 1000, .airtime = hours{1000}}, when).empty());
    const resv::Quota quota{.at_once = {}, .ahead = 3, .per_month = hours{10}};
    CHECK(over_quota(quota, "a", {.ahead = 2, .airtime = hours{8}}, when).empty());
    const auto over =
        over_quota(quota, "a", {.ahead = 3, .airtime = hours{8} + base::Millis{1}}, when);
    REQUIRE(over.size() == 2);
    CHECK(over[0] == resv::Shortage{"distributor:a:ahead", 1, 0, when});
    CHECK(over[1] ==
          resv::Shortage{"distributor:a:per_month", 7200, 7199, resv::month_of(when.from)});
    CHECK(over_quota(quota, "a", {.ahead = 0, .airtime = hours{50}}, when).at(0).available == 0);
}
